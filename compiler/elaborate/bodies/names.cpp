// What a name means: the body's own names, the model's layers, lets and tasks, the top level, the primitives. And what
// stands behind a point: columns, heads of other tasks, named results, the parameters of a layer.
#include "compiler/elaborate/bodies/names.h"

#include <algorithm>
#include <cctype>

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/dim_bindings.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/statements.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/words.h"
#include "compiler/syntax/phrases.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
Value unknown_name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame);
void run_in_model(BodyContext& ctx, const syntax::Stmt& stmt, TaskState* task, std::map<std::string, Binding>& scope);
Value model_name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame, bool& found);
Value layer_member(const PlacePtr& place, const syntax::Name& member, SourceRange range, Frame& frame);
Value task_member(BodyContext& ctx, TaskState& other, const syntax::Name& member, SourceRange range, Frame& frame);
Value column(BodyContext& ctx, const std::string& source, const syntax::Name& column, SourceRange range, Frame& frame);

const std::string* ragged_name(const TypeExpr::DimItem& item) {
  if (item.kind != TypeExpr::DimItem::Kind::size || !item.size) return nullptr;
  const auto* name = std::get_if<NameExpr>(&item.size->node);
  return name && is_dimension_name(name->name) ? &name->name : nullptr;
}
// The space of `T` in the columns of a source.
std::optional<SpaceId> ragged_of_source(const DataDecl& source, const std::string& dim, types::Spaces& spaces) {
  for (const ColumnDecl& column : source.columns) {
    SpaceId space = spaces.add_source(source.name.text);
    for (const TypeExpr::DimItem& item : column.type.dims) {
      const std::string* name = ragged_name(item);
      if (!name) break;
      space = spaces.add_ragged(space, *name);
      if (*name == dim) return space;
    }
  }
  return std::nullopt;
}
}  // namespace

Value name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame, bool tasks) {
  const At at{frame, range};
  if (Binding* binding = frame.find(name)) return binding->value;
  if (frame.unsized.count(name)) return size_of_others(ctx, name, at);
  if (name == "training") return StaticValue{ctx.options.training};
  if (name == "progress") {
    // A tensor in both, so that what is written with it means the same.
    if (!ctx.options.training) return Tensor{constant(ctx, 1, at), nullptr, nullptr};
    return Tensor{emit(ctx, "scalar", {}, at, {{"name", std::string("progress")}}), nullptr, nullptr};
  }
  const bool in_model = frame.kind == Frame::Kind::task || frame.kind == Frame::Kind::model;
  if (in_model) {
    bool found = false;
    Value value = model_name(ctx, name, range, frame, found);
    if (found && (tasks || !std::holds_alternative<TaskRef>(value.v))) return value;
  }
  if (const sema::Found* found = ctx.file.find(frame.unit, name)) {
    switch (found->kind) {
      case sema::DeclKind::constant: {
        const StaticValue* value = ctx.file.constant(frame.unit, name);
        return value ? Value{*value} : Value{};
      }
      case sema::DeclKind::module:
      case sema::DeclKind::function:
      case sema::DeclKind::criterion:
        return Callable{found, nullptr, ""};
      case sema::DeclKind::data:
        return SourceRef{name};
      case sema::DeclKind::vocab:
      case sema::DeclKind::balancer:
      case sema::DeclKind::model:
      case sema::DeclKind::sweep:
        ctx.report(at, diag::NotAValue, name, sema::kind_name(found->kind));
        return {};
    }
  }
  if (const sema::Primitive* primitive = sema::find_primitive(name)) {
    if (!primitive->supported) {
      ctx.report(at, diag::NotSupportedYet, "`" + name + "`");
      return {};
    }
    return Callable{nullptr, primitive, ""};
  }
  if (sema::is_initializer(name) || sema::is_static_function(name)) return Callable{nullptr, nullptr, name};
  if (name == "ops") return FileRef{name};
  if (in_model && frame.task && is_dimension_name(name)) {
    std::string& read = frame.task->info.source;
    if (read.empty()) {  // a task without `predicts` belongs to the source that it reads first
      std::vector<std::string> having;
      for (const std::string& known : ctx.file.visible(frame.unit, {sema::DeclKind::data})) {
        const DataDecl* data = ctx.file.source(known);
        if (data && ragged_of_source(*data, name, ctx.spaces())) having.push_back(known);
      }
      if (having.size() == 1) read = having.front();
    }
    const DataDecl* source = ctx.file.source(read);
    auto space = source ? ragged_of_source(*source, name, ctx.spaces()) : std::nullopt;
    if (space) return RaggedDim{*space};
  }
  return unknown_name(ctx, name, range, frame);
}

