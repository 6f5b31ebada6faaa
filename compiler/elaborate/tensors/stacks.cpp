// A static dimension in front of ragged ones, f32[3, T, D]. Rows of the graph have their ragged dimensions in front, so
// such a value is kept as its parts, each f32[T, D]: what works on one position or one sequence is mapped over them,
// and what goes over the front dimension itself (`mix`, `sum(over = 0)`, `x[i]`) puts the parts beside each other in
// each row. Nothing is ever moved.
#include "compiler/elaborate/tensors/stacks.h"

#include <algorithm>

#include "compiler/elaborate/tensors/budget.h"
#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/joins.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
constexpr int kDeepest = 8;  // stacks of stacks

int nesting(const Value& value) {
  const Stack* stack = stack_in(value);
  return stack ? 1 + nesting(stack->parts->front()) : 0;
}
bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
}  // namespace

std::vector<Axis> value_axes(const TensorContext& ctx, const Value& value, const Frame& frame) {
  if (const Tensor* tensor = value.tensor()) return axes(ctx, tensor->node, frame);
  std::vector<Axis> all;
  if (const auto* transposed = std::get_if<Transposed>(&value.v)) {
    all = axes(ctx, transposed->sequence.node, frame);
    std::swap(all[all.size() - 1], all[all.size() - 2]);
  }
  if (const Stack* stack = stack_in(value)) {
    all = value_axes(ctx, stack->parts->front(), frame);
    all.insert(all.begin(), Axis{std::nullopt, static_cast<int64_t>(stack->parts->size())});
  }
  return all;
}

// The parts are values of one shape.
Value stack_of(TensorContext& ctx, std::vector<Value> parts, const At& at) {
  bool ragged = false;
  std::vector<ir::Value> nodes;
  IdSetPtr set = parts.empty() ? nullptr : Primitives::set_of(parts.front());
  for (Value& part : parts) {
    part = as_stack(ctx, part, at);
    if (part.poisoned()) return {};
    if (!stack_in(part)) {
      if (!part.tensor()) part = Value{Tensor{to_tensor(ctx, part, at), nullptr, nullptr}, part.range};
      nodes.push_back(part.tensor()->node);
      if (!nodes.back().valid()) return {};
    }
    const std::vector<Axis> all = value_axes(ctx, part, at.frame);
    ragged = ragged || std::any_of(all.begin(), all.end(), [](const Axis& axis) { return axis.ragged.has_value(); });
    auto joint = join_sets(ctx, set, Primitives::set_of(part), at);
    if (!joint) return {};
    set = *joint;
  }
  if (!ragged) {
    ir::Value stacked = stack(ctx, nodes, at);
    std::vector<const Value*> each;
    for (const Value& part : parts) each.push_back(&part);
    DimNames names = joined_names(ctx, stacked, each);
    if (!names.empty()) names.front().clear();
    return stacked.valid() ? Value{Tensor{stacked, set, nullptr, std::move(names)}, at.range} : Value{};
  }
  for (const Value& part : parts) {
    if (value_axes(ctx, part, at.frame) == value_axes(ctx, parts.front(), at.frame)) continue;
    ctx.report(
        at, diag::ShapeMismatch, "`stack`",
        "the first is " + value_text(ctx, parts.front(), at.frame) + ", another is " + value_text(ctx, part, at.frame));
    return {};
  }
  Value stacked{Stack{std::make_shared<const std::vector<Value>>(std::move(parts))}, at.range};
  if (nesting(stacked) <= kDeepest) return stacked;
  ctx.report(at, diag::TooNested);
  return {};
}

// Calls `one` with each part of the stacks in `slots` in their places, and stacks what it answers.
Value each_part(TensorContext& ctx, const std::vector<Value*>& slots, const At& at, const std::function<Value()>& one) {
  std::vector<Value> whole, results;
  for (Value* slot : slots) whole.push_back(*slot);
  const size_t count = stack_in(whole.front())->parts->size();
  for (const Value& value : whole) {
    if (stack_in(value)->parts->size() == count) continue;
    ctx.report(at, diag::ShapeMismatch, "a call over stacks",
               value_text(ctx, whole.front(), at.frame) + " beside " + value_text(ctx, value, at.frame));
    return {};
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t s = 0; s < slots.size(); ++s) {
      const SourceRange range = whole[s].range;
      *slots[s] = (*stack_in(whole[s])->parts)[i];
      slots[s]->range = range;
    }
    results.push_back(spend_statement(ctx, at.range, at.frame) ? one() : Value{});
    if (results.back().poisoned()) break;
  }
  for (size_t s = 0; s < slots.size(); ++s) *slots[s] = whole[s];
  if (results.back().poisoned()) return {};
  const auto* record = std::get_if<RecordPtr>(&results.front().v);
  if (!record) return stack_of(ctx, std::move(results), at);
  Record stacked;
  for (size_t f = 0; f < (*record)->fields.size(); ++f) {
    std::vector<Value> parts;
    for (const Value& result : results) parts.push_back(std::get<RecordPtr>(result.v)->fields[f].second);
    stacked.fields.emplace_back((*record)->fields[f].first, stack_of(ctx, std::move(parts), at));
  }
  return Value{std::make_shared<const Record>(std::move(stacked)), at.range};
}

