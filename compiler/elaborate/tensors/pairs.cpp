// Rows of pairs: a sequence that is given whole to each position of another. Its rows are copied into a space of their
// own below those positions (types/type.h), where they are a nested dimension like any other.
#include "compiler/elaborate/tensors/pairs.h"

#include <algorithm>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/positions.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
// C of pairs [Q, C] as it is above Q, where it is the same for all rows q; nullopt: it is not.
std::optional<SpaceId> inner_alone(TensorContext& ctx, SpaceId pairs) {
  const SpaceId outer = ctx.spaces()[pairs].parent, above = ctx.spaces()[outer].parent;
  const auto is_copy_of_above = [&](SpaceId space) {
    const auto& copies = ctx.spaces()[space].copies;
    return copies && ctx.spaces().is_ancestor(ctx.spaces()[*copies].parent, above);
  };
  if (const auto length = ctx.spaces()[pairs].length) {
    for (const auto& [atoms, factor] : length->terms()) {
      for (const std::string& atom : atoms) {
        const auto part = ctx.spaces().ragged_child(outer, atom);
        if (part && !is_copy_of_above(*part)) return std::nullopt;
        if (part) ctx.spaces().add_copies(above, *part);
      }
    }
    return ctx.spaces().add_length(above, *length);
  }
  if (!is_copy_of_above(pairs)) return std::nullopt;
  return ctx.spaces().add_copies(above, *ctx.spaces()[pairs].copies);
}
}  // namespace

// Where row (q, c) of `pairs` is row (c, q): nullopt if C is not the same for all rows q of what is above.
std::optional<SpaceId> turned(TensorContext& ctx, SpaceId pairs) {
  const auto inner = inner_alone(ctx, pairs);
  return inner ? std::optional(ctx.spaces().add_copies(*inner, ctx.spaces()[pairs].parent)) : std::nullopt;
}

// The sequence for each row of `parent`. Invalid after a report.
ir::Value copy_rows(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at) {
  if (!x.valid()) return {};
  const SpaceId from = ctx.type(x).space;
  if (!ctx.spaces().is_ancestor(ctx.spaces()[from].parent, parent)) {
    ctx.report(at, diag::NotSupportedYet,
               "a whole " + shape_text(ctx, x, at.frame) + " for each row of other examples");
    return {};
  }
  const SpaceId to = ctx.spaces().add_copies(parent, from);
  return to == from ? x : emit(ctx, "copy_rows", {x}, at, {{"to", ir::SpaceRef{to}}});
}

// Pairs [U, V] for each row of `parent`, a third sequence of the same examples. Invalid after a report.
ir::Value copy_pairs(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at) {
  if (!x.valid()) return {};
  const auto inner = inner_alone(ctx, ctx.type(x).space);
  const SpaceId outer = ctx.spaces()[ctx.type(x).space].parent, above = ctx.spaces()[outer].parent;
  if (!inner || above == parent || !ctx.spaces().is_ancestor(above, parent)) {
    ctx.report(at, diag::NotSupportedYet, "a whole " + shape_text(ctx, x, at.frame) + " for each row of another")
        .help("reduce the nested dimension in front");
    return {};
  }
  const SpaceId to = ctx.spaces().add_copies(ctx.spaces().add_copies(parent, outer), *inner);
  return emit(ctx, "repeat_pairs", {x}, at, {{"to", ir::SpaceRef{to}}});
}

// Two values whose ragged dimensions agree, aligned at the right: the one that has fewer is copied for each row of the
// other's further ones. One without ragged dimensions repeats as it is.
bool meet(TensorContext& ctx, ir::Value& a, ir::Value& b, const At& at) {
  const auto ragged = [&](ir::Value x) { return ragged_below(ctx, ctx.type(x).space, at.frame.base).size(); };
  ir::Value& fewer = ragged(a) < ragged(b) ? a : b;
  const ir::Value more = ragged(a) < ragged(b) ? b : a;
  if (ragged(fewer) == 0 || ctx.type(fewer).space == ctx.type(more).space) return true;
  if (ragged(fewer) == 2 && ragged(more) == 3) {
    const SpaceId outer = ctx.spaces()[ctx.type(more).space].parent;
    fewer = copy_pairs(ctx, fewer, ctx.spaces()[outer].parent, at);
    return fewer.valid();
  }
  if (ragged(fewer) > 1) {
    ctx.report(at, diag::NotSupportedYet,
               shape_text(ctx, fewer, at.frame) + " beside " + shape_text(ctx, more, at.frame) +
                   ", which has it for each row of another");
    return false;
  }
  fewer = copy_rows(ctx, fewer, ctx.spaces()[ctx.type(more).space].parent, at);
  return fewer.valid();
}

