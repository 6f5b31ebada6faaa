// Transposes that have a ragged dimension among the two: f32[D, T] of f32[T, D], and f32[C, Q] of f32[Q, C]. The second
// are rows of pairs; the first stands for the sequence itself where it is a side of a matrix product or scaled, and is
// a stack of its D sequences everywhere else.
#include "compiler/elaborate/tensors/transposed.h"

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

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
Value as_stack(TensorContext& ctx, const Value& value, const At& at) {
  const Transposed* transposed = transposed_in(value);
  if (!transposed) return value;
  constexpr int64_t kMostParts = 1000;
  const Tensor& sequence = transposed->sequence;
  if (ctx.type(sequence.node).dims.front().constant().value_or(kMostParts + 1) > kMostParts) {
    ctx.report(at, diag::NotSupportedYet, "this use of " + value_text(ctx, value, at.frame))
        .help("a transposed sequence is a side of `@`; scale or map the sequence itself");
    return {};
  }
  Value parts = apart(ctx, sequence.node, at, sequence.ids);
  parts.range = value.range;
  return parts;
}

// f32[D, T] as the sequence that it is the transpose of; nullopt: it has other dimensions.
std::optional<Value> as_transposed(TensorContext& ctx, const Value& value, const At& at) {
  if (transposed_in(value)) return value;
  const std::vector<Axis> all = value_axes(ctx, value, at.frame);
  const auto* stack = std::get_if<Stack>(&value.v);
  if (!stack || all.size() != 2 || !all.back().ragged) return std::nullopt;
  ir::Value rows = beside(ctx, value, at);
  return rows.valid() ? Value{Transposed{{rows, Primitives::set_of(stack->parts->front()), nullptr}}, value.range}
                      : Value{};
}

// Operations on single numbers: on two transposes, or one and a number, they are that of the sequences.
Value binary_transposed(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right, const At& at) {
  const Transposed *a = transposed_in(left), *b = transposed_in(right);
  if ((a && b) || is_number(left) || is_number(right)) {
    const Value result = binary_values(ctx, op, a ? Value{a->sequence, left.range} : left,
                                       b ? Value{b->sequence, right.range} : right, at);
    return result.tensor() ? Value{Transposed{*result.tensor()}, at.range} : Value{};
  }
  const Value x = as_stack(ctx, left, at), y = as_stack(ctx, right, at);
  return binary_values(ctx, op, x, y, at);
}

Value transpose_last(TensorContext& ctx, const Tensor& x, const At& at) {
  const size_t ragged = ragged_below(ctx, ctx.type(x.node).space, at.frame.base).size();
  if (ctx.type(x.node).rank() == 1) return Value{Transposed{x}, at.range};
  const auto turned = ragged == 2 ? swapped(ctx, x.node, at) : std::nullopt;
  if (turned) return turned->valid() ? Value{Tensor{*turned, x.ids, nullptr}, at.range} : Value{};
  ctx.report(at, diag::NotSupportedYet, "`transpose` of " + shape_text(ctx, x.node, at.frame));
  return {};
}

