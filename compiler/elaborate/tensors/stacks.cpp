// A static dimension in front of ragged ones, f32[3, T, D]. Rows of the graph have their ragged dimensions in front, so
// such a value is kept as its parts, each f32[T, D]: what works on one position or one sequence is mapped over them,
// and what goes over the front dimension itself (`mix`, `sum(over = 0)`, `x[i]`) puts the parts beside each other in
// each row. Nothing is ever moved.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/tensors/primitives.h"

namespace mtl::elaborate {

namespace {
constexpr int kDeepest = 8;  // stacks of stacks

const Stack* stack_in(const Value& value) {
  return std::get_if<Stack>(&value.v);
}
int nesting(const Value& value) {
  const Stack* stack = stack_in(value);
  return stack ? 1 + nesting(stack->parts->front()) : 0;
}
bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
}  // namespace

std::vector<Axis> Elaborator::value_axes(const Value& value, const Frame& frame) const {
  if (const Tensor* tensor = value.tensor()) return axes(tensor->node, frame);
  std::vector<Axis> all;
  if (const auto* transposed = std::get_if<Transposed>(&value.v)) {
    all = axes(transposed->sequence.node, frame);
    std::swap(all[all.size() - 1], all[all.size() - 2]);
  }
  if (const Stack* stack = stack_in(value)) {
    all = value_axes(stack->parts->front(), frame);
    all.insert(all.begin(), Axis{std::nullopt, static_cast<int64_t>(stack->parts->size())});
  }
  return all;
}

// The parts are values of one shape.
Value Elaborator::stack_of(std::vector<Value> parts, const At& at) {
  bool ragged = false;
  std::vector<ir::Value> nodes;
  IdSetPtr set = parts.empty() ? nullptr : Primitives::set_of(parts.front());
  for (Value& part : parts) {
    part = as_stack(part, at);
    if (part.poisoned()) return {};
    if (!stack_in(part)) {
      if (!part.tensor()) part = Value{Tensor{to_tensor(part, at), nullptr, nullptr}, part.range};
      nodes.push_back(part.tensor()->node);
      if (!nodes.back().valid()) return {};
    }
    const std::vector<Axis> all = value_axes(part, at.frame);
    ragged = ragged || std::any_of(all.begin(), all.end(), [](const Axis& axis) { return axis.ragged.has_value(); });
    auto joint = join_sets(set, Primitives::set_of(part), at);
    if (!joint) return {};
    set = *joint;
  }
  if (!ragged) {
    ir::Value stacked = stack(nodes, at);
    std::vector<const Value*> each;
    for (const Value& part : parts) each.push_back(&part);
    DimNames names = joined_names(stacked, each);
    if (!names.empty()) names.front().clear();
    return stacked.valid() ? Value{Tensor{stacked, set, nullptr, std::move(names)}, at.range} : Value{};
  }
  for (const Value& part : parts) {
    if (value_axes(part, at.frame) == value_axes(parts.front(), at.frame)) continue;
    report(at, diag::ShapeMismatch, "`stack`",
           "the first is " + value_text(parts.front(), at.frame) + ", another is " + value_text(part, at.frame));
    return {};
  }
  Value stacked{Stack{std::make_shared<const std::vector<Value>>(std::move(parts))}, at.range};
  if (nesting(stacked) <= kDeepest) return stacked;
  report(at, diag::TooNested);
  return {};
}

// Calls `one` with each part of the stacks in `slots` in their places, and stacks what it answers.
Value Elaborator::each_part(const std::vector<Value*>& slots, const At& at, const std::function<Value()>& one) {
  std::vector<Value> whole, results;
  for (Value* slot : slots) whole.push_back(*slot);
  const size_t count = stack_in(whole.front())->parts->size();
  for (const Value& value : whole) {
    if (stack_in(value)->parts->size() == count) continue;
    report(at, diag::ShapeMismatch, "a call over stacks",
           value_text(whole.front(), at.frame) + " beside " + value_text(value, at.frame));
    return {};
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t s = 0; s < slots.size(); ++s) {
      const SourceRange range = whole[s].range;
      *slots[s] = (*stack_in(whole[s])->parts)[i];
      slots[s]->range = range;
    }
    results.push_back(spend_statement(at.range, at.frame) ? one() : Value{});
    if (results.back().poisoned()) break;
  }
  for (size_t s = 0; s < slots.size(); ++s) *slots[s] = whole[s];
  if (results.back().poisoned()) return {};
  const auto* record = std::get_if<RecordPtr>(&results.front().v);
  if (!record) return stack_of(std::move(results), at);
  Record stacked;
  for (size_t f = 0; f < (*record)->fields.size(); ++f) {
    std::vector<Value> parts;
    for (const Value& result : results) parts.push_back(std::get<RecordPtr>(result.v)->fields[f].second);
    stacked.fields.emplace_back((*record)->fields[f].first, stack_of(std::move(parts), at));
  }
  return Value{std::make_shared<const Record>(std::move(stacked)), at.range};
}