// f32[Q, C, ...] as f32[C, Q, ...]; nullopt: it has other ragged dimensions than two of pairs.
std::optional<ir::Value> swapped(TensorContext& ctx, ir::Value x, const At& at) {
  const std::vector<SpaceId> ragged = ragged_below(ctx, ctx.type(x).space, at.frame.base);
  if (ragged.size() != 2 || ctx.spaces()[ragged[1]].parent != ragged[0]) return std::nullopt;
  const auto to = turned(ctx, ragged[1]);
  return to ? std::optional(emit(ctx, "swap_rows", {x}, at, {{"to", ir::SpaceRef{*to}}})) : std::nullopt;
}

// over_axes() of what goes away, where the outer of two dimensions may: of pairs it becomes the inner one.
std::optional<std::vector<int>> reduced_axes(TensorContext& ctx, Tensor& of, const Value* over, const At& at) {
  auto found = over ? over_axes(ctx, of, over, at, false) : std::nullopt;
  if (over && !found) return std::nullopt;
  const bool outer = found && found->size() > 0 && found->front() == 0 && (found->size() == 1 || (*found)[1] != 1);
  const auto turned = outer ? swapped(ctx, of.node, at) : std::nullopt;
  if (!turned) return over_axes(ctx, of, over, at);
  if (!turned->valid()) return std::nullopt;
  of.node = *turned;
  found->front() = 1;
  return found;
}

// f32[Q, C] with f32[C, D], all three of them sequences: for each q, each c has its row of D, and they are summed over
// c.
ir::Value matmul_pairs(TensorContext& ctx, ir::Value a, ir::Value b, const At& at) {
  const SpaceId left = ctx.type(a).space, each = ctx.spaces()[left].parent;
  b = copy_pairs(ctx, b, each, at);
  if (!b.valid()) return {};
  ir::Value product = emit(ctx, "mul", {to_space(ctx, a, ctx.type(b).space, at), b}, at);
  const auto to = product.valid() ? turned(ctx, ctx.type(product).space) : std::nullopt;
  if (!to) return {};
  product = emit(ctx, "swap_rows", {product}, at, {{"to", ir::SpaceRef{*to}}});
  return product.valid() ? reduce_ragged(ctx, "sum", product, *to, at) : ir::Value{};
}

// Pairs that stand behind each other along the outer one of their dimensions. Invalid after a report.
ir::Value concat_outer(TensorContext& ctx, std::vector<ir::Value> parts, const At& at) {
  const std::string first = shape_text(ctx, parts[0], at.frame);
  for (ir::Value& part : parts) {
    const auto turned = swapped(ctx, part, at);
    if (!turned && innermost(ctx, part, 0, "`concat`", at))  // one sequence, beside pairs
      ctx.report(at, diag::ShapeMismatch, "`concat`",
                 "the first is " + first + ", another is " + shape_text(ctx, part, at.frame));
    if (!turned || !turned->valid()) return {};
    part = *turned;
  }
  const ir::Value joined = concat_rows(ctx, parts, 1, at);
  return joined.valid() ? swapped(ctx, joined, at).value_or(ir::Value{}) : ir::Value{};
}

bool is_outer_of_pairs(const TensorContext& ctx, ir::Value x, int axis, const At& at) {
  return axis == 0 && ragged_below(ctx, ctx.type(x).space, at.frame.base).size() == 2;
}

ir::Value move_outer(TensorContext& ctx, ir::Value pairs, const std::string& what, const At& at,
                     const std::function<ir::Value(ir::Value)>& moves) {
  const auto turned = swapped(ctx, pairs, at);
  const ir::Value moved = turned ? moves(*turned) : ir::Value{};
  if (turned && !moved.valid()) return {};
  const auto back = turned ? swapped(ctx, moved, at) : std::nullopt;
  if (back) return *back;
  innermost(ctx, pairs, 0, what, at);
  return {};
}

}  // namespace mtl::elaborate
