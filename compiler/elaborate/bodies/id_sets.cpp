// Which set the ids of a column, a vocabulary or a size belong to; constants become ids of the set that a call is
// about.
#include "compiler/elaborate/bodies/id_sets.h"

#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/tensors/context.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
std::string set_path(const Frame& callee, const std::string& name);
IdSetPtr set_of_vocab(BodyContext& ctx, const std::string& vocab);
}  // namespace

bool settle_constants(BodyContext& ctx, const std::vector<syntax::Parameter>& inputs, std::vector<Value>& values,
                      Frame& callee, const At& at) {
  for (const auto& [name, set] : callee.sets) ctx.sets.of_layers.emplace(set_path(callee, name), set);
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto* tensor = std::get_if<Tensor>(&values[i].v);
    if (!tensor || !tensor->ids || !tensor->ids->constant || inputs[i].type.arguments.empty()) continue;
    const auto* name = std::get_if<syntax::NameExpr>(&inputs[i].type.arguments[0]->node);
    if (!name || !is_dimension_name(name->name)) continue;
    const Binding* bound = callee.find(name->name);
    if (!bound) {
      callee.unsized.insert(name->name);
      continue;
    }
    const auto size = bound->value.as_static() ? bound->value.as_static()->as_dim() : std::nullopt;
    const At here{at.frame, values[i].range.valid() ? values[i].range : at.range};
    if (size && !ids_fit(ctx, tensor->ids, *size, "`" + name->name + "`", here)) return false;
    if (auto set = callee.sets.find(name->name); set != callee.sets.end()) tensor->ids = set->second;
  }
  return true;
}

namespace {
std::string set_path(const Frame& callee, const std::string& name) {
  // A function owns nothing: each of its calls is by itself.
  const bool layer = callee.kind == Frame::Kind::module || callee.kind == Frame::Kind::criterion;
  return (layer && callee.place ? path_of(callee.place, callee.task) : "call " + std::to_string(callee.id)) + " " +
         name;
}
}  // namespace

Value size_of_others(BodyContext& ctx, const std::string& name, const At& at) {
  const auto known = ctx.sets.of_layers.find(set_path(at.frame, name));
  if (known != ctx.sets.of_layers.end()) {
    const IdSet& set = *known->second;
    at.frame.sets.emplace(name, known->second);
    return set.ragged ? Value{RaggedDim{*set.ragged}} : Value{StaticValue{set.size, true}};
  }
  ctx.reports.waits = true;
  ctx.report(at, diag::SetNotSized, name, at.frame.title)
      .help("ids of a column say it, in this call or in another one of the same layer");
  return {};
}

IdSetPtr set_of_size(BodyContext& ctx, const syntax::Expr& size, Frame& frame) {
  if (const auto* name = std::get_if<syntax::NameExpr>(&size.node)) {
    const auto set = frame.sets.find(name->name);
    return set != frame.sets.end() ? set->second : nullptr;
  }
  const auto* set = std::get_if<syntax::SizeExpr>(&size.node);
  if (!set || set->member) return nullptr;
  const std::string& first = set->path.front();
  if (set->path.size() == 2) {
    const syntax::ColumnDecl* column = ctx.file.column(first, set->path[1]);
    return column ? set_of_column(ctx, first, *column) : nullptr;
  }
  if (const Binding* bound = frame.find(first)) return bound->value.tensor() ? bound->value.tensor()->ids : nullptr;
  const sema::Found* found = ctx.file.find(frame.unit, first);
  return found && found->kind == sema::DeclKind::vocab ? set_of_vocab(ctx, first) : nullptr;
}

std::optional<StaticValue> size_of_column(BodyContext& ctx, const std::string& source, const std::string& column,
                                          Frame& frame) {
  const ColumnDecl* found = ctx.file.column(source, column);
  if (!found) return std::nullopt;
  const std::string path = source + "." + column;
  const std::string& kind = found->type.name.text;
  if (kind == "f32" || kind == "bool") {
    std::vector<Dim> fixed;
    space_of_column(ctx, source, *found, fixed);
    return StaticValue{types::product(fixed), true};
  }
  if (kind == "token") {
    const auto* vocab =
        found->type.arguments.empty() ? nullptr : std::get_if<NameExpr>(&found->type.arguments[0]->node);
    if (vocab) return StaticValue{set_of_vocab(ctx, vocab->name)->size, true};
  }
  StaticValue size =
      StaticValue::size("|" + path + "|", ctx.options.size_of ? ctx.options.size_of(path) : std::nullopt);
  if (auto number = size.as_int()) {
    ctx.nodes.empty_set = ctx.nodes.empty_set || *number == 0;
    ctx.reports.known_sizes[*number] = "|" +
                                       (frame.kind == Frame::Kind::task ? std::string("target|, ") : path + "|, ") +
                                       (kind == "category" ? "the values" : "the labels") + " of column `" + path + "`";
  }
  return size;
}