// The parts beside each other in each row: f32[T, D] three times is f32[T, 3, D]. Invalid after a report.
ir::Value Elaborator::beside(const Value& value, const At& at) {
  std::vector<ir::Value> nodes;
  for (const Value& part : *stack_in(value)->parts) {
    if (!part.tensor()) {
      report(at, diag::NotSupportedYet, "this use of a stack of stacks of sequences");
      return {};
    }
    nodes.push_back(part.tensor()->node);
  }
  return emit("stack", nodes, at, {{"axis", int64_t{0}}});
}

// The way back.
Value Elaborator::apart(ir::Value rows, const At& at, const IdSetPtr& ids) {
  if (!rows.valid()) return {};
  const int64_t count = type(rows).dims.front().value();
  const std::vector<Dim> rest(type(rows).dims.begin() + 1, type(rows).dims.end());
  std::vector<Value> parts;
  for (int64_t i = 0; i < count; ++i) {
    ir::Value part = emit("slice", {rows}, at, {{"axis", int64_t{0}}, {"start", i}, {"stop", i + 1}});
    parts.push_back(Value{Tensor{emit("reshape", {part}, at, {{"dims", rest}}), ids, nullptr}, at.range});
  }
  return stack_of(std::move(parts), at);
}

Value Elaborator::index_stack(const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at) {
  using Kind = syntax::IndexExpr::Item::Kind;
  const std::vector<Value>& parts = *stack_in(value)->parts;
  const auto count = static_cast<int64_t>(parts.size());
  const At here{at.frame, items[0].range};
  if (items[0].kind == Kind::ellipsis) {
    report(here, diag::NotSupportedYet, "`...` in an index into " + value_text(value, at.frame))
        .help("the front dimension comes first: `x[0]`, `x[0..2]`");
    return {};
  }
  // A number up to `most`, negative ones from the back.
  const auto place_of = [&](const Value& index, int64_t most) -> std::optional<int64_t> {
    auto number = index.poisoned() ? std::nullopt : integer(index, here, "an index");
    if (!number) return std::nullopt;
    const int64_t at_place = *number < 0 ? *number + count : *number;
    if (at_place >= 0 && at_place <= most) return at_place;
    report(here, diag::IndexOutOfRange, *number, "a dimension of " + std::to_string(count));
    return std::nullopt;
  };
  const auto place = [&](const syntax::Expr& expr, int64_t most) { return place_of(evaluate(expr, at.frame), most); };
  const auto rest = items.subspan(1);
  const auto inside = [&](const Value& part) {
    if (rest.empty()) return part;
    return stack_in(part) ? index_stack(part, rest, at) : index_tensor(*part.tensor(), rest, at);
  };
  const auto* range = std::get_if<syntax::BinaryExpr>(&items[0].value->node);
  const bool cut = items[0].kind == Kind::from || (range && range->op == syntax::BinaryOp::range);
  if (!cut) {
    const Value index = evaluate(*items[0].value, at.frame);
    if (const Tensor* ids = index.tensor()) {
      if (rest.empty()) return parts_by_ids(value, *ids, {at.frame, at.range, {at.range, here.range}});
      report(here, diag::NotSupportedYet, "an index by ids in front of another");
      return {};
    }
    auto one = place_of(index, count - 1);
    return one ? inside(parts[static_cast<size_t>(*one)]) : Value{};
  }
  auto begin = place(items[0].kind == Kind::from ? *items[0].value : *range->left, count - 1);
  auto end = items[0].kind == Kind::from ? std::optional(count) : place(*range->right, count);
  if (!begin || !end) return {};
  if (!at_least_one(*end - *begin, here)) return {};
  std::vector<Value> some;
  for (int64_t i = *begin; i < *end; ++i) some.push_back(inside(parts[static_cast<size_t>(i)]));
  return stack_of(std::move(some), at);
}

