// Arithmetic, comparisons and `@` on tensors, under the language's rule for broadcasting: the dimensions that a body
// sees are aligned at the right, a ragged one never meets another, and only a missing dimension or a literal 1 repeats.
#include "compiler/elaborate/tensors/operators.h"

#include <algorithm>

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using syntax::BinaryOp;

namespace {
ir::Value matmul_matrices(TensorContext& ctx, ir::Value a, ir::Value b, const At& at);

const char* op_name(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return "add";
    case BinaryOp::subtract:
      return "sub";
    case BinaryOp::multiply:
      return "mul";
    case BinaryOp::divide:
      return "div";
    case BinaryOp::equal:
      return "eq";
    case BinaryOp::not_equal:
      return "ne";
    case BinaryOp::less:
      return "lt";
    case BinaryOp::less_equal:
      return "le";
    case BinaryOp::greater:
      return "gt";
    case BinaryOp::greater_equal:
      return "ge";
    case BinaryOp::logical_and:
      return "and";
    case BinaryOp::logical_or:
      return "or";
    case BinaryOp::power:
      return "pow";
    case BinaryOp::matmul:
    case BinaryOp::range:
    case BinaryOp::compose:
    case BinaryOp::pipe:
      break;
  }
  return nullptr;
}
bool is_comparison(BinaryOp op) {
  return op >= BinaryOp::equal && op <= BinaryOp::greater_equal;
}

// A literal 1 is repeated over a ragged dimension too: it goes, and the value has that dimension by the rows that it is
// there for. False after a report.
bool repeat_ones(TensorContext& ctx, ir::Value& value, ir::Value& other, const At& at) {
  const std::vector<Axis> mine = axes(ctx, value, at.frame), theirs = axes(ctx, other, at.frame);
  const size_t ragged = mine.size() - ctx.type(value).rank(), ragged_there = theirs.size() - ctx.type(other).rank();
  const size_t front = mine.size() > theirs.size() ? mine.size() - theirs.size() : 0;  // that only this one has
  const size_t shift = theirs.size() > mine.size() ? theirs.size() - mine.size() : 0;
  const auto is_one = [](const Axis& axis) { return !axis.ragged && axis.size == Dim(1); };
  const size_t first = std::max(ragged, front);
  size_t end = first;
  while (end < mine.size() && end - front + shift < ragged_there && is_one(mine[end])) ++end;
  if (end == first || end - front + shift < ragged_there) return true;
  for (size_t i = front; i < ragged; ++i) {  // what is no 1 has to be the same: align() says that it is not
    const Axis& there = theirs[i - front + shift];
    if (!there.ragged || !ctx.spaces().same_dim(*mine[i].ragged, *there.ragged)) return true;
  }
  const bool nested = ragged == 0 && front == 0;  // nothing of it stands in front: it repeats as it is
  const bool prefix = ragged > 0 && mine.size() == theirs.size() &&
                      ctx.spaces().is_ancestor(ctx.type(value).space, ctx.type(other).space);
  const bool pairs = ragged > 0 && front == ragged && ragged_there == 1;
  if (!nested && !prefix && !pairs) {
    ctx.report(at, diag::NotSupportedYet,
               "to repeat the 1 of " + shape_text(ctx, value, at.frame) + " beside " + shape_text(ctx, other, at.frame))
        .help("without the 1, a module that takes a number and the whole of the other is mapped over it: `f()(x, y)`");
    return false;
  }
  if (pairs) other = copy_rows(ctx, other, ctx.type(value).space, at);
  const std::vector<Dim>& dims = ctx.type(value).dims;
  const std::vector<Dim> rest(dims.begin() + (end - ragged), dims.end());
  value = emit(ctx, "reshape", {value}, at, {{"dims", rest}});
  if (!value.valid() || !other.valid()) return false;
  if (!nested) value = to_space(ctx, value, ctx.type(other).space, at);
  return value.valid();
}
}  // namespace

