// What a name means: the body's own names, the model's layers, lets and tasks, the top level, the primitives. And what
// stands behind a point: columns, heads of other tasks, named results, the parameters of a layer.
#include <algorithm>
#include <cctype>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/syntax/phrases.h"

namespace mtl::elaborate {

using namespace syntax;

bool is_dimension_name(const std::string& name) {
  return !name.empty() && std::isupper(static_cast<unsigned char>(name[0]));
}

namespace {
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

Value Elaborator::name(const std::string& name, SourceRange range, Frame& frame, bool tasks) {
  const At at{frame, range};
  if (Binding* binding = frame.find(name)) return binding->value;
  if (frame.unsized.count(name)) return size_of_others(name, at);
  if (name == "training") return StaticValue{options_.training};
  if (name == "progress") {
    // A tensor in both, so that what is written with it means the same.
    if (!options_.training) return Tensor{constant(1, at), nullptr, nullptr};
    return Tensor{emit("scalar", {}, at, {{"name", std::string("progress")}}), nullptr, nullptr};
  }
  const bool in_model = frame.kind == Frame::Kind::task || frame.kind == Frame::Kind::model;
  if (in_model) {
    bool found = false;
    Value value = model_name(name, range, frame, found);
    if (found && (tasks || !std::holds_alternative<TaskRef>(value.v))) return value;
  }
  if (const sema::Found* found = file_.find(frame.unit, name)) {
    switch (found->kind) {
      case sema::DeclKind::constant: {
        const StaticValue* value = file_.constant(frame.unit, name);
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
        report(at, diag::NotAValue, name, sema::kind_name(found->kind));
        return {};
    }
  }
  if (const sema::Primitive* primitive = sema::find_primitive(name)) {
    if (!primitive->supported) {
      report(at, diag::NotSupportedYet, "`" + name + "`");
      return {};
    }
    return Callable{nullptr, primitive, ""};
  }
  if (sema::is_initializer(name) || sema::is_static_function(name)) return Callable{nullptr, nullptr, name};
  if (name == "ops") return FileRef{name};
  if (in_model && current_task_ >= 0 && is_dimension_name(name)) {
    std::string& read = tasks_[current_task_].info.source;
    if (read.empty()) {  // a task without `predicts` belongs to the source that it reads first
      std::vector<std::string> having;
      for (const std::string& known : file_.visible(frame.unit, {sema::DeclKind::data})) {
        const DataDecl* data = file_.source(known);
        if (data && ragged_of_source(*data, name, spaces())) having.push_back(known);
      }
      if (having.size() == 1) read = having.front();
    }
    const DataDecl* source = file_.source(read);
    auto space = source ? ragged_of_source(*source, name, spaces()) : std::nullopt;
    if (space) return RaggedDim{*space};
  }
  return unknown_name(name, range, frame);
}

Value Elaborator::unknown_name(const std::string& name, SourceRange range, Frame& frame) {
  std::vector<std::string> candidates;
  for (const auto& scope : frame.scopes) {
    for (const auto& [known, binding] : scope) candidates.push_back(known);
  }
  for (const auto& [known, item] : items_) candidates.push_back(known);
  using sema::DeclKind;
  for (std::string& known : file_.visible(frame.unit, {DeclKind::constant, DeclKind::module, DeclKind::function})) {
    candidates.push_back(std::move(known));
  }
  for (const sema::Primitive& primitive : sema::primitives()) candidates.emplace_back(primitive.name);
  auto near = nearest(name, candidates);
  if (name == "task" || name == "tasks" || name == "previous") {
    report({frame, range}, diag::NotSupportedYet, "`" + name + "`");
    return {};
  }
  report({frame, range}, diag::UnknownName, name).help(near ? "did you mean `" + *near + "`?" : "");
  return {};
}

// A `let` of the model sees what the statements above it have made of a variable; a task, wherever it stands, what all
// of them have.
Value Elaborator::model_variable(const std::string& name, SourceRange range, const Frame& frame) {
  size_t count = steps_.size();
  if (frame.kind == Frame::Kind::model) {
    count = 0;
    while (count < steps_.size() && steps_[count]->range.end <= range.begin) ++count;
  }
  const auto key = std::pair(current_task_, count);
  if (auto known = stepped_.find(key); known != stepped_.end()) return known->second[name].value;
  size_t from = count;  // behind what is known already
  while (from > 0 && !stepped_.count({current_task_, from})) --from;
  std::map<std::string, Binding> values;
  if (from > 0) values = stepped_[{current_task_, from}];
  for (size_t i = from; i < count; ++i) run_in_model(*steps_[i], values);
  return (stepped_[key] = std::move(values))[name].value;
}

// A statement of the model whose value somebody asks for, perhaps inside a loop of the model: the loop's names are not
// the statement's.
void Elaborator::run_in_model(const Stmt& stmt, std::map<std::string, Binding>& scope) {
  std::vector<std::map<std::string, Binding>> scopes{std::move(scope)};
  scopes.swap(model_frame_.scopes);
  const int loops = std::exchange(model_frame_.loops, 0);
  run_statement(stmt, model_frame_);
  model_frame_.loops = loops;
  scopes.swap(model_frame_.scopes);
  scope = std::move(scopes.front());
}

Value Elaborator::model_name(const std::string& name, SourceRange range, Frame& frame, bool& found) {
  if (variables_.count(name)) {
    found = true;
    return model_variable(name, range, frame);
  }
  auto it = items_.find(name);
  if (it == items_.end()) {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].info.name != name) continue;
      found = true;
      return TaskRef{i};
    }
    return {};
  }
  found = true;
  ModelItem& item = it->second;
  item.used = true;
  if (item.layer) return *item.layer;
  if (auto known = item.let.find(current_task_); known != item.let.end()) return known->second;
  if (item.busy) {
    report({frame, range}, diag::CycleOfNames, name);
    return {};
  }
  item.busy = true;
  reading_.push_back(range);
  std::map<std::string, Binding> scope;
  run_in_model(*item.stmt, scope);
  reading_.pop_back();
  Value value = scope[name].value;
  item.busy = false;
  if (std::holds_alternative<LayerStmt>(item.stmt->node)) {
    item.layer = value;
  } else {
    item.let[current_task_] = value;
  }
  return value;
}

