// Signatures: the dimensions of a call, solved by matching right to left, and the mapping over what is left in front.
#include "compiler/elaborate/bodies/signature.h"

#include <algorithm>

#include "compiler/elaborate/bodies/dim_bindings.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/given_whole.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/mapped_stacks.h"
#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "compiler/ops/op.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using namespace syntax;
using Kind = TypeExpr::DimItem::Kind;

namespace {
constexpr const char* kTruthOfNumbers = "a comparison, such as `x > 0`, makes truth values of numbers";
// Inside the body a dimension is an int, if its size is known.
StaticValue size_value(const Dim& size) {
  if (auto number = size.constant()) return StaticValue{*number};
  return StaticValue{size};
}
const std::string* simple_name(const ExprPtr& expr) {
  const auto* name = expr ? std::get_if<NameExpr>(&expr->node) : nullptr;
  return name ? &name->name : nullptr;
}
}  // namespace

std::optional<Axis> dim_of(BodyContext& ctx, const TypeExpr::DimItem& item, Frame& frame) {
  if (item.kind != Kind::size || !item.size) {
    ctx.report({frame, item.range}, diag::NotSupportedYet, "this form of a dimension");
    return std::nullopt;
  }
  Value value = evaluate(ctx, *item.size, frame);
  if (value.poisoned()) return std::nullopt;
  if (const auto* ragged = std::get_if<RaggedDim>(&value.v)) return Axis{ragged->space, {}};
  if (value.as_static()) {
    if (auto dim = value.as_static()->as_dim()) {
      if (!at_least_one(ctx, *dim, {frame, item.range})) return std::nullopt;
      return Axis{std::nullopt, *dim};
    }
  }
  ctx.report({frame, item.range}, diag::NotADimension, value.as_static() ? value.as_static()->text() : value.kind());
  return std::nullopt;
}

bool match_axis(BodyContext& ctx, const TypeExpr::DimItem& item, const Axis& axis, std::string& why, Frame& callee,
                bool introduces) {
  const std::string* name = simple_name(item.size);
  if (name && *name == "_") return true;
  if (introduces && name && is_dimension_name(*name) && !callee.find(*name)) {
    Value bound = axis.ragged ? Value{RaggedDim{*axis.ragged}} : Value{size_value(axis.size)};
    bound.dimension = callee.fresh_dimension();
    callee.bind(*name, std::move(bound));
    return true;
  }
  if (introduces && item.kind == Kind::size && item.size && solve_dimension(ctx, *item.size, axis, callee)) return true;
  auto wanted = dim_of(ctx, item, callee);
  if (!wanted) return false;
  const bool both = wanted->ragged && axis.ragged;
  const bool same = both                            ? ctx.spaces().same_dim(*wanted->ragged, *axis.ragged)
                    : wanted->ragged || axis.ragged ? false
                                                    : wanted->size.equals(axis.size) != types::Answer::no;
  if (same) return true;
  why = axis_text(ctx, axis) + " is not " + axis_text(ctx, *wanted);
  if (name && is_dimension_name(*name)) why += " (`" + *name + "` is " + axis_text(ctx, *wanted) + " already)";
  return false;
}