bool align(TensorContext& ctx, ir::Value& a, ir::Value& b, const std::string& what, const At& at) {
  if (!a.valid() || !b.valid()) return false;
  if (!repeat_ones(ctx, a, b, at) || !repeat_ones(ctx, b, a, at)) return false;
  const std::vector<Axis> left = axes(ctx, a, at.frame), right = axes(ctx, b, at.frame);
  const size_t common = std::min(left.size(), right.size());
  for (size_t i = 1; i <= common; ++i) {
    const Axis& x = left[left.size() - i];
    const Axis& y = right[right.size() - i];
    const bool one = x.size == Dim(1) || y.size == Dim(1);
    if (!x.ragged && !y.ragged && (one || x.size.equals(y.size) != types::Answer::no)) continue;
    if (x.ragged && y.ragged && ctx.spaces().same_dim(*x.ragged, *y.ragged)) continue;
    const std::string why = axis_text(ctx, x) + " is not " + axis_text(ctx, y);
    diag::Report made = ctx.report(
        at, diag::ShapeMismatch, what,
        "left is " + shape_text(ctx, a, at.frame) + ", right is " + shape_text(ctx, b, at.frame) + ": " + why);
    const bool written = at.word.empty() && !at.frame.library && at.operands.size() == 2;
    if (written) std::move(made).label(at.operands[0], shape_text(ctx, a, at.frame));
    if (written) std::move(made).label(at.operands[1], shape_text(ctx, b, at.frame));
    for (std::string& note : size_notes(ctx, why)) std::move(made).note(std::move(note));
    return false;
  }
  if (!meet(ctx, a, b, at)) return false;
  const int rank = std::max(ctx.type(a).rank(), ctx.type(b).rank());
  // Uniform scalars repeat everywhere; anything else gets literal ones in front, so that ranks agree in the graph.
  for (ir::Value* value : {&a, &b}) {
    if (ctx.type(*value).rank() > 0 || ctx.type(*value).space != types::kUniform)
      *value = with_rank(ctx, *value, rank, at);
  }
  return true;
}

ir::Value binary(TensorContext& ctx, const std::string& op, ir::Value a, ir::Value b, const At& at) {
  if (!align(ctx, a, b, op_text(op, at), at)) return {};
  return emit(ctx, op, {a, b}, at);
}

namespace {
ir::Value power(TensorContext& ctx, ir::Value a, const Value& exponent, const At& at) {
  const StaticValue* known = exponent.as_static();
  if (known && known->as_number()) {
    const double number = *known->as_number();
    if (number == 1) return a;
    if (number == 2) return emit(ctx, "square", {a}, at);
    if (number == 0.5) return emit(ctx, "sqrt", {a}, at);
    if (number == -1) return emit(ctx, "reciprocal", {a}, at);
    if (number == 3) return emit(ctx, "mul", {emit(ctx, "square", {a}, at), a}, at);
  }
  return binary(ctx, "pow", a, to_tensor(ctx, exponent, at), at);
}

// Ids of a column or a vocabulary compare with ids of that set and with an int constant; places (`positions`, `argmax`)
// with numbers too.
bool comparable(TensorContext& ctx, const Value& left, const Value& right, ir::Value x, ir::Value y, const At& at) {
  const auto set_of = [](const Value& value) { return value.tensor() ? value.tensor()->ids : nullptr; };
  const IdSetPtr a = set_of(left), b = set_of(right);
  const auto named = [](const IdSetPtr& set) { return set && !set->key.empty(); };
  if (named(a) && named(b) && a->key != b->key) {
    ctx.report(at, diag::SetsCompared, a->text, b->text);
    return false;
  }
  const bool both = ctx.type(x).dtype == ctx.type(y).dtype;
  if (both || (!named(a) && !named(b))) return true;
  const Value &ids = named(a) ? left : right, &other = named(a) ? right : left;
  const StaticValue* known = other.as_static();
  if (!known || !known->is_int()) {
    ctx.report({at.frame, ids.range.valid() ? ids.range : at.range}, diag::IdsAreNotNumbers,
               value_text(ctx, ids, at.frame))
        .help("ids are compared with ids of their set or with an int constant; `float(x)` makes numbers of them");
    return false;
  }
  const IdSetPtr set = named(a) ? a : b;
  const At here{at.frame, other.range.valid() ? other.range : at.range};
  const auto constant = constant_id(ctx, std::get<int64_t>(known->value), here);
  return constant && ids_fit(ctx, constant->ids, set->size, "the size of " + set->text, here);
}

// What is no number stands in comparisons, truth values in sums too. False after a report.
bool kinds_fit(TensorContext& ctx, BinaryOp op, const Value& left, const Value& right, ir::Value x, ir::Value y,
               const At& at) {
  const At first{at.frame, left.range.valid() ? left.range : at.range};
  const At second{at.frame, right.range.valid() ? right.range : at.range};
  const auto is = [&](ir::Value value, types::DType dtype) { return ctx.type(value).dtype == dtype; };
  const bool left_ids = is(x, types::DType::i32);
  if ((left_ids || is(y, types::DType::i32)) && !is_comparison(op)) {
    const Value& those = left_ids ? left : right;
    ctx.report({at.frame, left_ids ? first.range : second.range}, diag::IdsAreNotNumbers,
               value_text(ctx, those, at.frame))
        .help(numbers_of_ids(those.tensor() ? those.tensor()->ids : nullptr));
    return false;
  }
  const bool left_truth = is(x, types::DType::boolean), right_truth = is(y, types::DType::boolean);
  if (op == BinaryOp::matmul && (left_truth || right_truth))
    return need_numbers(ctx, left_truth ? x : y, left_truth ? first : second, "`@`");
  return op != BinaryOp::subtract || !left_truth || !right_truth || need_numbers(ctx, x, first, "`-`");
}
}  // namespace