namespace {
Value unknown_name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame) {
  std::vector<std::string> candidates;
  for (const auto& scope : frame.scopes) {
    for (const auto& [known, binding] : scope) candidates.push_back(known);
  }
  for (const auto& [known, item] : ctx.model.items) candidates.push_back(known);
  using sema::DeclKind;
  for (std::string& known : ctx.file.visible(frame.unit, {DeclKind::constant, DeclKind::module, DeclKind::function})) {
    candidates.push_back(std::move(known));
  }
  for (const sema::Primitive& primitive : sema::primitives()) candidates.emplace_back(primitive.name);
  auto near = nearest(name, candidates);
  if (name == "task" || name == "tasks" || name == "previous") {
    ctx.report({frame, range}, diag::NotSupportedYet, "`" + name + "`");
    return {};
  }
  ctx.report({frame, range}, diag::UnknownName, name).help(near ? "did you mean `" + *near + "`?" : "");
  return {};
}

// A `let` of the model sees what the statements above it have made of a variable; a task, wherever it stands, what all
// of them have.
Value model_variable(BodyContext& ctx, const std::string& name, SourceRange range, const Frame& frame) {
  size_t count = ctx.model.steps.size();
  if (frame.kind == Frame::Kind::model) {
    count = 0;
    while (count < ctx.model.steps.size() && ctx.model.steps[count]->range.end <= range.begin) ++count;
  }
  const auto key = std::pair(static_cast<const TaskState*>(frame.task), count);
  if (auto known = ctx.model.stepped.find(key); known != ctx.model.stepped.end()) return known->second[name].value;
  size_t from = count;  // behind what is known already
  while (from > 0 && !ctx.model.stepped.count({frame.task, from})) --from;
  std::map<std::string, Binding> values;
  if (from > 0) values = ctx.model.stepped[{frame.task, from}];
  for (size_t i = from; i < count; ++i) run_in_model(ctx, *ctx.model.steps[i], frame.task, values);
  return (ctx.model.stepped[key] = std::move(values))[name].value;
}

// A statement of the model whose value somebody asks for, perhaps inside a loop of the model: the loop's names are not
// the statement's.
void run_in_model(BodyContext& ctx, const Stmt& stmt, TaskState* task, std::map<std::string, Binding>& scope) {
  std::vector<std::map<std::string, Binding>> scopes{std::move(scope)};
  scopes.swap(ctx.model.frame.scopes);
  const int loops = std::exchange(ctx.model.frame.loops, 0);
  TaskState* outer = std::exchange(ctx.model.frame.task, task);
  run_statement(ctx, stmt, ctx.model.frame);
  ctx.model.frame.loops = loops;
  ctx.model.frame.task = outer;
  scopes.swap(ctx.model.frame.scopes);
  scope = std::move(scopes.front());
}

Value model_name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame, bool& found) {
  if (ctx.model.variables.count(name)) {
    found = true;
    return model_variable(ctx, name, range, frame);
  }
  auto it = ctx.model.items.find(name);
  if (it == ctx.model.items.end()) {
    for (size_t i = 0; i < ctx.model.tasks.size(); ++i) {
      if (ctx.model.tasks[i].info.name != name) continue;
      found = true;
      return TaskRef{i};
    }
    return {};
  }
  found = true;
  ModelItem& item = it->second;
  item.used = true;
  if (item.layer) return *item.layer;
  if (auto known = item.let.find(frame.task); known != item.let.end()) return known->second;
  if (item.busy) {
    ctx.report({frame, range}, diag::CycleOfNames, name);
    return {};
  }
  item.busy = true;
  ctx.model.reading.push_back(range);
  std::map<std::string, Binding> scope;
  run_in_model(ctx, *item.stmt, frame.task, scope);
  ctx.model.reading.pop_back();
  Value value = scope[name].value;
  item.busy = false;
  if (std::holds_alternative<LayerStmt>(item.stmt->node)) {
    item.layer = value;
  } else {
    item.let[frame.task] = value;
  }
  return value;
}
}  // namespace

