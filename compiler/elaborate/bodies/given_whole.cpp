// Inputs of mapped calls that are given whole to each position: a sequence beside the positions of another.
#include "compiler/elaborate/bodies/given_whole.h"

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

// An input of a mapped call that has none of the extra dimensions: every position of the call, a row of `base`, gets
// all of it. False after a report.
bool give_whole(BodyContext& ctx, Value& value, SpaceId base, const Signature& signature, const At& at) {
  if (const auto* stack = std::get_if<Stack>(&value.v)) {
    std::vector<Value> parts = *stack->parts;
    for (Value& part : parts) {
      if (!give_whole(ctx, part, base, signature, at)) return false;
    }
    value = Value{Stack{std::make_shared<const std::vector<Value>>(std::move(parts))}, value.range};
    return true;
  }
  if (!value.tensor()) return true;
  Tensor whole = *value.tensor();
  const size_t ragged = ragged_below(ctx, ctx.type(whole.node).space, at.frame.base).size();
  if (ragged == 0) return true;
  if (ragged > 2) {
    ctx.report(at, diag::NotSupportedYet,
               "a call that is mapped over " + axes_text(ctx, signature.extra) + " with a whole " +
                   shape_text(ctx, whole.node, at.frame))
        .help("reduce the nested dimension in front of the call");
    return false;
  }
  whole.node = ragged == 2 ? copy_pairs(ctx, whole.node, base, at) : copy_rows(ctx, whole.node, base, at);
  value = Value{whole, value.range};
  return whole.node.valid();
}

// The dimensions of what was given whole, as the body sees them: its copies have them below the body's rows.
void dims_of_copies(BodyContext& ctx, Frame& callee, Signature& signature) {
  const auto inside = [&](SpaceId space) {
    const SpaceId above = ctx.spaces()[space].parent;
    return above != callee.base && ctx.spaces().is_ancestor(above, callee.base)
               ? ctx.spaces().add_copies(callee.base, space)
               : space;
  };
  for (auto& [name, binding] : callee.scopes.back()) {
    if (auto* dim = std::get_if<RaggedDim>(&binding.value.v)) dim->space = inside(dim->space);
  }
  if (!signature.rest) return;
  for (Axis& axis : *signature.rest) {
    if (axis.ragged) axis.ragged = inside(*axis.ragged);
  }
}

// The result of a call that is mapped over a static dimension, where it has a ragged one: the parts of a stack.
Value stack_of_mapped(BodyContext& ctx, ir::Value x, const Signature& signature, const At& at) {
  const SpaceId space = ctx.type(x).space;
  // The static one has to be the first of all: the parts of a stack are in front.
  const bool first = ragged_below(ctx, ctx.spaces()[signature.space].parent, at.frame.base).empty();
  const bool one = first && signature.fixed == 1 && ctx.spaces()[space].parent == signature.space;
  const auto to = one && ctx.type(x).dtype == types::DType::f32 ? turned(ctx, space) : std::nullopt;
  if (!to) {
    ctx.report(at, diag::NotSupportedYet,
               "a call that is mapped over " + axes_text(ctx, signature.extra) +
                   " with a result that has ragged dimensions")
        .help("map it over the ragged dimension instead");
    return {};
  }
  ir::Value rows = emit(ctx, "swap_rows", {x}, at, {{"to", ir::SpaceRef{*to}}});
  return apart(ctx, emit(ctx, "map_out", {rows}, at, {{"count", int64_t{1}}}), at);
}

}  // namespace mtl::elaborate