// The parts that ids name: at each position of theirs, the number or vector of that part.
Value Elaborator::parts_by_ids(const Value& value, const Tensor& ids, const At& at) {
  if (type(ids.node).dtype != types::DType::i32) {
    report(at, diag::IndexIsNoId, shape_text(ids.node, at.frame));
    return {};
  }
  ir::Value rows = beside(value, at);
  if (!rows.valid() || !ids_fit(ids.ids, type(rows).dims.front(), "the number of rows", at)) return {};
  const int more = type(ids.node).rank();
  const bool for_each = !ragged_below(type(ids.node).space, at.frame.base).empty();
  if (more > 1 || (more == 1 && for_each)) {
    report(at, diag::NotSupportedYet, value_text(value, at.frame) + " by " + shape_text(ids.node, at.frame));
    return {};
  }
  if (for_each) rows = copy_rows(rows, type(ids.node).space, at);
  if (!rows.valid()) return {};
  ir::Value places = to_space(ids.node, type(rows).space, at);
  ir::Value found = emit("gather_rows", {emit("map_in", {rows}, at, {{"count", int64_t{1}}}), places}, at);
  if (!found.valid()) return {};
  const IdSetPtr set = Primitives::set_of(stack_in(value)->parts->front());
  return more == 1 ? apart(found, at, set) : Value{Tensor{found, set, nullptr}, at.range};
}

Value Elaborator::binary_stacks(syntax::BinaryOp op, const Value& left, const Value& right, const At& at) {
  Value a = left, b = right;
  std::vector<Value*> slots;
  const size_t rank = std::max(value_axes(a, at.frame).size(), value_axes(b, at.frame).size());
  for (Value* value : {&a, &b}) {
    const bool all_dims = value_axes(*value, at.frame).size() == rank;  // a shorter one is aligned at the right
    if (stack_in(*value) && all_dims) slots.push_back(value);
  }
  if (slots.empty() || (op == syntax::BinaryOp::matmul && stack_in(right))) {
    report(at, diag::ShapeMismatch, "this operation",
           "left is " + value_text(left, at.frame) + ", right is " + value_text(right, at.frame));
    return {};
  }
  return each_part(slots, at, [&] { return binary_values(op, a, b, at); });
}

bool Elaborator::match_stack(const syntax::Parameter& parameter, const Value& value, Frame& callee,
                             Signature& signature, const At& at) {
  const std::vector<Axis> all = value_axes(value, at.frame);
  const auto& dims = parameter.type.dims;
  const bool open = !dims.empty() && dims.front().kind == syntax::TypeExpr::DimItem::Kind::rest;
  const size_t count = dims.size() - (open ? 1 : 0);
  std::string why;
  bool good = all.size() >= count && (parameter.type.name.text == "f32" || parameter.type.name.text == "bool");
  for (size_t i = 1; good && i <= count; ++i)
    good = match_axis(dims[dims.size() - i], all[all.size() - i], why, callee, true);
  const std::vector<Axis> front(all.begin(), all.end() - static_cast<std::ptrdiff_t>(good ? count : all.size()));
  if (good && open && signature.rest) good = *signature.rest == front;
  if (good && open) signature.rest = front;
  if (!good)
    report(at, diag::InputMismatch, parameter.name.text, signature.callee, type_text(parameter.type),
           value_text(value, at.frame) + (why.empty() ? "" : ": " + why));
  return good;
}