Value member(BodyContext& ctx, const MemberExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const std::string& what = node.member.text;
  if (const auto* base = std::get_if<NameExpr>(&node.base->node); base && !frame.find(base->name)) {
    const std::string& name = base->name;
    if (name == "task" && what == "index") return task_index(ctx, at);
    const bool in_model = frame.kind == Frame::Kind::task || frame.kind == Frame::Kind::model;
    if (in_model && (what == "head" || what == "answer")) {
      for (size_t i = 0; i < ctx.model.tasks.size(); ++i) {
        if (ctx.model.tasks[i].info.name == name)
          return task_member(ctx, ctx.model.tasks[i], node.member, range, frame);
      }
    }
    if (in_model && ctx.file.source(name)) return column(ctx, name, node.member, range, frame);
    if (name == "ops") {
      const sema::Primitive* primitive = sema::find_primitive(what, true);
      if (primitive && primitive->supported) return Callable{nullptr, primitive, ""};
      ctx.report(at, diag::NotSupportedYet, "`ops." + what + "`");
      return {};
    }
    if (const sema::Found* found = ctx.file.find_in(frame.unit, name, what)) {
      if (found->kind == sema::DeclKind::module || found->kind == sema::DeclKind::function ||
          found->kind == sema::DeclKind::criterion) {
        return Callable{found, nullptr, ""};
      }
    }
  }
  Value value = evaluate(ctx, *node.base, frame);
  if (value.poisoned()) return {};
  if (const auto* record = std::get_if<RecordPtr>(&value.v)) {
    if (const Value* field = (*record)->find(what)) return *field;
    ctx.report(at, diag::NoSuchResult, what, named_results(**record));
    return {};
  }
  if (const auto* task = std::get_if<TaskRef>(&value.v))
    return task_member(ctx, ctx.model.tasks[task->index], node.member, range, frame);
  if (const auto* path = std::get_if<PathRef>(&value.v)) return layer_member(path->place, node.member, range, frame);
  if (const LayerPtr* layer = value.layer()) {
    // A description that came as an argument has its place, though it becomes a layer where it is applied.
    const PlacePtr& place = (*layer)->place ? (*layer)->place : (*layer)->argument_place;
    if (place) return layer_member(place, node.member, range, frame);
  }
  std::string help = advice(PhrasePlace::member, what);
  if (help.empty() && value.layer()) help = "layers are joined by `>>`, as in `linear(8) >> relu`";
  const sema::Found* found = ctx.file.find(frame.unit, what);
  const bool function = sema::find_primitive(what) || (found && found->kind == sema::DeclKind::function);
  if (help.empty() && function) help = "write `" + what + "(x)`, or `x |> " + what + "()`";
  const bool applied = found && found->kind == sema::DeclKind::module && value.tensor();
  if (applied) help = "write `" + text_at(ctx, node.base->range) + " |> " + what + "(...)`";
  ctx.report(at, diag::NoSuchMember, value.kind(), what).help(help);
  return {};
}

namespace {
Value layer_member(const PlacePtr& place, const Name& member, SourceRange range, Frame& frame) {
  return PathRef{child(place, member.text, Owner::enclosing, range, frame)};
}

Value task_member(BodyContext& ctx, TaskState& other, const Name& member, SourceRange range, Frame& frame) {
  const At at{frame, range};
  if (member.text != "head" && member.text != "answer") {
    ctx.report(at, diag::NoSuchMember, "a task", member.text).help("a task has `head` and `answer`");
    return {};
  }
  TaskState* self = frame.task;
  const bool by_task = ctx.parameters.by_task;  // the task stands for the statement of the model: it asks for all heads
  if (by_task && self && self->info.source != other.info.source) return ctx.parameters.absent = true, Value{};
  if (self && !self->info.source.empty() && !other.info.source.empty() && self->info.source != other.info.source) {
    ctx.report(at, diag::OtherSource, other.info.name, other.info.source, self->info.source)
        .help("put the stack into one module with named results and let each task take what it needs");
    return {};
  }
  if ((&other == self && !by_task) || other.stage == TaskState::Stage::running || other.judging) {
    ctx.report(at, diag::CycleOfNames, other.info.name + "." + member.text);
    return {};
  }
  if (member.text == "answer" && !other.decl->predicts) {
    ctx.report(at, diag::NoTarget, other.info.name).help("`" + other.info.name + ".head` is what it gives");
    return {};
  }
  if (!ctx.run_head(other)) return {};
  if (member.text == "head") return other.head;
  if (self) self->answers.push_back(&other);
  if (ctx.options.training && ctx.options.losses && other.target.valid()) {
    return Tensor{other.target, other.target_set, nullptr};
  }
  if (!ctx.run_loss(other)) return {};
  ir::Value answer = emit(ctx, "stop_gradient", {other.predict}, at);
  return answer.valid() ? Value{Tensor{answer, other.target_set, nullptr}} : Value{};
}
}  // namespace

