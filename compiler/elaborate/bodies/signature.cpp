// Signatures: the dimensions of a call, solved by matching right to left, and the mapping over what is left in front.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/ops/op.h"

namespace mtl::elaborate {

using namespace syntax;
using Kind = TypeExpr::DimItem::Kind;

namespace {
constexpr const char* kTruthOfNumbers = "a comparison, such as `x > 0`, makes truth values of numbers";
bool is_id_type(const std::string& name) {
  return name == "id" || name == "token" || name == "category" || name == "label" || name == "index";
}
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

std::string Elaborator::text_at(SourceRange range) const {
  const SourceMap* sources = emitter_.sources();
  if (!sources || !range.valid()) return "";
  return sources->file(range.file).text().substr(range.begin, range.end - range.begin);
}

std::optional<Axis> Elaborator::dim_of(const TypeExpr::DimItem& item, Frame& frame) {
  if (item.kind != Kind::size || !item.size) {
    report_at(frame, item.range, diag::NotSupportedYet, "this form of a dimension");
    return std::nullopt;
  }
  Value value = evaluate(*item.size, frame);
  if (value.poisoned()) return std::nullopt;
  if (const auto* ragged = std::get_if<RaggedDim>(&value.v)) return Axis{ragged->space, {}};
  if (value.as_static()) {
    if (auto dim = value.as_static()->as_dim()) {
      if (!at_least_one(*dim, {frame, item.range})) return std::nullopt;
      return Axis{std::nullopt, *dim};
    }
  }
  report_at(frame, item.range, diag::NotADimension, value.as_static() ? value.as_static()->text() : value.kind());
  return std::nullopt;
}

bool Elaborator::match_axis(const TypeExpr::DimItem& item, const Axis& axis, std::string& why, Frame& callee,
                            bool introduces) {
  const std::string* name = simple_name(item.size);
  if (name && *name == "_") return true;
  if (introduces && name && is_dimension_name(*name) && !callee.find(*name)) {
    Value bound = axis.ragged ? Value{RaggedDim{*axis.ragged}} : Value{size_value(axis.size)};
    bound.dimension = callee.fresh_dimension();
    callee.bind(*name, std::move(bound));
    return true;
  }
  if (introduces && item.kind == Kind::size && item.size && solve_dimension(*item.size, axis, callee)) return true;
  auto wanted = dim_of(item, callee);
  if (!wanted) return false;
  const bool both = wanted->ragged && axis.ragged;
  const bool same = both                            ? spaces().same_dim(*wanted->ragged, *axis.ragged)
                    : wanted->ragged || axis.ragged ? false
                                                    : wanted->size.equals(axis.size) != types::Answer::no;
  if (same) return true;
  why = axis_text(axis) + " is not " + axis_text(*wanted);
  if (name && is_dimension_name(*name)) why += " (`" + *name + "` is " + axis_text(*wanted) + " already)";
  return false;
}

bool Elaborator::set_has_size(const IdSet& set, const Dim& size, const std::string& what, const At& at) {
  if (size.equals(set.size) != types::Answer::no) return true;
  report(at, diag::SetSize, set.text, set.size.text(), what, size.text());
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
}  // namespace

diag::Report Elaborator::input_mismatch(const Parameter& parameter, const Signature& signature,
                                        const std::string& found, const At& at) {
  diag::Report made =
      report(at, diag::InputMismatch, parameter.name.text, signature.callee, type_text(parameter.type), found);
  const TaskState* task = current_task_ >= 0 && !at.frame.library ? &tasks_[current_task_] : nullptr;
  if (!task || !task->criterion.valid()) return made;
  return std::move(made).label(task->criterion, "the criterion").help(fitting_criteria(task->info));
}

bool Elaborator::match_set(const Parameter& parameter, Tensor& tensor, Frame& callee, Signature& signature,
                           const At& at) {
  if (type(tensor.node).dtype != types::DType::i32) {
    const ir::Node& node = graph_.node(tensor.node);
    const bool column = node.op->name == std::string("input");
    const std::string name = column ? std::get<std::string>(node.attrs.at("name")) : "";
    input_mismatch(parameter, signature, shape_text(tensor.node, at.frame) + ": ids are needed here", at)
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
      report(at, diag::WrongIds, set->text, known->second->text);
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
    return set_has_size(*set, *dim->as_dim(), "`" + *name + "`", at);
  }
  Value wanted = evaluate(*parameter.type.arguments[0], callee);
  const StaticValue* size = wanted.as_static();
  if (!size || !size->as_dim() || set->ragged) return true;
  if (set->constant) {
    if (!ids_fit(set, *size->as_dim(), "the set of `" + parameter.name.text + "`", at)) return false;
    declare_ids(parameter.type, tensor, callee);
    return true;
  }
  return set_has_size(*set, *size->as_dim(), "the set of `" + parameter.name.text + "`", at);
}

// Constants are ids of the set that a declaration gives them: `side : id(2)[T] = full(0, [T])`.
void Elaborator::declare_ids(const TypeExpr& declared, Tensor& tensor, Frame& frame) {
  if (!tensor.ids || !tensor.ids->constant || !is_id_type(declared.name.text) || declared.arguments.empty()) return;
  const Expr& argument = *declared.arguments[0];
  if (IdSetPtr named = set_of_size(argument, frame)) {
    tensor.ids = std::move(named);
    return;
  }
  const Value wanted = evaluate(argument, frame);
  const auto size = wanted.as_static() ? wanted.as_static()->as_dim() : std::nullopt;
  if (!size || !ids_fit(tensor.ids, *size, "the set of `" + type_text(declared) + "`", {frame, argument.range})) return;
  IdSet set;
  set.text = "`" + type_text(declared) + "`";
  set.size = *size;
  tensor.ids = std::make_shared<const IdSet>(std::move(set));
}

bool Elaborator::match_table(const Parameter& parameter, const Tensor& tensor, Frame& callee, const At& at) {
  const auto& dims = parameter.type.dims;
  const std::string* name = dims.empty() ? nullptr : simple_name(dims.front().size);
  const bool all = static_cast<int>(dims.size()) == type(tensor.node).rank();
  if (!tensor.table || tensor.table->key.empty() || !all || !name || !is_dimension_name(*name)) return true;
  const IdSetPtr& known = callee.sets.try_emplace(*name, tensor.table).first->second;
  if (known->key.empty() || known->key == tensor.table->key) return true;
  report(at, diag::WrongIds, known->text, tensor.table->text);
  return false;
}

bool Elaborator::match_input(const Parameter& parameter, size_t index, Value& value, Frame& callee,
                             Signature& signature, const At& at) {
  if (std::holds_alternative<Stack>(value.v)) return match_stack(parameter, value, callee, signature, at);
  const bool ids = is_id_type(parameter.type.name.text);
  Tensor tensor;
  if (value.tensor()) {
    tensor = *value.tensor();
  } else if (ids && value.as_static() && std::holds_alternative<int64_t>(value.as_static()->value)) {
    auto constant = constant_id(std::get<int64_t>(value.as_static()->value), at);
    if (!constant) return false;
    tensor = *constant;
  } else if (const auto* path = std::get_if<PathRef>(&value.v)) {
    tensor = parameter_at(*path, at);
  } else {
    tensor.node = to_tensor(value, at);
  }
  const bool truth = parameter.type.name.text == "bool";
  if (!tensor.node.valid()) return false;
  if (ids && !match_set(parameter, tensor, callee, signature, at)) return false;
  const std::vector<Axis> all = axes(tensor.node, at.frame);
  const auto mismatch = [&](const std::string& why, const std::string& help = "") {
    diag::Report made = input_mismatch(
        parameter, signature, shape_text(tensor.node, at.frame, tensor.ids) + (why.empty() ? "" : ": " + why), at);
    if (!callee.library) std::move(made).label(parameter.type.range, "declared here");
    for (std::string& note : size_notes(why)) std::move(made).note(std::move(note));
    if (!help.empty()) std::move(made).help(help);
    return false;
  };
  if (!ids && type(tensor.node).dtype == types::DType::i32) {
    const bool named = tensor.ids && !tensor.ids->key.empty();
    const bool judged = current_task_ >= 0 && tasks_[current_task_].criterion.valid();
    return mismatch("numbers are needed here", judged  ? ""
                                               : named ? "`embed(width)` makes a vector of each id, `float(x)` a number"
                                                       : numbers_of_ids(tensor.ids));
  }
  if (truth && type(tensor.node).dtype != types::DType::boolean) return mismatch("", kTruthOfNumbers);
  const auto& dims = parameter.type.dims;
  const bool open = !dims.empty() && dims.front().kind == Kind::rest;
  const size_t count = dims.size() - (open ? 1 : 0);
  if (all.size() < count) {
    const ir::Node& node = graph_.node(tensor.node);
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
    if (!match_axis(dims[dims.size() - i], all[all.size() - i], why, callee, true))
      return why.empty() ? false : mismatch(why);
  }
  if (!match_table(parameter, tensor, callee, at)) return false;
  std::vector<Axis> front(all.begin(), all.end() - count);
  name_dimensions(tensor, dims, callee, true);
  value = Value{tensor, value.range};
  if (open) {
    const auto alike = [](const Axis& a, const Axis& b) {
      return a.ragged == b.ragged && a.size.equals(b.size) != types::Answer::no;
    };
    if (signature.rest &&
        !std::equal(front.begin(), front.end(), signature.rest->begin(), signature.rest->end(), alike)) {
      return mismatch("`...` is " + axes_text(*signature.rest) + " already");
    }
    signature.rest = front;
    return true;
  }
  if (front.empty()) return true;
  if (!signature.extra.empty() && signature.extra != front) {
    report(at, diag::MappedOverBoth, parameter.name.text, axes_text(front), signature.extra_of,
           axes_text(signature.extra));
    return false;
  }
  signature.extra = front;
  signature.extra_names = tensor.dims;
  signature.extra_names.resize(tensor.dims.size() - std::min(count, tensor.dims.size()));
  signature.extra_of = parameter.name.text;
  signature.mapped[index] = true;
  return true;
}

// The rows that a call which is mapped over static dimensions runs for: those that all of its inputs can be seen on.
std::optional<SpaceId> Elaborator::rows_of_call(const std::vector<Value>& values, SpaceId space,
                                                const Signature& signature, const At& at) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Value* value = &values[i];
    while (const auto* stack = std::get_if<Stack>(&value->v)) value = &stack->parts->front();
    if (!value->tensor() || !value->tensor()->node.valid()) continue;
    SpaceId rows = type(value->tensor()->node).space;
    const std::vector<SpaceId> whole = ragged_below(rows, at.frame.base);
    if (!signature.mapped[i] && !whole.empty()) rows = spaces()[whole.front()].parent;
    auto joined = spaces().join(space, rows);
    if (!joined) {
      report(at, diag::NotSupportedYet, "a call mapped over values of different rows");
      return std::nullopt;
    }
    space = *joined;
  }
  return space;
}

