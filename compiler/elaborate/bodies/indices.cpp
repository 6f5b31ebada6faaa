// Indices: positions, slices, and rows by ids.
#include "compiler/elaborate/bodies/indices.h"

#include <algorithm>

#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/positions.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using syntax::BinaryOp;

namespace {
// What the rest of an index says of each part.
Value index_parts(BodyContext& ctx, const Value& stack, std::span<const syntax::IndexExpr::Item> rest, const At& at) {
  if (rest.empty()) return stack;
  std::vector<Value> parts = *stack_in(stack)->parts;
  for (Value& part : parts) {
    part = index_tensor(ctx, *part.tensor(), rest, at);
    if (part.poisoned()) return {};
  }
  return stack_of(ctx, std::move(parts), at);
}
}  // namespace

Value index_tensor(BodyContext& ctx, const Tensor& tensor, std::span<const syntax::IndexExpr::Item> items,
                   const At& at) {
  using Kind = syntax::IndexExpr::Item::Kind;
  Tensor current = tensor;
  int axis = 0;
  bool open = false;
  for (size_t i = 0; i < items.size(); ++i) {
    const int rank = static_cast<int>(axes(ctx, current.node, at.frame).size());
    if (items[i].kind == Kind::ellipsis) {
      if (std::exchange(open, true)) {
        ctx.report({at.frame, items[i].range}, diag::EllipsisTwice);
        return {};
      }
      axis = rank - static_cast<int>(items.size() - 1 - i);
      continue;
    }
    if (axis >= rank) {
      ctx.report({at.frame, items[i].range}, diag::TooManyIndices, shape_text(ctx, tensor.node, at.frame));
      return {};
    }
    if (const auto* range = std::get_if<syntax::BinaryExpr>(&items[i].value->node);
        range && range->op == BinaryOp::range) {
      Value part = slice_axis(ctx, current, axis, evaluate(ctx, *range->left, at.frame),
                              evaluate(ctx, *range->right, at.frame), {at.frame, items[i].range});
      if (stack_in(part)) return index_parts(ctx, part, items.subspan(i + 1), at);
      if (!part.tensor()) return {};
      current = *part.tensor();
      ++axis;
      continue;
    }
    Value index = evaluate(ctx, *items[i].value, at.frame);
    if (index.poisoned()) return {};
    const At here{at.frame, items[i].range, {at.range, items[i].range}};
    bool dropped = true;
    Value next;
    if (items[i].kind == Kind::from) {
      const Axis which = axes(ctx, current.node, at.frame)[axis];
      dropped = false;
      const Value end = which.ragged ? Value{RaggedDim{*which.ragged}} : Value{StaticValue{which.size}};
      next = slice_axis(ctx, current, axis, index, end, here);
    } else {
      next = index_axis(ctx, current, axis, index, here, dropped);
    }
    if (stack_in(next)) return index_parts(ctx, next, items.subspan(i + 1), at);
    const Tensor* result = next.tensor();
    if (!result) return {};
    current = *result;
    // What is indexed by ids has their dimensions in the place of its own.
    if (const Tensor* ids = index.tensor()) axis += static_cast<int>(axes(ctx, ids->node, at.frame).size());
    if (!dropped) ++axis;
  }
  return {current, at.range};
}

// transpose(x)[i] is a feature of each position: x[..., i].
Value index_transposed(BodyContext& ctx, const Value& value, std::span<const syntax::IndexExpr::Item> items,
                       const At& at) {
  const Tensor& sequence = std::get<Transposed>(value.v).sequence;
  const int last = static_cast<int>(axes(ctx, sequence.node, at.frame).size()) - 1;
  if (items.size() == 1 && items[0].kind == syntax::IndexExpr::Item::Kind::at) {
    const Value index = evaluate(ctx, *items[0].value, at.frame);
    if (index.poisoned()) return {};
    bool dropped = true;
    if (index.as_static()) return index_axis(ctx, sequence, last, index, {at.frame, items[0].range}, dropped);
  }
  const Value parts = as_stack(ctx, value, at);
  return parts.poisoned() ? Value{} : index_stack(ctx, parts, items, at);
}

Value index_stack(BodyContext& ctx, const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at) {
  using Kind = syntax::IndexExpr::Item::Kind;
  const std::vector<Value>& parts = *stack_in(value)->parts;
  const auto count = static_cast<int64_t>(parts.size());
  const At here{at.frame, items[0].range};
  if (items[0].kind == Kind::ellipsis) {
    ctx.report(here, diag::NotSupportedYet, "`...` in an index into " + value_text(ctx, value, at.frame))
        .help("the front dimension comes first: `x[0]`, `x[0..2]`");
    return {};
  }
  // A number up to `most`, negative ones from the back.
  const auto place_of = [&](const Value& index, int64_t most) -> std::optional<int64_t> {
    auto number = index.poisoned() ? std::nullopt : integer(ctx, index, here, "an index");
    if (!number) return std::nullopt;
    const int64_t at_place = *number < 0 ? *number + count : *number;
    if (at_place >= 0 && at_place <= most) return at_place;
    ctx.report(here, diag::IndexOutOfRange, *number, "a dimension of " + std::to_string(count));
    return std::nullopt;
  };
  const auto place = [&](const syntax::Expr& expr, int64_t most) {
    return place_of(evaluate(ctx, expr, at.frame), most);
  };
  const auto rest = items.subspan(1);
  const auto inside = [&](const Value& part) {
    if (rest.empty()) return part;
    return stack_in(part) ? index_stack(ctx, part, rest, at) : index_tensor(ctx, *part.tensor(), rest, at);
  };
  const auto* range = std::get_if<syntax::BinaryExpr>(&items[0].value->node);
  const bool cut = items[0].kind == Kind::from || (range && range->op == syntax::BinaryOp::range);
  if (!cut) {
    const Value index = evaluate(ctx, *items[0].value, at.frame);
    if (const Tensor* ids = index.tensor()) {
      if (rest.empty()) return parts_by_ids(ctx, value, *ids, {at.frame, at.range, {at.range, here.range}});
      ctx.report(here, diag::NotSupportedYet, "an index by ids in front of another");
      return {};
    }
    auto one = place_of(index, count - 1);
    return one ? inside(parts[static_cast<size_t>(*one)]) : Value{};
  }
  auto begin = place(items[0].kind == Kind::from ? *items[0].value : *range->left, count - 1);
  auto end = items[0].kind == Kind::from ? std::optional(count) : place(*range->right, count);
  if (!begin || !end) return {};
  if (!at_least_one(ctx, *end - *begin, here)) return {};
  std::vector<Value> some;
  for (int64_t i = *begin; i < *end; ++i) some.push_back(inside(parts[static_cast<size_t>(i)]));
  return stack_of(ctx, std::move(some), at);
}

}  // namespace mtl::elaborate