// The parts beside each other in each row: f32[T, D] three times is f32[T, 3, D]. Invalid after a report.
ir::Value beside(TensorContext& ctx, const Value& value, const At& at) {
  std::vector<ir::Value> nodes;
  for (const Value& part : *stack_in(value)->parts) {
    if (!part.tensor()) {
      ctx.report(at, diag::NotSupportedYet, "this use of a stack of stacks of sequences");
      return {};
    }
    nodes.push_back(part.tensor()->node);
  }
  return emit(ctx, "stack", nodes, at, {{"axis", int64_t{0}}});
}

// The way back.
Value apart(TensorContext& ctx, ir::Value rows, const At& at, const IdSetPtr& ids) {
  if (!rows.valid()) return {};
  const int64_t count = ctx.type(rows).dims.front().value();
  const std::vector<Dim> rest(ctx.type(rows).dims.begin() + 1, ctx.type(rows).dims.end());
  std::vector<Value> parts;
  for (int64_t i = 0; i < count; ++i) {
    ir::Value part = emit(ctx, "slice", {rows}, at, {{"axis", int64_t{0}}, {"start", i}, {"stop", i + 1}});
    parts.push_back(Value{Tensor{emit(ctx, "reshape", {part}, at, {{"dims", rest}}), ids, nullptr}, at.range});
  }
  return stack_of(ctx, std::move(parts), at);
}

// The parts that ids name: at each position of theirs, the number or vector of that part.
Value parts_by_ids(TensorContext& ctx, const Value& value, const Tensor& ids, const At& at) {
  if (ctx.type(ids.node).dtype != types::DType::i32) {
    ctx.report(at, diag::IndexIsNoId, shape_text(ctx, ids.node, at.frame));
    return {};
  }
  ir::Value rows = beside(ctx, value, at);
  if (!rows.valid() || !ids_fit(ctx, ids.ids, ctx.type(rows).dims.front(), "the number of rows", at)) return {};
  const int more = ctx.type(ids.node).rank();
  const bool for_each = !ragged_below(ctx, ctx.type(ids.node).space, at.frame.base).empty();
  if (more > 1 || (more == 1 && for_each)) {
    ctx.report(at, diag::NotSupportedYet,
               value_text(ctx, value, at.frame) + " by " + shape_text(ctx, ids.node, at.frame));
    return {};
  }
  if (for_each) rows = copy_rows(ctx, rows, ctx.type(ids.node).space, at);
  if (!rows.valid()) return {};
  ir::Value places = to_space(ctx, ids.node, ctx.type(rows).space, at);
  ir::Value found = emit(ctx, "gather_rows", {emit(ctx, "map_in", {rows}, at, {{"count", int64_t{1}}}), places}, at);
  if (!found.valid()) return {};
  const IdSetPtr set = Primitives::set_of(stack_in(value)->parts->front());
  return more == 1 ? apart(ctx, found, at, set) : Value{Tensor{found, set, nullptr}, at.range};
}

Value binary_stacks(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right, const At& at) {
  Value a = left, b = right;
  std::vector<Value*> slots;
  const size_t rank = std::max(value_axes(ctx, a, at.frame).size(), value_axes(ctx, b, at.frame).size());
  for (Value* value : {&a, &b}) {
    const bool all_dims = value_axes(ctx, *value, at.frame).size() == rank;  // a shorter one is aligned at the right
    if (stack_in(*value) && all_dims) slots.push_back(value);
  }
  if (slots.empty() || (op == syntax::BinaryOp::matmul && stack_in(right))) {
    ctx.report(at, diag::ShapeMismatch, "this operation",
               "left is " + value_text(ctx, left, at.frame) + ", right is " + value_text(ctx, right, at.frame));
    return {};
  }
  return each_part(ctx, slots, at, [&] { return binary_values(ctx, op, a, b, at); });
}

struct Primitives::Stacks {
  using Call = PrimitiveCall;