namespace {
IdSetPtr set_of_vocab(BodyContext& ctx, const std::string& vocab) {
  IdSetPtr& set = ctx.sets.known["vocab " + vocab];
  if (set) return set;
  StaticValue size =
      StaticValue::size("|" + vocab + "|", ctx.options.size_of ? ctx.options.size_of(vocab) : std::nullopt);
  ctx.nodes.empty_set = ctx.nodes.empty_set || size.as_int() == 0;
  set = std::make_shared<const IdSet>(IdSet{"vocab " + vocab, "vocabulary `" + vocab + "`", *size.as_dim(), {}, false});
  return set;
}
}  // namespace

IdSetPtr set_of_column(BodyContext& ctx, const std::string& source, const ColumnDecl& column) {
  const std::string& kind = column.type.name.text;
  if (kind == "token") {
    const auto* vocab =
        column.type.arguments.empty() ? nullptr : std::get_if<NameExpr>(&column.type.arguments[0]->node);
    return vocab ? set_of_vocab(ctx, vocab->name) : nullptr;
  }
  if (kind != "category" && kind != "label") return nullptr;
  std::string path = source + "." + column.name.text;
  if (kind == "label" && column.type.arguments.size() == 1) {  // label(src.col): the set of another column
    if (const auto* other = std::get_if<MemberExpr>(&column.type.arguments[0]->node)) {
      if (const auto* base = std::get_if<NameExpr>(&other->base->node)) path = base->name + "." + other->member.text;
    }
  }
  IdSetPtr& set = ctx.sets.known["column " + path];
  if (set) return set;
  std::optional<int64_t> known = ctx.options.size_of ? ctx.options.size_of(path) : std::nullopt;
  if (kind == "label" && !known && !column.type.arguments.empty() &&
      std::holds_alternative<StringExpr>(column.type.arguments[0]->node)) {
    known = static_cast<int64_t>(column.type.arguments.size());
  }
  StaticValue size = StaticValue::size("|" + path + "|", known);
  ctx.nodes.empty_set = ctx.nodes.empty_set || size.as_int() == 0;
  set = std::make_shared<const IdSet>(
      IdSet{"column " + path, "column `" + path + "`", *size.as_dim(), {}, false, kind == "label"});
  return set;
}

// Constants are ids of the set that a declaration gives them: `side : id(2)[T] = full(0, [T])`.
void declare_ids(BodyContext& ctx, const TypeExpr& declared, Tensor& tensor, Frame& frame) {
  if (!tensor.ids || !tensor.ids->constant || !is_id_type(declared.name.text) || declared.arguments.empty()) return;
  const Expr& argument = *declared.arguments[0];
  if (IdSetPtr named = set_of_size(ctx, argument, frame)) {
    tensor.ids = std::move(named);
    return;
  }
  const Value wanted = evaluate(ctx, argument, frame);
  const auto size = wanted.as_static() ? wanted.as_static()->as_dim() : std::nullopt;
  if (!size ||
      !ids_fit(ctx, tensor.ids, *size, "the set of `" + type_text(ctx, declared) + "`", {frame, argument.range}))
    return;
  IdSet set;
  set.text = "`" + type_text(ctx, declared) + "`";
  set.size = *size;
  tensor.ids = std::make_shared<const IdSet>(std::move(set));
}

std::optional<StaticValue> target_size(BodyContext& ctx, const TaskState& task) {
  if (!task.decl->predicts) return std::nullopt;
  Frame scope;
  scope.kind = Frame::Kind::task;
  return size_of_column(ctx, task.decl->predicts->source.text, task.decl->predicts->column.text, scope);
}

}  // namespace mtl::elaborate