namespace {
// The criteria that fit a target, for a message about one that does not.
const char* fitting_criteria(const TaskInfo& info) {
  switch (info.kind) {
    case training::TargetKind::label:
      return info.per_position ? "for labels of positions there are `cross_entropy()`, `focal()` and `crf()`"
                               : "for a `label` there are `cross_entropy()` and `focal()`";
    case training::TargetKind::labels:
      return "for `labels` there is `binary_cross_entropy()`";
    case training::TargetKind::boolean:
      return "for a `bool` there is `binary_cross_entropy()`";
    case training::TargetKind::number:
      return "for numbers there are `mse()` and `huber()`";
  }
  return "";
}

diag::Report input_mismatch(BodyContext& ctx, const Parameter& parameter, const Signature& signature,
                            const std::string& found, const At& at) {
  diag::Report made =
      ctx.report(at, diag::InputMismatch, parameter.name.text, signature.callee, type_text(ctx, parameter.type), found);
  const TaskState* task = at.frame.library ? nullptr : at.frame.task;
  if (!task || !task->criterion.valid()) return made;
  return std::move(made).label(task->criterion, "the criterion").help(fitting_criteria(task->info));
}

bool match_set(BodyContext& ctx, const Parameter& parameter, Tensor& tensor, Frame& callee, Signature& signature,
               const At& at) {
  if (ctx.type(tensor.node).dtype != types::DType::i32) {
    const ir::Node& node = ctx.nodes.graph.node(tensor.node);
    const bool column = node.op->name == std::string("input");
    const std::string name = column ? std::get<std::string>(node.attrs.at("name")) : "";
    input_mismatch(ctx, parameter, signature, shape_text(ctx, tensor.node, at.frame) + ": ids are needed here", at)
        .help(column ? "declare the column as `" + name.substr(name.find('.') + 1) +
                           " : category`, a vector for each value, or give its number to `linear` as it is"
                     : "");
    return false;
  }
  if (!tensor.ids || parameter.type.arguments.empty()) return true;
  const IdSetPtr& set = tensor.ids;
  const std::string* name = simple_name(parameter.type.arguments[0]);
  if (name && is_dimension_name(*name)) {
    if (set->constant) return true;  // once the others are known: settle_constants()
    auto [known, fresh] = callee.sets.try_emplace(*name, set);
    if (!fresh && !known->second->key.empty() && !set->key.empty() && known->second->key != set->key) {
      ctx.report(at, diag::WrongIds, set->text, known->second->text);
      return false;
    }
    Axis size{set->ragged, set->size};
    Binding* bound = callee.find(*name);
    if (!bound) {
      callee.bind(*name, set->ragged ? Value{RaggedDim{*set->ragged}} : Value{StaticValue{set->size, true}});
      return true;
    }
    const StaticValue* dim = bound->value.as_static();
    if (!dim || set->ragged || !dim->as_dim()) return true;
    return set_has_size(ctx, *set, *dim->as_dim(), "`" + *name + "`", at);
  }
  Value wanted = evaluate(ctx, *parameter.type.arguments[0], callee);
  const StaticValue* size = wanted.as_static();
  if (!size || !size->as_dim() || set->ragged) return true;
  if (set->constant) {
    if (!ids_fit(ctx, set, *size->as_dim(), "the set of `" + parameter.name.text + "`", at)) return false;
    declare_ids(ctx, parameter.type, tensor, callee);
    return true;
  }
  return set_has_size(ctx, *set, *size->as_dim(), "the set of `" + parameter.name.text + "`", at);
}

bool match_table(BodyContext& ctx, const Parameter& parameter, const Tensor& tensor, Frame& callee, const At& at) {
  const auto& dims = parameter.type.dims;
  const std::string* name = dims.empty() ? nullptr : simple_name(dims.front().size);
  const bool all = static_cast<int>(dims.size()) == ctx.type(tensor.node).rank();
  if (!tensor.table || tensor.table->key.empty() || !all || !name || !is_dimension_name(*name)) return true;
  const IdSetPtr& known = callee.sets.try_emplace(*name, tensor.table).first->second;
  if (known->key.empty() || known->key == tensor.table->key) return true;
  ctx.report(at, diag::WrongIds, known->text, tensor.table->text);
  return false;
}
}  // namespace