  static bool in_call(const Call& c) {
    return std::any_of(c.bound.begin(), c.bound.end(), [](const auto& b) { return stack_in(b.second.value); }) ||
           std::any_of(c.values.begin(), c.values.end(), [](const Argument& a) { return stack_in(a.value); });
  }
  static Value refuse(Call& c, const std::string& what) {
    c.ctx.report(c.at, diag::NotSupportedYet, what)
        .help("a module that is written for one position is mapped over all");
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
    return each_part(c.ctx, slots, c.at, [&] { return run_primitive(c); });
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
      refuse(c, "`over` by this name or list, in " + value_text(c.ctx, *c.find("x"), c.at.frame));
      return std::nullopt;
    }
    const auto rank = static_cast<int64_t>(value_axes(c.ctx, *c.find("x"), c.at.frame).size());
    const int64_t axis = *number < 0 ? *number + rank : *number;
    if (axis > 0) over = Value{StaticValue{axis - 1}, over.range};
    return axis == 0;
  }
  // The same operation on the parts beside each other in each row.
  static Value over_rows(Call& c, bool keeps) {
    ir::Value rows = beside(c.ctx, *c.find("x"), c.at);
    if (!rows.valid()) return {};
    const auto ragged = static_cast<int64_t>(axes(c.ctx, rows, c.at.frame).size()) - c.ctx.type(rows).rank();
    Call inner = c;
    inner.bound["x"].value = Value{Tensor{rows, nullptr, nullptr}, c.at.range};
    inner.bound["over"] = Argument{"over", Value{StaticValue{ragged}, c.at.range}, c.at.range};
    Value result = run_primitive(inner);
    return keeps && result.tensor() ? apart(c.ctx, result.tensor()->node, c.at) : result;
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
    return outer.bound["x"].value.poisoned() ? Value{} : run_primitive(outer);
  }

  // mix(w, v): one weight for each part, or a matrix of them.
  static Value mix(Call& c) {
    const Value& values = *c.find("values");
    if (stack_in(*c.find("weights"))) return refuse(c, "`mix` with a stack of weights");
    ir::Value w = tensor(c, "weights");
    if (!w.valid()) return {};
    const std::vector<Axis> by = axes(c.ctx, w, c.at.frame);
    const bool of_static = static_cast<int>(by.size()) == c.ctx.type(w).rank();
    if (by.empty() || by.size() > 2 || !of_static)
      return refuse(c, "`mix` of " + value_text(c.ctx, values, c.at.frame) + " by " + shape_text(c.ctx, w, c.at.frame));
    ir::Value rows = beside(c.ctx, values, c.at);
    if (!rows.valid()) return {};
    const Dim count = c.ctx.type(rows).dims.front();
    if (by.back().size.equals(count) == types::Answer::no) {
      c.ctx.report(c.at, diag::ShapeMismatch, "`mix`",
                   "weights are " + shape_text(c.ctx, w, c.at.frame) + ", values are " +
                       value_text(c.ctx, values, c.at.frame) + ": " + by.back().size.text() + " is not " +
                       count.text());
      return {};
    }
    // At one position the parts are f32[n, D], and what is mixed for it is f32[D], or f32[m, D].
    ir::Value mixed = mix_rows(c.ctx, to_space(c.ctx, w, c.ctx.type(rows).space, c.at), rows, c.at);
    return by.size() == 2 ? apart(c.ctx, mixed, c.at) : result(mixed, c);
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
  static void parts_below(const Value& value, int64_t levels, std::vector<Value>& out) {
    if (levels == 0) return out.push_back(value);
    for (const Value& part : *stack_in(value)->parts) parts_below(part, levels - 1, out);
  }
  // Of dimensions in front of ragged ones, or of ones behind them.
  static Value flatten(Call& c) {
    const Value& x = *c.find("x");
    const auto rank = static_cast<int64_t>(value_axes(c.ctx, x, c.at.frame).size());
    const auto from = integer(c, "from", 0), to = integer(c, "to", rank);
    if (!from || !to) return {};
    if (*from == 0 && *to >= 1 && *to <= nesting(x)) {
      std::vector<Value> parts;
      parts_below(x, *to, parts);
      return stack_of(c.ctx, std::move(parts), c.at);
    }
    if (*from <= 0) return refuse(c, "`flatten` of a ragged dimension and one in front of it");
    for (const auto& [name, dim] : {std::pair("from", *from), std::pair("to", *to)})
      c.bound[name] = Argument{name, Value{StaticValue{dim - 1}, c.at.range}, c.at.range};
    return map(c);
  }
  // Of two dimensions, or of the last two of more.
  static Value transpose(Call& c) {
    const Value& x = *c.find("x");
    if (value_axes(c.ctx, x, c.at.frame).size() > 2) return map(c);
    ir::Value rows = beside(c.ctx, x, c.at);
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
    if (name == "flatten") return flatten(c);
    if (is_one_of(name, {"reshape", "transpose", "pad", "attention"}))
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