Value Elaborator::member(const MemberExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const std::string& what = node.member.text;
  if (const auto* base = std::get_if<NameExpr>(&node.base->node); base && !frame.find(base->name)) {
    const std::string& name = base->name;
    const bool in_model = frame.kind == Frame::Kind::task || frame.kind == Frame::Kind::model;
    if (in_model && (what == "head" || what == "answer")) {
      for (size_t i = 0; i < tasks_.size(); ++i) {
        if (tasks_[i].info.name == name) return task_member(i, node.member, range, frame);
      }
    }
    if (in_model && file_.source(name)) return column(name, node.member, range, frame);
    if (name == "ops") {
      const sema::Primitive* primitive = sema::find_primitive(what, true);
      if (primitive && primitive->supported) return Callable{nullptr, primitive, ""};
      report(at, diag::NotSupportedYet, "`ops." + what + "`");
      return {};
    }
    if (const sema::Found* found = file_.find_in(frame.unit, name, what)) {
      if (found->kind == sema::DeclKind::module || found->kind == sema::DeclKind::function ||
          found->kind == sema::DeclKind::criterion) {
        return Callable{found, nullptr, ""};
      }
    }
  }
  Value value = evaluate(*node.base, frame);
  if (value.poisoned()) return {};
  if (const auto* record = std::get_if<RecordPtr>(&value.v)) {
    if (const Value* field = (*record)->find(what)) return *field;
    report(at, diag::NoSuchResult, what, named_results(**record));
    return {};
  }
  if (const auto* task = std::get_if<TaskRef>(&value.v)) return task_member(task->index, node.member, range, frame);
  if (const auto* path = std::get_if<PathRef>(&value.v)) return layer_member(path->place, node.member, range, frame);
  if (const LayerPtr* layer = value.layer()) {
    // A description that came as an argument has its place, though it becomes a layer where it is applied.
    const PlacePtr& place = (*layer)->place ? (*layer)->place : (*layer)->argument_place;
    if (place) return layer_member(place, node.member, range, frame);
  }
  std::string help = advice(PhrasePlace::member, what);
  if (help.empty() && value.layer()) help = "layers are joined by `>>`, as in `linear(8) >> relu`";
  const sema::Found* found = file_.find(frame.unit, what);
  const bool function = sema::find_primitive(what) || (found && found->kind == sema::DeclKind::function);
  if (help.empty() && function) help = "write `" + what + "(x)`, or `x |> " + what + "()`";
  report(at, diag::NoSuchMember, value.kind(), what).help(help);
  return {};
}