bool match_input(BodyContext& ctx, const Parameter& parameter, size_t index, Value& value, Frame& callee,
                 Signature& signature, const At& at) {
  if (std::holds_alternative<Stack>(value.v)) return match_stack(ctx, parameter, value, callee, signature, at);
  const bool ids = is_id_type(parameter.type.name.text);
  Tensor tensor;
  if (value.tensor()) {
    tensor = *value.tensor();
  } else if (ids && value.as_static() && std::holds_alternative<int64_t>(value.as_static()->value)) {
    auto constant = constant_id(ctx, std::get<int64_t>(value.as_static()->value), at);
    if (!constant) return false;
    tensor = *constant;
  } else if (const auto* path = std::get_if<PathRef>(&value.v)) {
    tensor = parameter_at(ctx, *path, at);
  } else {
    tensor.node = to_tensor(ctx, value, at);
  }
  const bool truth = parameter.type.name.text == "bool";
  if (!tensor.node.valid()) return false;
  if (ids && !match_set(ctx, parameter, tensor, callee, signature, at)) return false;
  const std::vector<Axis> all = axes(ctx, tensor.node, at.frame);
  const auto mismatch = [&](const std::string& why, const std::string& help = "") {
    diag::Report made =
        input_mismatch(ctx, parameter, signature,
                       shape_text(ctx, tensor.node, at.frame, tensor.ids) + (why.empty() ? "" : ": " + why), at);
    if (!callee.library) std::move(made).label(parameter.type.range, "declared here");
    for (std::string& note : size_notes(ctx, why)) std::move(made).note(std::move(note));
    if (!help.empty()) std::move(made).help(help);
    return false;
  };
  if (!ids && ctx.type(tensor.node).dtype == types::DType::i32) {
    const bool named = tensor.ids && !tensor.ids->key.empty();
    const bool judged = at.frame.task && at.frame.task->criterion.valid();
    return mismatch("numbers are needed here", judged  ? ""
                                               : named ? "`embed(width)` makes a vector of each id, `float(x)` a number"
                                                       : numbers_of_ids(tensor.ids));
  }
  if (truth && ctx.type(tensor.node).dtype != types::DType::boolean) return mismatch("", kTruthOfNumbers);
  const auto& dims = parameter.type.dims;
  const bool open = !dims.empty() && dims.front().kind == Kind::rest;
  const size_t count = dims.size() - (open ? 1 : 0);
  if (all.size() < count) {
    const ir::Node& node = ctx.nodes.graph.node(tensor.node);
    const bool column = all.empty() && count == 1 && node.op->name == std::string("input");
    const bool reduced = all.empty() && at.frame.kind != Frame::Kind::module && !at.frame.library;
    if (!column)
      return mismatch("", reduced ? "a mean or sum of a vector is one number; along a sequence it names the dimension: "
                                    "`mean(x, over = T)`"
                                  : "");
    const std::string path = std::get<std::string>(node.attrs.at("name"));
    const std::string name = path.substr(path.find('.') + 1);
    return mismatch("", "as one feature the column is declared `" + name + " : f32[1] = columns(...)`");
  }
  for (size_t i = 1; i <= count; ++i) {
    std::string why;
    if (!match_axis(ctx, dims[dims.size() - i], all[all.size() - i], why, callee, true))
      return why.empty() ? false : mismatch(why);
  }
  if (!match_table(ctx, parameter, tensor, callee, at)) return false;
  std::vector<Axis> front(all.begin(), all.end() - count);
  name_dimensions(ctx, tensor, dims, callee, true);
  value = Value{tensor, value.range};
  if (open) {
    const auto alike = [](const Axis& a, const Axis& b) {
      return a.ragged == b.ragged && a.size.equals(b.size) != types::Answer::no;
    };
    if (signature.rest &&
        !std::equal(front.begin(), front.end(), signature.rest->begin(), signature.rest->end(), alike)) {
      return mismatch("`...` is " + axes_text(ctx, *signature.rest) + " already");
    }
    signature.rest = front;
    return true;
  }
  if (front.empty()) return true;
  if (!signature.extra.empty() && signature.extra != front) {
    ctx.report(at, diag::MappedOverBoth, parameter.name.text, axes_text(ctx, front), signature.extra_of,
               axes_text(ctx, signature.extra));
    return false;
  }
  signature.extra = front;
  signature.extra_names = tensor.dims;
  signature.extra_names.resize(tensor.dims.size() - std::min(count, tensor.dims.size()));
  signature.extra_of = parameter.name.text;
  signature.mapped[index] = true;
  return true;
}

namespace {
// The rows that a call which is mapped over static dimensions runs for: those that all of its inputs can be seen on.
std::optional<SpaceId> rows_of_call(BodyContext& ctx, const std::vector<Value>& values, SpaceId space,
                                    const Signature& signature, const At& at) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Value* value = &values[i];
    while (const auto* stack = std::get_if<Stack>(&value->v)) value = &stack->parts->front();
    if (!value->tensor() || !value->tensor()->node.valid()) continue;
    SpaceId rows = ctx.type(value->tensor()->node).space;
    const std::vector<SpaceId> whole = ragged_below(ctx, rows, at.frame.base);
    if (!signature.mapped[i] && !whole.empty()) rows = ctx.spaces()[whole.front()].parent;
    auto joined = ctx.spaces().join(space, rows);
    if (!joined) {
      ctx.report(at, diag::NotSupportedYet, "a call mapped over values of different rows");
      return std::nullopt;
    }
    space = *joined;
  }
  return space;
}
}  // namespace

bool map_inputs(BodyContext& ctx, std::vector<Value>& values, Frame& callee, Signature& signature, const At& at) {
  if (signature.extra.empty()) return true;
  std::vector<Dim> fixed;
  for (const Axis& axis : signature.extra) {
    if (axis.ragged) {
      callee.base = *axis.ragged;
    } else {
      fixed.push_back(axis.size);
    }
  }
  if (!fixed.empty()) {
    const auto space = rows_of_call(ctx, values, callee.base, signature, at);
    if (!space) return false;
    callee.base = *space;
    for (const Dim& size : fixed) callee.base = ctx.spaces().add_fixed(callee.base, size);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!signature.mapped[i]) continue;
      Tensor tensor = *values[i].tensor();
      tensor.node = to_space(ctx, tensor.node, *space, at);
      tensor.node = emit(ctx, "map_in", {tensor.node}, at, {{"count", static_cast<int64_t>(fixed.size())}});
      if (!tensor.node.valid()) return false;
      values[i] = Value{tensor, values[i].range};
    }
  }
  signature.space = callee.base;
  signature.fixed = static_cast<int64_t>(fixed.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!signature.mapped[i] && !give_whole(ctx, values[i], callee.base, signature, at)) return false;
  }
  dims_of_copies(ctx, callee, signature);
  return true;
}