SpaceId space_of_column(BodyContext& ctx, const std::string& source, const ColumnDecl& column,
                        std::vector<Dim>& fixed) {
  SpaceId space = ctx.spaces().add_source(source);
  for (const TypeExpr::DimItem& item : column.type.dims) {
    if (const std::string* name = ragged_name(item)) {
      space = ctx.spaces().add_ragged(space, *name);
      continue;
    }
    if (!item.size) continue;
    auto size = ctx.statics.evaluate(*item.size, sema::TopScope(ctx.file, 0, ctx.options.size_of));
    if (size && size->as_dim()) fixed.push_back(*size->as_dim());
    if (!size) ctx.reports.failed = true;
  }
  return space;
}

namespace {
Value column(BodyContext& ctx, const std::string& source, const Name& column, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const DataDecl* data = ctx.file.source(source);
  if (is_dimension_name(column.text)) {
    if (auto space = ragged_of_source(*data, column.text, ctx.spaces())) return RaggedDim{*space};
  }
  const ColumnDecl* decl = ctx.file.column(source, column.text);
  if (!decl) {
    std::vector<std::string> names;
    for (const ColumnDecl& known : data->columns) names.push_back(known.name.text);
    auto near = nearest(column.text, names);
    ctx.report(at, diag::UnknownColumn, source, column.text).help(near ? "did you mean `" + *near + "`?" : "");
    return {};
  }
  if (frame.task) {
    TaskState& task = *frame.task;
    if (task.info.source.empty()) task.info.source = source;
    if (task.info.source != source && ctx.parameters.by_task) return ctx.parameters.absent = true, Value{};
    if (task.info.source != source) {
      diag::Report made =
          ctx.report(at, diag::ColumnOfOtherSource, source + "." + column.text, task.info.name, task.info.source);
      if (!ctx.model.reading.empty())
        std::move(made).label(ctx.model.reading.front(), "task `" + task.info.name + "` reads it here");
      return {};
    }
  }
  if (frame.task) frame.task->reads[column.text].push_back(range);
  const std::string& kind = decl->type.name.text;
  std::vector<Dim> dims;
  const SpaceId space = space_of_column(ctx, source, *decl, dims);
  const bool ids = kind == "token" || kind == "category" || kind == "label";
  if (kind == "labels") {
    auto size = size_of_column(ctx, source, column.text, frame);
    dims.push_back(size && size->as_dim() ? *size->as_dim() : Dim(1));
  }
  ir::Value node = emit(ctx, "input", {}, at,
                        {{"name", source + "." + column.text},
                         {"dtype", std::string(ids ? "i32" : "f32")},
                         {"space", ir::SpaceRef{space}},
                         {"dims", dims}});
  if (frame.task && frame.task->reading_loss && !ids) {
    // What a loss reads besides the target counts as missing where it is NaN, and must not spread.
    ir::Value present = emit(ctx, "not", {emit(ctx, "is_nan", {node}, at)}, at);
    frame.task->loss_masks.push_back(emit(ctx, "to_f32", {present}, at));
    node = emit(ctx, "where", {present, node, constant(ctx, 0, at)}, at);
  }
  if (kind == "bool") node = emit(ctx, "ne", {node, constant(ctx, 0, at)}, at);
  Value value = Tensor{node, set_of_column(ctx, source, *decl), nullptr};
  mark_ones(ctx, value, decl->type.dims, ctx.model.frame);
  return value;
}
}  // namespace

}  // namespace mtl::elaborate