Value binary_values(TensorContext& ctx, BinaryOp op, const Value& left, const Value& right, const At& at) {
  if (left.poisoned() || right.poisoned()) return {};
  const StaticValue* a = left.as_static();
  const StaticValue* b = right.as_static();
  if (a && b) {
    auto value = ctx.statics.binary(op, *a, *b, at.range);
    if (!value) {
      ctx.reports.failed = true;
      return {};
    }
    return {*value, at.range};
  }
  if (std::holds_alternative<Stack>(left.v) || std::holds_alternative<Stack>(right.v)) {
    if (op != BinaryOp::matmul) return binary_stacks(ctx, op, as_stack(ctx, left, at), as_stack(ctx, right, at), at);
    const auto turned = std::holds_alternative<Stack>(right.v) ? as_transposed(ctx, right, at) : std::nullopt;
    return turned ? binary_values(ctx, op, left, *turned, at) : binary_stacks(ctx, op, left, right, at);
  }
  if (std::holds_alternative<Transposed>(left.v) || std::holds_alternative<Transposed>(right.v))
    return op == BinaryOp::matmul ? matmul_transposed(ctx, left, right, at)
                                  : binary_transposed(ctx, op, left, right, at);
  if (auto length = length_arithmetic(ctx, op, left, right, at)) return *length;
  if (op == BinaryOp::range) {
    ctx.report(at, diag::NotKnownNow, "each end of a range", left.as_static() ? right.kind() : left.kind());
    return {};
  }
  const At first{at.frame, left.range.valid() ? left.range : at.range};
  const At second{at.frame, right.range.valid() ? right.range : at.range};
  if ((a && a->is_text()) || (b && b->is_text())) {
    ctx.report({at.frame, a ? first.range : second.range}, diag::NotATensor, a ? left.kind() : right.kind())
        .help(is_comparison(op) ? "a column that ends in `|> is(\"...\")` is a `bool`: whether it is that text" : "");
    return {};
  }
  const bool logic = op == BinaryOp::logical_and || op == BinaryOp::logical_or;
  ir::Value x = logic ? to_truth(ctx, left, first) : to_tensor(ctx, left, first);
  if (!x.valid()) return {};
  if (op == BinaryOp::power) {
    if (!may_repeat(ctx, left, right, op_text(op_name(op), at), at)) return {};
    ir::Value raised = power(ctx, as_numbers(ctx, x, at), right, at);
    return {Tensor{raised, nullptr, nullptr, joined_names(ctx, raised, {&left, &right})}, at.range};
  }
  ir::Value y = logic ? to_truth(ctx, right, second) : to_tensor(ctx, right, second);
  if (!y.valid()) return {};
  if (!kinds_fit(ctx, op, left, right, x, y, at)) return {};
  const bool ids = ctx.type(x).dtype == types::DType::i32 || ctx.type(y).dtype == types::DType::i32;
  if (ids && !comparable(ctx, left, right, x, y, at)) return {};
  if (ids && ctx.type(x).dtype != ctx.type(y).dtype) x = as_numbers(ctx, x, at), y = as_numbers(ctx, y, at);
  if (op != BinaryOp::matmul && !may_repeat(ctx, left, right, op_text(op_name(op), at), at)) return {};
  ir::Value result;
  if (op == BinaryOp::matmul) {
    result = matmul(ctx, x, y, at);
  } else {
    result = binary(ctx, op_name(op), x, y, at);
  }
  if (!result.valid()) return {};
  DimNames names =
      op == BinaryOp::matmul ? product_names(ctx, left, right, at.frame) : joined_names(ctx, result, {&left, &right});
  return {Tensor{result, nullptr, nullptr, std::move(names)}, at.range};
}