namespace {
// a @ transpose(sequence): numbers against each of its positions.
Value times_transposed(TensorContext& ctx, ir::Value a, ir::Value sequence, const At& at) {
  const size_t ragged = ragged_below(ctx, ctx.type(a).space, at.frame.base).size();
  if (ctx.type(a).rank() == 2 && ragged == 0) {  // a s^T = (s a^T)^T
    ir::Value product = matmul(ctx, sequence, transposed(ctx, a, at), at);
    return product.valid() ? Value{Transposed{{product, nullptr, nullptr}}, at.range} : Value{};
  }
  const bool pairs = ctx.type(a).rank() == 1 && ragged > 0;
  const size_t of_sequence = ragged_below(ctx, ctx.type(sequence).space, at.frame.base).size();
  if (ctx.type(a).rank() > 1 || (pairs && of_sequence > 1)) {
    ctx.report(
        at, diag::NotSupportedYet,
        "the product of " + shape_text(ctx, a, at.frame) + " and a transposed " + shape_text(ctx, sequence, at.frame));
    return {};
  }
  if (pairs) sequence = copy_rows(ctx, sequence, ctx.type(a).space, at);
  ir::Value product = emit(ctx, "mul", {sequence, a}, at);
  if (!product.valid()) return {};
  product = emit(ctx, "sum", {product}, at, {{"axes", std::vector<Dim>{0}}, {"keep", false}});
  return product.valid() ? Value{Tensor{product, nullptr, nullptr}, at.range} : Value{};
}

// transpose(sequence) @ b: each position's vector times what b has for it, added up.
Value transposed_times(TensorContext& ctx, ir::Value sequence, ir::Value b, const At& at) {
  const auto answer = [&](ir::Value product) {
    return product.valid() ? Value{Tensor{product, nullptr, nullptr}, at.range} : Value{};
  };
  const size_t ragged = ragged_below(ctx, ctx.type(b).space, at.frame.base).size();
  if (ctx.type(b).rank() == 0 && ragged == 1) return answer(matmul_rows(ctx, b, sequence, at));
  if (ctx.type(b).rank() == 0) {  // of pairs: s^T p = (p^T s)^T
    const auto turned = swapped(ctx, b, at);
    if (!turned) {
      ctx.report(at, diag::NotSupportedYet,
                 "the product of a transposed " + shape_text(ctx, sequence, at.frame) + " and " +
                     shape_text(ctx, b, at.frame));
      return {};
    }
    ir::Value product = turned->valid() ? matmul_rows(ctx, *turned, sequence, at) : ir::Value{};
    return product.valid() ? Value{Transposed{{product, nullptr, nullptr}}, at.range} : Value{};
  }
  const Dim rows = ctx.type(sequence).dims[0], columns = ctx.type(b).dims[0];
  if (!meet(ctx, sequence, b, at)) return {};
  ir::Value left = emit(ctx, "reshape", {sequence}, at, {{"dims", std::vector<Dim>{rows, 1}}});
  ir::Value right = emit(ctx, "reshape", {b}, at, {{"dims", std::vector<Dim>{1, columns}}});
  ir::Value product = emit(ctx, "mul", {left, right}, at);
  return product.valid() ? answer(reduce_ragged(ctx, "sum", product, ctx.type(product).space, at)) : Value{};
}
}  // namespace

Value matmul_transposed(TensorContext& ctx, const Value& left, const Value& right, const At& at) {
  const std::vector<Axis> x = value_axes(ctx, left, at.frame), y = value_axes(ctx, right, at.frame);
  const auto* from_left = std::get_if<Transposed>(&left.v);
  const auto* from_right = std::get_if<Transposed>(&right.v);
  const ir::Value a = from_left ? from_left->sequence.node : to_tensor(ctx, left, at);
  const ir::Value b = from_right ? from_right->sequence.node : to_tensor(ctx, right, at);
  if (!a.valid() || !b.valid()) return {};
  const Axis inner_left = x.empty() ? Axis{} : x.back();
  const Axis inner_right = y.empty() ? Axis{} : y.size() == 1 ? y[0] : y[y.size() - 2];
  const bool both_ragged = inner_left.ragged && inner_right.ragged;
  const bool fits = both_ragged ? ctx.spaces().same_dim(*inner_left.ragged, *inner_right.ragged)
                                : !inner_left.ragged && !inner_right.ragged &&
                                      inner_left.size.equals(inner_right.size) != types::Answer::no;
  if (x.empty() || y.empty() || !fits || ctx.type(a).dtype == types::DType::i32 ||
      ctx.type(b).dtype == types::DType::i32) {
    ctx.report(at, diag::ShapeMismatch, "matrix product",
               "left is " + value_text(ctx, left, at.frame) + ", right is " + value_text(ctx, right, at.frame));
    return {};
  }
  return from_right ? times_transposed(ctx, a, b, at) : transposed_times(ctx, a, b, at);
}

}  // namespace mtl::elaborate