// Inputs that are stacks and have more dimensions than their type: the call runs on each of their parts.
std::vector<Value*> Elaborator::stacks_to_map(const std::vector<syntax::Parameter>& inputs,
                                              std::vector<std::optional<Argument>>& bound, const Frame& frame) const {
  std::vector<Value*> slots;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!bound[i] || !stack_in(bound[i]->value)) continue;
    const auto& dims = inputs[i].type.dims;
    const bool open = !dims.empty() && dims.front().kind == syntax::TypeExpr::DimItem::Kind::rest;
    if (!open && value_axes(bound[i]->value, frame).size() > dims.size()) slots.push_back(&bound[i]->value);
  }
  return slots;
}

struct Primitives::Stacks {
  using Call = PrimitiveCall;

  static bool in_call(const Call& c) {
    return std::any_of(c.bound.begin(), c.bound.end(), [](const auto& b) { return stack_in(b.second.value); }) ||
           std::any_of(c.values.begin(), c.values.end(), [](const Argument& a) { return stack_in(a.value); });
  }
  static Value refuse(Call& c, const std::string& what) {
    c.e.report(c.at, diag::NotSupportedYet, what).help("a module that is written for one position is mapped over all");
    return {};
  }
  static Value map(Call& c) {
    std::vector<Value*> slots;
    for (auto& [name, argument] : c.bound) {
      if (stack_in(argument.value)) slots.push_back(&argument.value);
    }
    for (Argument& argument : c.values) {
      if (stack_in(argument.value)) slots.push_back(&argument.value);
    }
    return c.e.each_part(slots, c.at, [&] { return c.e.run_primitive(c); });
  }

  // Whether `over` means the front dimension; if not, it is brought to what a part calls it. nullopt after a report.
  static std::optional<bool> over_front(Call& c, bool by_default) {
    auto given = c.bound.find("over");
    if (given == c.bound.end()) return by_default;
    Value& over = given->second.value;
    if (std::holds_alternative<RaggedDim>(over.v)) return false;
    const StaticValue* known = over.as_static();
    const auto number = known ? known->as_int() : std::nullopt;
    if (!number || over.dimension) {
      refuse(c, "`over` by this name or list, in " + c.e.value_text(*c.find("x"), c.at.frame));
      return std::nullopt;
    }
    const auto rank = static_cast<int64_t>(c.e.value_axes(*c.find("x"), c.at.frame).size());
    const int64_t axis = *number < 0 ? *number + rank : *number;
    if (axis > 0) over = Value{StaticValue{axis - 1}, over.range};
    return axis == 0;
  }
  // The same operation on the parts beside each other in each row.
  static Value over_rows(Call& c, bool keeps) {
    ir::Value rows = c.e.beside(*c.find("x"), c.at);
    if (!rows.valid()) return {};
    const auto ragged = static_cast<int64_t>(c.e.axes(rows, c.at.frame).size()) - c.e.type(rows).rank();
    Call inner = c;
    inner.bound["x"].value = Value{Tensor{rows, nullptr, nullptr}, c.at.range};
    inner.bound["over"] = Argument{"over", Value{StaticValue{ragged}, c.at.range}, c.at.range};
    Value result = c.e.run_primitive(inner);
    return keeps && result.tensor() ? c.e.apart(result.tensor()->node, c.at) : result;
  }
  static Value reduce(Call& c) {
    const std::string_view name = c.primitive.name;
    const bool keeps = is_one_of(name, {"softmax", "log_softmax"});
    const bool edge = is_one_of(name, {"first", "last"});
    const bool of_last = keeps || is_one_of(name, {"logsumexp", "argmax", "argmin"});
    if (c.find("other")) return map(c);
    const bool whole = !c.find("over") && !of_last && !edge;
    const auto front = over_front(c, edge);
    if (!front) return {};
    const std::vector<Value>& parts = *stack_in(*c.find("x"))->parts;
    if (*front && edge) return name == "first" ? parts.front() : parts.back();
    if (*front) return over_rows(c, keeps);
    if (!whole) return map(c);
    if (name == "variance") return refuse(c, "`variance` over all dimensions of a stack of sequences");
    Call outer = c;  // over each part, then over what comes of them; all parts have as many numbers
    outer.bound["x"].value = map(c);
    return outer.bound["x"].value.poisoned() ? Value{} : c.e.run_primitive(outer);
  }