ir::Value transposed(TensorContext& ctx, ir::Value matrix, const At& at) {
  const ir::Node& node = ctx.nodes.graph.node(matrix);
  const int rank = ctx.type(matrix).rank();
  std::vector<Dim> swap;
  for (int i = 0; i < rank; ++i) swap.push_back(i);
  std::swap(swap[rank - 1], swap[rank - 2]);
  // The transpose of a transpose is what was there before.
  if (auto perm = node.attrs.find("perm");
      perm != node.attrs.end() && !node.operands.empty() && perm->second == ir::Attr(swap)) {
    return node.operands[0];
  }
  return emit(ctx, "transpose", {matrix}, at, {{"perm", swap}});
}

namespace {
ir::Value dot_last(TensorContext& ctx, ir::Value a, ir::Value b, const At& at) {
  if (!align(ctx, a, b, "matrix product", at)) return {};
  ir::Value product = emit(ctx, "mul", {a, b}, at);
  if (!product.valid()) return {};
  return emit(ctx, "sum", {product}, at, {{"axes", std::vector<Dim>{ctx.type(product).rank() - 1}}, {"keep", false}});
}
}  // namespace

ir::Value matmul(TensorContext& ctx, ir::Value a, ir::Value b, const At& at) {
  const types::Type left = ctx.type(a), right = ctx.type(b);
  const std::vector<Axis> x = axes(ctx, a, at.frame), y = axes(ctx, b, at.frame);
  const auto fail = [&](const std::string& why) {
    diag::Report made = ctx.report(
        at, diag::ShapeMismatch, "matrix product",
        "left is " + shape_text(ctx, a, at.frame) + ", right is " + shape_text(ctx, b, at.frame) + ": " + why);
    const bool swapped = left.rank() >= 1 && right.rank() >= 2 && right.space == types::kUniform &&
                         left.dims.back().equals(right.dims.back()) == types::Answer::yes;
    if (swapped)
      std::move(made).help("did you mean `transpose(" +
                           (at.operands.size() == 2 ? text_at(ctx, at.operands[1]) : std::string("...")) + ")`?");
    for (std::string& note : size_notes(ctx, why)) std::move(made).note(std::move(note));
    return ir::Value{};
  };
  if (x.empty() || y.empty()) return fail("a scalar has no dimension to contract");
  const Axis& inner_left = x.back();
  const Axis& inner_right = y.size() == 1 ? y[0] : y[y.size() - 2];
  if (inner_left.ragged || inner_right.ragged) {
    if (!inner_left.ragged || !inner_right.ragged || !ctx.spaces().same_dim(*inner_left.ragged, *inner_right.ragged))
      return fail(axis_text(ctx, inner_left) + " is not " + axis_text(ctx, inner_right));
    return matmul_rows(ctx, a, b, at);
  }
  if (inner_left.size.equals(inner_right.size) == types::Answer::no) {
    return fail(inner_left.size.text() + " is not " + inner_right.size.text());
  }
  const bool vector_left = x.size() == 1, vector_right = y.size() == 1;
  if (vector_left && vector_right) return dot_last(ctx, a, b, at);
  if (vector_right) {
    // weight @ x: the rows of a uniform matrix with each vector.
    if (left.space == types::kUniform && left.rank() == 2) return emit(ctx, "linear", {b, a}, at);
    return dot_last(ctx, a, b, at);
  }
  if (right.space == types::kUniform && right.rank() == 2) return emit(ctx, "linear", {a, transposed(ctx, b, at)}, at);
  return matmul_matrices(ctx, a, b, at);
}

