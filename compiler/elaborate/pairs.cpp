// Rows of pairs: a sequence that is given whole to each position of another. Its rows are copied into a space of their
// own below those positions (types/type.h), where they are a nested dimension like any other.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

// The sequence for each row of `parent`. Invalid after a report.
ir::Value Elaborator::copy_rows(ir::Value x, SpaceId parent, const At& at) {
  if (!x.valid()) return {};
  const SpaceId from = type(x).space;
  if (!spaces().is_ancestor(spaces()[from].parent, parent)) {
    report(at, diag::NotSupportedYet, "a whole " + shape_text(x, at.frame) + " for each row of other examples");
    return {};
  }
  const SpaceId to = spaces().add_copies(parent, from);
  return to == from ? x : emit("copy_rows", {x}, at, {{"to", ir::SpaceRef{to}}});
}

// Two values whose ragged dimensions agree, aligned at the right: the one that has fewer is copied for each row of the
// other's further ones. One without ragged dimensions repeats as it is.
bool Elaborator::meet(ir::Value& a, ir::Value& b, const At& at) {
  const auto ragged = [&](ir::Value x) { return ragged_below(type(x).space, at.frame.base).size(); };
  ir::Value& fewer = ragged(a) < ragged(b) ? a : b;
  const ir::Value more = ragged(a) < ragged(b) ? b : a;
  if (ragged(fewer) == 0 || type(fewer).space == type(more).space) return true;
  if (ragged(fewer) > 1) {
    report(at, diag::NotSupportedYet,
           shape_text(fewer, at.frame) + " beside " + shape_text(more, at.frame) +
               ", which has it for each row of another");
    return false;
  }
  fewer = copy_rows(fewer, spaces()[type(more).space].parent, at);
  return fewer.valid();
}

// An input of a mapped call that has none of the extra dimensions: every position of the call, a row of `base`, gets
// all of it. False after a report.
bool Elaborator::give_whole(Value& value, SpaceId base, const Signature& signature, const At& at) {
  if (const auto* stack = std::get_if<Stack>(&value.v)) {
    std::vector<Value> parts = *stack->parts;
    for (Value& part : parts) {
      if (!give_whole(part, base, signature, at)) return false;
    }
    value = Value{Stack{std::make_shared<const std::vector<Value>>(std::move(parts))}, value.range};
    return true;
  }
  if (!value.tensor()) return true;
  Tensor whole = *value.tensor();
  const size_t ragged = ragged_below(type(whole.node).space, at.frame.base).size();
  if (ragged == 0) return true;
  if (ragged > 1) {
    report(at, diag::NotSupportedYet,
           "a call that is mapped over " + axes_text(signature.extra) + " with a whole " +
               shape_text(whole.node, at.frame))
        .help("reduce the nested dimension in front of the call");
    return false;
  }
  whole.node = copy_rows(whole.node, base, at);
  value = Value{whole, value.range};
  return whole.node.valid();
}

// The dimensions of what was given whole, as the body sees them: its copies have them below the body's rows.
void Elaborator::dims_of_copies(Frame& callee, Signature& signature) {
  const auto inside = [&](SpaceId space) {
    const SpaceId above = spaces()[space].parent;
    return above != callee.base && spaces().is_ancestor(above, callee.base) ? spaces().add_copies(callee.base, space)
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

// Where row (q, c) of `pairs` is row (c, q): nullopt if C is not the same for all rows q of what is above.
std::optional<SpaceId> Elaborator::turned(SpaceId pairs) {
  const SpaceId outer = spaces()[pairs].parent, above = spaces()[outer].parent;
  const auto is_copy_of_above = [&](SpaceId space) {
    const auto& copies = spaces()[space].copies;
    return copies && spaces()[*copies].parent == above;
  };
  if (const auto length = spaces()[pairs].length) {
    for (const auto& [atoms, factor] : length->terms()) {
      for (const std::string& atom : atoms) {
        const auto part = spaces().ragged_child(outer, atom);
        if (part && !is_copy_of_above(*part)) return std::nullopt;
      }
    }
    return spaces().add_copies(spaces().add_length(above, *length), outer);
  }
  if (!is_copy_of_above(pairs)) return std::nullopt;
  return spaces().add_copies(*spaces()[pairs].copies, outer);
}

// f32[Q, C, ...] as f32[C, Q, ...]; nullopt: it has other ragged dimensions than two of pairs.
std::optional<ir::Value> Elaborator::swapped(ir::Value x, const At& at) {
  const std::vector<SpaceId> ragged = ragged_below(type(x).space, at.frame.base);
  if (ragged.size() != 2 || spaces()[ragged[1]].parent != ragged[0]) return std::nullopt;
  const auto to = turned(ragged[1]);
  return to ? std::optional(emit("swap_rows", {x}, at, {{"to", ir::SpaceRef{*to}}})) : std::nullopt;
}

bool Elaborator::is_outer_of_pairs(ir::Value x, int axis, const At& at) const {
  return axis == 0 && ragged_below(type(x).space, at.frame.base).size() == 2;
}

// What `moves` makes of an inner dimension, of the outer one of pairs: it is the inner one meanwhile. Invalid after a
// report.
ir::Value Elaborator::move_outer(ir::Value pairs, const std::string& what, const At& at,
                                 const std::function<ir::Value(ir::Value)>& moves) {
  const auto turned = swapped(pairs, at);
  const ir::Value moved = turned ? moves(*turned) : ir::Value{};
  if (turned && !moved.valid()) return {};
  const auto back = turned ? swapped(moved, at) : std::nullopt;
  if (back) return *back;
  innermost(pairs, 0, what, at);
  return {};
}

// The result of a call that is mapped over a static dimension, where it has a ragged one: the parts of a stack.
Value Elaborator::stack_of_mapped(ir::Value x, const Signature& signature, const At& at) {
  const SpaceId space = type(x).space;
  const bool one = signature.fixed == 1 && spaces()[space].parent == signature.space;
  const auto to = one && type(x).dtype == types::DType::f32 ? turned(space) : std::nullopt;
  if (!to) {
    report(at, diag::NotSupportedYet,
           "a call that is mapped over " + axes_text(signature.extra) + " with a result that has ragged dimensions")
        .help("map it over the ragged dimension instead");
    return {};
  }
  ir::Value rows = emit("swap_rows", {x}, at, {{"to", ir::SpaceRef{*to}}});
  return apart(emit("map_out", {rows}, at, {{"count", int64_t{1}}}), at);
}

// over_axes() of what goes away, where the outer of two dimensions may: of pairs it becomes the inner one.
std::optional<std::vector<int>> Elaborator::reduced_axes(Tensor& of, const Value* over, const At& at) {
  auto found = over ? over_axes(of, over, at, false) : std::nullopt;
  if (over && !found) return std::nullopt;
  const bool outer = found && found->size() > 0 && found->front() == 0 && (found->size() == 1 || (*found)[1] != 1);
  const auto turned = outer ? swapped(of.node, at) : std::nullopt;
  if (!turned) return over_axes(of, over, at);
  if (!turned->valid()) return std::nullopt;
  of.node = *turned;
  found->front() = 1;
  return found;
}

}  // namespace mtl::elaborate
