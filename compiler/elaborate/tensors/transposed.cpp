// Transposes that have a ragged dimension among the two: f32[D, T] of f32[T, D], and f32[C, Q] of f32[Q, C]. The second
// are rows of pairs; the first stands for the sequence itself where it is a side of a matrix product or scaled, and is
// a stack of its D sequences everywhere else.
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/tensors/primitives.h"

namespace mtl::elaborate {

namespace {
const Transposed* transposed_in(const Value& value) {
  return std::get_if<Transposed>(&value.v);
}
// A number that is the same everywhere.
bool is_number(const Value& value) {
  const StaticValue* known = value.as_static();
  return known && known->as_number();
}
}  // namespace

// Any other value is itself; poisoned after a report.
Value Elaborator::as_stack(const Value& value, const At& at) {
  const Transposed* transposed = transposed_in(value);
  if (!transposed) return value;
  constexpr int64_t kMostParts = 1000;
  const Tensor& sequence = transposed->sequence;
  if (type(sequence.node).dims.front().constant().value_or(kMostParts + 1) > kMostParts) {
    report(at, diag::NotSupportedYet, "this use of " + value_text(value, at.frame))
        .help("a transposed sequence is a side of `@`; scale or map the sequence itself");
    return {};
  }
  Value parts = apart(sequence.node, at, sequence.ids);
  parts.range = value.range;
  return parts;
}

// f32[D, T] as the sequence that it is the transpose of; nullopt: it has other dimensions.
std::optional<Value> Elaborator::as_transposed(const Value& value, const At& at) {
  if (transposed_in(value)) return value;
  const std::vector<Axis> all = value_axes(value, at.frame);
  const auto* stack = std::get_if<Stack>(&value.v);
  if (!stack || all.size() != 2 || !all.back().ragged) return std::nullopt;
  ir::Value rows = beside(value, at);
  return rows.valid() ? Value{Transposed{{rows, Primitives::set_of(stack->parts->front()), nullptr}}, value.range}
                      : Value{};
}

// Operations on single numbers: on two transposes, or one and a number, they are that of the sequences.
Value Elaborator::binary_transposed(syntax::BinaryOp op, const Value& left, const Value& right, const At& at) {
  const Transposed *a = transposed_in(left), *b = transposed_in(right);
  if ((a && b) || is_number(left) || is_number(right)) {
    const Value result =
        binary_values(op, a ? Value{a->sequence, left.range} : left, b ? Value{b->sequence, right.range} : right, at);
    return result.tensor() ? Value{Transposed{*result.tensor()}, at.range} : Value{};
  }
  const Value x = as_stack(left, at), y = as_stack(right, at);
  return binary_values(op, x, y, at);
}

Value Elaborator::transpose_last(const Tensor& x, const At& at) {
  const size_t ragged = ragged_below(type(x.node).space, at.frame.base).size();
  if (type(x.node).rank() == 1) return Value{Transposed{x}, at.range};
  const auto turned = ragged == 2 ? swapped(x.node, at) : std::nullopt;
  if (turned) return turned->valid() ? Value{Tensor{*turned, x.ids, nullptr}, at.range} : Value{};
  report(at, diag::NotSupportedYet, "`transpose` of " + shape_text(x.node, at.frame));
  return {};
}

// a @ transpose(sequence): numbers against each of its positions.
Value Elaborator::times_transposed(ir::Value a, ir::Value sequence, const At& at) {
  const size_t ragged = ragged_below(type(a).space, at.frame.base).size();
  if (type(a).rank() == 2 && ragged == 0) {  // a s^T = (s a^T)^T
    ir::Value product = matmul(sequence, transposed(a, at), at);
    return product.valid() ? Value{Transposed{{product, nullptr, nullptr}}, at.range} : Value{};
  }
  const bool pairs = type(a).rank() == 1 && ragged > 0;
  const size_t of_sequence = ragged_below(type(sequence).space, at.frame.base).size();
  if (type(a).rank() > 1 || (pairs && of_sequence > 1)) {
    report(at, diag::NotSupportedYet,
           "the product of " + shape_text(a, at.frame) + " and a transposed " + shape_text(sequence, at.frame));
    return {};
  }
  if (pairs) sequence = copy_rows(sequence, type(a).space, at);
  ir::Value product = emit("mul", {sequence, a}, at);
  if (!product.valid()) return {};
  product = emit("sum", {product}, at, {{"axes", std::vector<Dim>{0}}, {"keep", false}});
  return product.valid() ? Value{Tensor{product, nullptr, nullptr}, at.range} : Value{};
}

// transpose(sequence) @ b: each position's vector times what b has for it, added up.
Value Elaborator::transposed_times(ir::Value sequence, ir::Value b, const At& at) {
  const auto answer = [&](ir::Value product) {
    return product.valid() ? Value{Tensor{product, nullptr, nullptr}, at.range} : Value{};
  };
  const size_t ragged = ragged_below(type(b).space, at.frame.base).size();
  if (type(b).rank() == 0 && ragged == 1) return answer(matmul_rows(b, sequence, at));
  if (type(b).rank() == 0) {  // of pairs: s^T p = (p^T s)^T
    const auto turned = swapped(b, at);
    if (!turned) {
      report(at, diag::NotSupportedYet,
             "the product of a transposed " + shape_text(sequence, at.frame) + " and " + shape_text(b, at.frame));
      return {};
    }
    ir::Value product = turned->valid() ? matmul_rows(*turned, sequence, at) : ir::Value{};
    return product.valid() ? Value{Transposed{{product, nullptr, nullptr}}, at.range} : Value{};
  }
  const Dim rows = type(sequence).dims[0], columns = type(b).dims[0];
  if (!meet(sequence, b, at)) return {};
  ir::Value left = emit("reshape", {sequence}, at, {{"dims", std::vector<Dim>{rows, 1}}});
  ir::Value right = emit("reshape", {b}, at, {{"dims", std::vector<Dim>{1, columns}}});
  ir::Value product = emit("mul", {left, right}, at);
  return product.valid() ? answer(reduce_ragged("sum", product, type(product).space, at)) : Value{};
}

Value Elaborator::matmul_transposed(const Value& left, const Value& right, const At& at) {
  const std::vector<Axis> x = value_axes(left, at.frame), y = value_axes(right, at.frame);
  const auto* from_left = std::get_if<Transposed>(&left.v);
  const auto* from_right = std::get_if<Transposed>(&right.v);
  const ir::Value a = from_left ? from_left->sequence.node : to_tensor(left, at);
  const ir::Value b = from_right ? from_right->sequence.node : to_tensor(right, at);
  if (!a.valid() || !b.valid()) return {};
  const Axis inner_left = x.empty() ? Axis{} : x.back();
  const Axis inner_right = y.empty() ? Axis{} : y.size() == 1 ? y[0] : y[y.size() - 2];
  const bool both_ragged = inner_left.ragged && inner_right.ragged;
  const bool fits = both_ragged ? spaces().same_dim(*inner_left.ragged, *inner_right.ragged)
                                : !inner_left.ragged && !inner_right.ragged &&
                                      inner_left.size.equals(inner_right.size) != types::Answer::no;
  if (x.empty() || y.empty() || !fits || type(a).dtype == types::DType::i32 || type(b).dtype == types::DType::i32) {
    report(at, diag::ShapeMismatch, "matrix product",
           "left is " + value_text(left, at.frame) + ", right is " + value_text(right, at.frame));
    return {};
  }
  return from_right ? times_transposed(a, b, at) : transposed_times(a, b, at);
}

}  // namespace mtl::elaborate