bool Elaborator::map_inputs(std::vector<Value>& values, Frame& callee, Signature& signature, const At& at) {
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
    const auto space = rows_of_call(values, callee.base, signature, at);
    if (!space) return false;
    callee.base = *space;
    for (const Dim& size : fixed) callee.base = spaces().add_fixed(callee.base, size);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!signature.mapped[i]) continue;
      Tensor tensor = *values[i].tensor();
      tensor.node = to_space(tensor.node, *space, at);
      tensor.node = emit("map_in", {tensor.node}, at, {{"count", static_cast<int64_t>(fixed.size())}});
      if (!tensor.node.valid()) return false;
      values[i] = Value{tensor, values[i].range};
    }
  }
  signature.space = callee.base;
  signature.fixed = static_cast<int64_t>(fixed.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!signature.mapped[i] && !give_whole(values[i], callee.base, signature, at)) return false;
  }
  dims_of_copies(callee, signature);
  return true;
}

Value Elaborator::map_result(Value result, const Signature& signature, const At& at) {
  if (signature.extra.empty() || result.poisoned()) return result;
  if (const auto* record = std::get_if<RecordPtr>(&result.v)) {
    Record mapped;
    for (const auto& [name, value] : (*record)->fields)
      mapped.fields.emplace_back(name, map_result(value, signature, at));
    return {std::make_shared<const Record>(std::move(mapped)), result.range};
  }
  Tensor tensor{to_tensor(result, at), nullptr, nullptr};
  if (!tensor.node.valid()) return {};
  if (const Tensor* given = result.tensor()) tensor.ids = given->ids;
  const SpaceId space = type(tensor.node).space;
  // The dimensions of the mapping stand in front of every result, also of one that does not depend on the input.
  if (space != signature.space && spaces().is_ancestor(space, signature.space)) {
    tensor.node = to_space(tensor.node, signature.space, at);
  }
  if (signature.fixed > 0 && !ragged_below(space, signature.space).empty())
    return stack_of_mapped(tensor.node, signature, at);
  if (const Tensor* given = result.tensor()) tensor.dims = dim_names(*given);
  tensor.dims.insert(tensor.dims.begin(), signature.extra_names.begin(), signature.extra_names.end());
  if (signature.fixed > 0) tensor.node = emit("map_out", {tensor.node}, at, {{"count", signature.fixed}});
  return tensor.node.valid() ? Value{tensor, result.range} : Value{};
}