// f32[T] with f32[T] or f32[T, D]: each position of b by its number of a, summed. f32[Q] with f32[Q, C] is over the
// outer one of pairs.
ir::Value matmul_rows(TensorContext& ctx, ir::Value a, ir::Value b, const At& at) {
  const std::vector<Axis> x = axes(ctx, a, at.frame), y = axes(ctx, b, at.frame);
  if (y.size() == 2 && y.back().ragged && x.size() == 2) return matmul_pairs(ctx, a, b, at);
  if (y.size() > 1 && y.back().ragged) {
    const auto turned = x.size() == 1 ? swapped(ctx, b, at) : std::nullopt;
    if (!turned) {
      ctx.report(at, diag::NotSupportedYet,
                 "the matrix product of " + shape_text(ctx, a, at.frame) + " and " + shape_text(ctx, b, at.frame));
      return {};
    }
    b = *turned;
    if (!b.valid()) return {};
  }
  if (!meet(ctx, a, b, at)) return {};
  ir::Value product = emit(ctx, "mul", {with_rank(ctx, a, ctx.type(b).rank(), at), b}, at);
  if (!product.valid()) return {};
  return reduce_ragged(ctx, "sum", product, ctx.type(product).space, at);
}

namespace {
ir::Value matmul_matrices(TensorContext& ctx, ir::Value a, ir::Value b, const At& at) {
  const std::vector<Axis> x = axes(ctx, a, at.frame), y = axes(ctx, b, at.frame);
  const bool rows_are_ragged = x.size() > 1 && x[x.size() - 2].ragged;
  // A sequence is one matrix: another one for each of its own positions has no row of it to meet.
  if (rows_are_ragged &&
      (ctx.type(a).space == ctx.type(b).space || !ctx.spaces().is_ancestor(ctx.type(b).space, ctx.type(a).space))) {
    ctx.report(at, diag::NotSupportedYet,
               "the matrix product of " + shape_text(ctx, a, at.frame) + " and " + shape_text(ctx, b, at.frame));
    return {};
  }
  const bool vector_left = ctx.type(a).rank() == 1;
  const bool one_space = ctx.type(a).space == ctx.type(b).space || ctx.type(a).space == types::kUniform ||
                         ctx.type(b).space == types::kUniform;
  if (!one_space && ctx.type(a).rank() <= 2 &&
      ctx.type(b).rank() == 2) {  // the matrix of an example with each of its rows
    std::vector<Dim> dims = ctx.type(a).dims;
    dims.push_back(1);
    ir::Value product =
        emit(ctx, "mul",
             {emit(ctx, "reshape", {a}, at, {{"dims", dims}}), with_rank(ctx, b, ctx.type(a).rank() + 1, at)}, at);
    return product.valid() ? emit(ctx, "sum", {product}, at,
                                  {{"axes", std::vector<Dim>{ctx.type(product).rank() - 2}}, {"keep", false}})
                           : ir::Value{};
  }
  if (vector_left) {
    a = emit(ctx, "reshape", {a}, at, {{"dims", std::vector<Dim>{1, ctx.type(a).dims[0]}}});
    if (!a.valid()) return {};
  }
  ir::Value product = emit(ctx, "matmul", {a, b}, at, {{"transpose_a", false}, {"transpose_b", false}});
  if (!product.valid() || !vector_left) return product;
  std::vector<Dim> dims = ctx.type(product).dims;
  dims.erase(dims.end() - 2);
  return emit(ctx, "reshape", {product}, at, {{"dims", dims}});
}
}  // namespace

}  // namespace mtl::elaborate