Value map_result(BodyContext& ctx, Value result, const Signature& signature, const At& at) {
  if (signature.extra.empty() || result.poisoned()) return result;
  if (const auto* record = std::get_if<RecordPtr>(&result.v)) {
    Record mapped;
    for (const auto& [name, value] : (*record)->fields)
      mapped.fields.emplace_back(name, map_result(ctx, value, signature, at));
    return {std::make_shared<const Record>(std::move(mapped)), result.range};
  }
  Tensor tensor{to_tensor(ctx, result, at), nullptr, nullptr};
  if (!tensor.node.valid()) return {};
  if (const Tensor* given = result.tensor()) tensor.ids = given->ids;
  const SpaceId space = ctx.type(tensor.node).space;
  // The dimensions of the mapping stand in front of every result, also of one that does not depend on the input.
  if (space != signature.space && ctx.spaces().is_ancestor(space, signature.space)) {
    tensor.node = to_space(ctx, tensor.node, signature.space, at);
  }
  if (signature.fixed > 0 && !ragged_below(ctx, space, signature.space).empty())
    return stack_of_mapped(ctx, tensor.node, signature, at);
  if (const Tensor* given = result.tensor()) tensor.dims = dim_names(ctx, *given);
  tensor.dims.insert(tensor.dims.begin(), signature.extra_names.begin(), signature.extra_names.end());
  if (signature.fixed > 0) tensor.node = emit(ctx, "map_out", {tensor.node}, at, {{"count", signature.fixed}});
  return tensor.node.valid() ? Value{tensor, result.range} : Value{};
}

bool check_type(BodyContext& ctx, const TypeExpr& type, const Value& value, Frame& frame, const Signature* signature,
                const diag::Kind& kind, const At& at) {
  if (value.poisoned() || type.error) return true;
  const bool truth = type.name.text == "bool";
  const bool stacked = std::holds_alternative<Stack>(value.v) || std::holds_alternative<Transposed>(value.v);
  if (!value.tensor() && !stacked) {
    const StaticValue* known = value.as_static();
    const bool fits = known && (truth ? known->is_bool() : known->is_number() || known->as_dim());
    if (type.dims.empty() && fits) return true;
    if (!value.layer() && !known) return true;
    ctx.report(at, kind, type_text(ctx, type), value.as_static() ? value.as_static()->text() : value.kind());
    return false;
  }
  const std::vector<Axis> all = value_axes(ctx, value, frame);
  const bool open = !type.dims.empty() && type.dims.front().kind == Kind::rest;
  const size_t count = type.dims.size() - (open ? 1 : 0);
  std::string why;
  bool good = open ? all.size() >= count : all.size() == count;
  for (size_t i = 1; good && i <= count; ++i) {
    good = match_axis(ctx, type.dims[type.dims.size() - i], all[all.size() - i], why, frame, false);
    if (!good && why.empty()) return false;
  }
  if (good && open && signature && signature->rest) {
    good = std::vector<Axis>(all.begin(), all.end() - count) == *signature->rest;
  }
  const types::DType dtype = stacked ? types::DType::f32 : ctx.type(value.tensor()->node).dtype;
  const bool numbers = good && truth && dtype == types::DType::f32;
  if (good && (dtype == types::DType::i32) != is_id_type(type.name.text)) good = false;
  if (good && !numbers) return true;
  ctx.report(at, kind, type_text(ctx, type), value_text(ctx, value, frame) + (why.empty() ? "" : ": " + why))
      .label(type.range, "declared here")
      .help(numbers ? kTruthOfNumbers : "");
  return false;
}

Value check_result(BodyContext& ctx, const std::optional<ResultType>& result, Value value, Frame& frame,
                   const Signature& signature, const At& at) {
  (void)at;
  if (!result || value.poisoned()) return value;
  const At here{frame, value.range.valid() ? value.range : at.range};
  if (result->single) {
    if (!check_type(ctx, *result->single, value, frame, &signature, diag::ResultMismatch, here)) return {};
    mark_ones(ctx, value, result->single->dims, frame);
    if (auto* tensor = std::get_if<Tensor>(&value.v)) declare_ids(ctx, *result->single, *tensor, frame);
    return value;
  }
  if (result->fields.empty()) return value;
  const auto* record = std::get_if<RecordPtr>(&value.v);
  if (!record) {
    ctx.report(here, diag::ResultsMissing, frame.title);
    return {};
  }
  for (const ResultType::Field& field : result->fields) {
    const Value* given = (*record)->find(field.name.text);
    if (!given) {
      ctx.report(here, diag::NoSuchResult, field.name.text, named_results(**record));
      return {};
    }
    if (!check_type(ctx, field.type, *given, frame, &signature, diag::ResultMismatch, here)) return {};
  }
  return value;
}

}  // namespace mtl::elaborate