Value Elaborator::layer_member(const PlacePtr& place, const Name& member, SourceRange range, Frame& frame) {
  return PathRef{child(place, member.text, Owner::enclosing, range, frame)};
}

Value Elaborator::task_member(size_t task, const Name& member, SourceRange range, Frame& frame) {
  const At at{frame, range};
  TaskState& other = tasks_[task];
  if (member.text != "head" && member.text != "answer") {
    report(at, diag::NoSuchMember, "a task", member.text).help("a task has `head` and `answer`");
    return {};
  }
  const int self = current_task_;
  if (self >= 0 && !tasks_[self].info.source.empty() && !other.info.source.empty() &&
      tasks_[self].info.source != other.info.source) {
    report(at, diag::OtherSource, other.info.name, other.info.source, tasks_[self].info.source)
        .help("put the stack into one module with named results and let each task take what it needs");
    return {};
  }
  if (static_cast<int>(task) == self || other.stage == TaskState::Stage::running || other.judging) {
    report(at, diag::CycleOfNames, other.info.name + "." + member.text);
    return {};
  }
  if (member.text == "answer" && !other.decl->predicts) {
    report(at, diag::NoTarget, other.info.name).help("`" + other.info.name + ".head` is what it gives");
    return {};
  }
  if (!run_head(task)) return {};
  if (member.text == "head") return other.head;
  if (self >= 0) tasks_[self].answers.push_back(task);
  if (options_.training && options_.losses && other.target.valid()) {
    return Tensor{other.target, other.target_set, nullptr};
  }
  if (!run_loss(task)) return {};
  ir::Value answer = emit("stop_gradient", {other.predict}, at);
  return answer.valid() ? Value{Tensor{answer, other.target_set, nullptr}} : Value{};
}

std::optional<StaticValue> Elaborator::size_of_column(const std::string& source, const std::string& column,
                                                      Frame& frame) {
  const ColumnDecl* found = file_.column(source, column);
  if (!found) return std::nullopt;
  const std::string path = source + "." + column;
  const std::string& kind = found->type.name.text;
  if (kind == "f32" || kind == "bool") {
    std::vector<Dim> fixed;
    space_of_column(source, *found, fixed);
    return StaticValue{types::product(fixed), true};
  }
  if (kind == "token") {
    const auto* vocab =
        found->type.arguments.empty() ? nullptr : std::get_if<NameExpr>(&found->type.arguments[0]->node);
    if (vocab) return StaticValue{set_of_vocab(vocab->name)->size, true};
  }
  StaticValue size = StaticValue::size("|" + path + "|", options_.size_of ? options_.size_of(path) : std::nullopt);
  if (auto number = size.as_int()) {
    empty_set_ = empty_set_ || *number == 0;
    known_sizes_[*number] = "|" + (frame.kind == Frame::Kind::task ? std::string("target|, ") : path + "|, ") +
                            (kind == "category" ? "the values" : "the labels") + " of column `" + path + "`";
  }
  return size;
}

IdSetPtr Elaborator::set_of_vocab(const std::string& vocab) {
  IdSetPtr& set = sets_["vocab " + vocab];
  if (set) return set;
  StaticValue size = StaticValue::size("|" + vocab + "|", options_.size_of ? options_.size_of(vocab) : std::nullopt);
  empty_set_ = empty_set_ || size.as_int() == 0;
  set = std::make_shared<const IdSet>(IdSet{"vocab " + vocab, "vocabulary `" + vocab + "`", *size.as_dim(), {}, false});
  return set;
}