  // mix(w, v): one weight for each part, or a matrix of them.
  static Value mix(Call& c) {
    const Value& values = *c.find("values");
    if (stack_in(*c.find("weights"))) return refuse(c, "`mix` with a stack of weights");
    ir::Value w = tensor(c, "weights");
    if (!w.valid()) return {};
    const std::vector<Axis> by = c.e.axes(w, c.at.frame);
    const bool of_static = static_cast<int>(by.size()) == c.e.type(w).rank();
    if (by.empty() || by.size() > 2 || !of_static)
      return refuse(c, "`mix` of " + c.e.value_text(values, c.at.frame) + " by " + c.e.shape_text(w, c.at.frame));
    ir::Value rows = c.e.beside(values, c.at);
    if (!rows.valid()) return {};
    const Dim count = c.e.type(rows).dims.front();
    if (by.back().size.equals(count) == types::Answer::no) {
      c.e.report(c.at, diag::ShapeMismatch, "`mix`",
                 "weights are " + c.e.shape_text(w, c.at.frame) + ", values are " + c.e.value_text(values, c.at.frame) +
                     ": " + by.back().size.text() + " is not " + count.text());
      return {};
    }
    // At one position the parts are f32[n, D], and what is mixed for it is f32[D], or f32[m, D].
    ir::Value mixed = c.e.mix_rows(c.e.to_space(w, c.e.type(rows).space, c.at), rows, c.at);
    return by.size() == 2 ? c.e.apart(mixed, c.at) : result(mixed, c);
  }
  static Value concat(Call& c) {
    if (!c.find("over")) return map(c);
    Call probe = c;
    probe.bound["x"] =
        *std::find_if(c.values.begin(), c.values.end(), [](const Argument& a) { return stack_in(a.value); });
    const auto front = over_front(probe, false);
    if (!front) return {};
    if (*front) return refuse(c, "`concat` of stacks over their front dimension");
    c.bound["over"] = probe.bound["over"];
    return map(c);
  }
  // Of two dimensions, or of the last two of more.
  static Value transpose(Call& c) {
    const Value& x = *c.find("x");
    if (c.e.value_axes(x, c.at.frame).size() > 2) return map(c);
    ir::Value rows = c.e.beside(x, c.at);
    return rows.valid() ? Value{Tensor{rows, set_of(stack_in(x)->parts->front()), nullptr}, c.at.range} : Value{};
  }
  static Value run(Call& c) {
    const std::string_view name = c.primitive.name;
    if (is_one_of(name, {"sum", "mean", "prod", "variance", "norm", "max", "min", "softmax", "log_softmax", "logsumexp",
                         "argmax", "argmin", "first", "last"}))
      return reduce(c);
    if (name == "mix") return mix(c);
    if (name == "concat") return concat(c);
    if (name == "transpose" && !c.find("order")) return transpose(c);
    if (is_one_of(name, {"reshape", "flatten", "transpose", "pad", "attention"}))
      return refuse(c, "`" + std::string(name) + "` of a dimension in front of a ragged one");
    return map(c);
  }
};

bool Primitives::has_stack(const PrimitiveCall& call) {
  return Stacks::in_call(call);
}
Value Primitives::run_stacks(PrimitiveCall& call) {
  return Stacks::run(call);
}

}  // namespace mtl::elaborate