bool Elaborator::check_type(const TypeExpr& type, const Value& value, Frame& frame, const Signature* signature,
                            const diag::Kind& kind, const At& at) {
  if (value.poisoned() || type.error) return true;
  const bool truth = type.name.text == "bool";
  const bool stacked = std::holds_alternative<Stack>(value.v) || std::holds_alternative<Transposed>(value.v);
  if (!value.tensor() && !stacked) {
    const StaticValue* known = value.as_static();
    const bool fits = known && (truth ? known->is_bool() : known->is_number() || known->as_dim());
    if (type.dims.empty() && fits) return true;
    if (!value.layer() && !known) return true;
    report(at, kind, type_text(type), value.as_static() ? value.as_static()->text() : value.kind());
    return false;
  }
  const std::vector<Axis> all = value_axes(value, frame);
  const bool open = !type.dims.empty() && type.dims.front().kind == Kind::rest;
  const size_t count = type.dims.size() - (open ? 1 : 0);
  std::string why;
  bool good = open ? all.size() >= count : all.size() == count;
  for (size_t i = 1; good && i <= count; ++i) {
    good = match_axis(type.dims[type.dims.size() - i], all[all.size() - i], why, frame, false);
    if (!good && why.empty()) return false;
  }
  if (good && open && signature && signature->rest) {
    good = std::vector<Axis>(all.begin(), all.end() - count) == *signature->rest;
  }
  const types::DType dtype = stacked ? types::DType::f32 : this->type(value.tensor()->node).dtype;
  const bool numbers = good && truth && dtype == types::DType::f32;
  if (good && (dtype == types::DType::i32) != is_id_type(type.name.text)) good = false;
  if (good && !numbers) return true;
  report(at, kind, type_text(type), value_text(value, frame) + (why.empty() ? "" : ": " + why))
      .label(type.range, "declared here")
      .help(numbers ? kTruthOfNumbers : "");
  return false;
}

Value Elaborator::check_result(const std::optional<ResultType>& result, Value value, Frame& frame,
                               const Signature& signature, const At& at) {
  (void)at;
  if (!result || value.poisoned()) return value;
  const At here{frame, value.range.valid() ? value.range : at.range};
  if (result->single) {
    if (!check_type(*result->single, value, frame, &signature, diag::ResultMismatch, here)) return {};
    mark_ones(value, result->single->dims, frame);
    if (auto* tensor = std::get_if<Tensor>(&value.v)) declare_ids(*result->single, *tensor, frame);
    return value;
  }
  if (result->fields.empty()) return value;
  const auto* record = std::get_if<RecordPtr>(&value.v);
  if (!record) {
    report(here, diag::ResultsMissing, frame.title);
    return {};
  }
  for (const ResultType::Field& field : result->fields) {
    const Value* given = (*record)->find(field.name.text);
    if (!given) {
      report(here, diag::NoSuchResult, field.name.text, named_results(**record));
      return {};
    }
    if (!check_type(field.type, *given, frame, &signature, diag::ResultMismatch, here)) return {};
  }
  return value;
}

}  // namespace mtl::elaborate