IdSetPtr Elaborator::set_of_column(const std::string& source, const ColumnDecl& column) {
  const std::string& kind = column.type.name.text;
  if (kind == "token") {
    const auto* vocab =
        column.type.arguments.empty() ? nullptr : std::get_if<NameExpr>(&column.type.arguments[0]->node);
    return vocab ? set_of_vocab(vocab->name) : nullptr;
  }
  if (kind != "category" && kind != "label") return nullptr;
  std::string path = source + "." + column.name.text;
  if (kind == "label" && column.type.arguments.size() == 1) {  // label(src.col): the set of another column
    if (const auto* other = std::get_if<MemberExpr>(&column.type.arguments[0]->node)) {
      if (const auto* base = std::get_if<NameExpr>(&other->base->node)) path = base->name + "." + other->member.text;
    }
  }
  IdSetPtr& set = sets_["column " + path];
  if (set) return set;
  std::optional<int64_t> known = options_.size_of ? options_.size_of(path) : std::nullopt;
  if (kind == "label" && !known && !column.type.arguments.empty() &&
      std::holds_alternative<StringExpr>(column.type.arguments[0]->node)) {
    known = static_cast<int64_t>(column.type.arguments.size());
  }
  StaticValue size = StaticValue::size("|" + path + "|", known);
  empty_set_ = empty_set_ || size.as_int() == 0;
  set = std::make_shared<const IdSet>(
      IdSet{"column " + path, "column `" + path + "`", *size.as_dim(), {}, false, kind == "label"});
  return set;
}

SpaceId Elaborator::space_of_column(const std::string& source, const ColumnDecl& column, std::vector<Dim>& fixed) {
  SpaceId space = spaces().add_source(source);
  for (const TypeExpr::DimItem& item : column.type.dims) {
    if (const std::string* name = ragged_name(item)) {
      space = spaces().add_ragged(space, *name);
      continue;
    }
    if (!item.size) continue;
    auto size = statics_.evaluate(*item.size, sema::TopScope(file_, 0, options_.size_of));
    if (size && size->as_dim()) fixed.push_back(*size->as_dim());
    if (!size) failed_ = true;
  }
  return space;
}

Value Elaborator::column(const std::string& source, const Name& column, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const DataDecl* data = file_.source(source);
  if (is_dimension_name(column.text)) {
    if (auto space = ragged_of_source(*data, column.text, spaces())) return RaggedDim{*space};
  }
  const ColumnDecl* decl = file_.column(source, column.text);
  if (!decl) {
    std::vector<std::string> names;
    for (const ColumnDecl& known : data->columns) names.push_back(known.name.text);
    auto near = nearest(column.text, names);
    report(at, diag::UnknownColumn, source, column.text).help(near ? "did you mean `" + *near + "`?" : "");
    return {};
  }
  if (current_task_ >= 0) {
    TaskState& task = tasks_[current_task_];
    if (task.info.source.empty()) task.info.source = source;
    if (task.info.source != source) {
      diag::Report made =
          report(at, diag::ColumnOfOtherSource, source + "." + column.text, task.info.name, task.info.source);
      if (!reading_.empty()) std::move(made).label(reading_.front(), "task `" + task.info.name + "` reads it here");
      return {};
    }
  }
  if (current_task_ >= 0) tasks_[current_task_].reads[column.text].push_back(range);
  const std::string& kind = decl->type.name.text;
  std::vector<Dim> dims;
  const SpaceId space = space_of_column(source, *decl, dims);
  const bool ids = kind == "token" || kind == "category" || kind == "label";
  if (kind == "labels") {
    auto size = size_of_column(source, column.text, frame);
    dims.push_back(size && size->as_dim() ? *size->as_dim() : Dim(1));
  }
  ir::Value node = emit("input", {}, at,
                        {{"name", source + "." + column.text},
                         {"dtype", std::string(ids ? "i32" : "f32")},
                         {"space", ir::SpaceRef{space}},
                         {"dims", dims}});
  if (current_task_ >= 0 && tasks_[current_task_].reading_loss && !ids) {
    // What a loss reads besides the target counts as missing where it is NaN, and must not spread.
    ir::Value present = emit("not", {emit("is_nan", {node}, at)}, at);
    tasks_[current_task_].loss_masks.push_back(emit("to_f32", {present}, at));
    node = emit("where", {present, node, constant(0, at)}, at);
  }
  if (kind == "bool") node = emit("ne", {node, constant(0, at)}, at);
  Value value = Tensor{node, set_of_column(source, *decl), nullptr};
  mark_ones(value, decl->type.dims, model_frame_);
  return value;
}

}  // namespace mtl::elaborate
