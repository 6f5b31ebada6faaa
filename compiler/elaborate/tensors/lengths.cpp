// Ragged dimensions that follow from others: joined sequences (`Q + C`), parts of them (`x[1..]` of f32[T, D] has
// `T - 1` positions), and what their lengths ask of the data.
#include "compiler/elaborate/tensors/lengths.h"

#include <algorithm>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using syntax::BinaryOp;

Dim length_of(const TensorContext& ctx, const Axis& axis) {
  return axis.ragged ? ctx.nodes.graph.spaces.length_of(*axis.ragged) : axis.size;
}

std::optional<Dim> as_length(const TensorContext& ctx, const Value& value) {
  if (const auto* ragged = std::get_if<RaggedDim>(&value.v)) return ctx.nodes.graph.spaces.length_of(ragged->space);
  return value.as_static() ? value.as_static()->as_dim() : std::nullopt;
}

Axis axis_of(TensorContext& ctx, SpaceId parent, const Dim& length) {
  const SpaceId space = ctx.spaces().add_length(parent, length);
  return ctx.spaces()[space].fixed ? Axis{std::nullopt, length} : Axis{space, {}};
}

// Sums of lengths alone: the product of two of them is no dimension.
std::optional<Value> length_arithmetic(TensorContext& ctx, BinaryOp op, const Value& left, const Value& right,
                                       const At& at) {
  const auto *a = std::get_if<RaggedDim>(&left.v), *b = std::get_if<RaggedDim>(&right.v);
  if (!a && !b) return std::nullopt;
  const auto x = as_length(ctx, left), y = as_length(ctx, right);
  if (!x || !y || (a && b && ctx.spaces()[a->space].parent != ctx.spaces()[b->space].parent)) return std::nullopt;
  Dim length;
  switch (op) {
    case BinaryOp::add:
      length = *x + *y;
      break;
    case BinaryOp::subtract:
      length = *x - *y;
      break;
    case BinaryOp::multiply:
      if (a && b) return std::nullopt;
      length = *x * *y;
      break;
    default:
      return std::nullopt;
  }
  const Axis axis = axis_of(ctx, ctx.spaces()[(a ? a : b)->space].parent, length);
  if (axis.ragged) return Value{RaggedDim{*axis.ragged}, at.range};
  return Value{StaticValue{axis.size}, at.range};
}

ir::Value length_value(TensorContext& ctx, SpaceId space, const At& at) {
  if (!ctx.spaces()[space].length) return emit(ctx, "length", {}, at, {{"space", ir::SpaceRef{space}}});
  // Not the rows of a space: as a number, `T - 5` may well be below 0.
  const Dim length = *ctx.spaces()[space].length;
  const SpaceId parent = ctx.spaces()[space].parent;
  ir::Value sum;
  for (const auto& [atoms, coefficient] : length.terms()) {
    ir::Value term = constant(ctx, static_cast<double>(coefficient), at);
    for (const std::string& atom : atoms) {
      const auto part = ctx.spaces().ragged_child(parent, atom);  // a symbol has no value yet, and nothing runs
      if (part) term = emit(ctx, "mul", {term, emit(ctx, "length", {}, at, {{"space", ir::SpaceRef{*part}}})}, at);
    }
    sum = sum.valid() ? emit(ctx, "add", {sum, term}, at) : term;
  }
  return sum;
}

namespace {
// Where the data has the dimensions of a length over `parent`: those of pairs are asked for once, where they are copied
// from. nullopt: some are there, some here.
std::optional<SpaceId> rows_of_data(TensorContext& ctx, SpaceId parent, const Dim& length) {
  std::optional<SpaceId> found;
  for (const auto& [atoms, coefficient] : length.terms()) {
    for (const std::string& atom : atoms) {
      const auto part = ctx.spaces().ragged_child(parent, atom);
      if (!part) continue;  // a symbol
      const SpaceId own = ctx.spaces()[ctx.spaces()[*part].copies.value_or(*part)].parent;
      if (found && *found != own) return std::nullopt;
      found = own;
    }
  }
  return found ? found : parent;
}
}  // namespace

// `rest` has to be at least 0 in every example.
bool require_length(TensorContext& ctx, SpaceId parent, const Dim& rest, const At& at) {
  if (auto known = rest.constant()) {
    if (*known >= 0) return true;
    ctx.report(at, diag::NegativeLength, -*known);
    return false;
  }
  const bool always = std::all_of(rest.terms().begin(), rest.terms().end(), [](const auto& t) { return t.second > 0; });
  if (always || !at.frame.task) return true;
  const auto asked = rows_of_data(ctx, parent, rest);
  if (!asked) {
    ctx.report(at, diag::NotSupportedYet, "a part whose length `" + rest.text() + "` is of two levels");
    return false;
  }
  std::string note;
  const LengthRule rule{ctx.spaces()[*asked].name, rest, user_range(ctx, at.frame, at.range, note)};
  std::vector<LengthRule>& rules = at.frame.task->info.lengths;
  if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
  return true;
}

ir::Value as_rows(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at) {
  const types::Space& space = ctx.spaces()[ctx.type(x).space];
  if (space.parent == parent && !space.dim.empty()) return x;
  return emit(ctx, "map_in", {to_space(ctx, x, parent, at)}, at, {{"count", int64_t{1}}});
}

ir::Value move_rows(TensorContext& ctx, ir::Value x, const Dim& skip, bool back, const Dim& length, const At& at) {
  if (!x.valid()) return {};
  const SpaceId parent = ctx.spaces()[ctx.type(x).space].parent;
  const SpaceId to = ctx.spaces().add_length(parent, length);
  ir::Value moved =
      emit(ctx, "move_rows", {x}, at, {{"to", ir::SpaceRef{to}}, {"skip", std::vector<Dim>{skip}}, {"back", back}});
  if (!moved.valid() || !ctx.spaces()[to].fixed) return moved;
  return emit(ctx, "map_out", {moved}, at, {{"count", int64_t{1}}});
}

// Positions `start` to `stop` of the innermost ragged dimension.
ir::Value slice_rows(TensorContext& ctx, ir::Value x, const Dim& start, const Dim& stop, const At& at) {
  const SpaceId space = ctx.type(x).space, parent = ctx.spaces()[space].parent;
  const Dim length = ctx.spaces().length_of(space);
  for (const Dim& rest : {start, stop - start, length - stop}) {
    if (!require_length(ctx, parent, rest, at)) return {};
  }
  if (start == Dim(0) && stop == length) return x;
  if ((stop - start).constant() && !at_least_one(ctx, stop - start, at)) return {};
  return move_rows(ctx, x, start, false, stop - start, at);
}

// Some parts may have a static dimension where others have a ragged one.
ir::Value concat_rows(TensorContext& ctx, const std::vector<ir::Value>& parts, size_t axis, const At& at) {
  std::vector<Axis> front;
  std::optional<SpaceId> parent;
  const auto refuse = [&](size_t i) {
    ctx.report(
        at, diag::ShapeMismatch, "`concat`",
        "the first is " + shape_text(ctx, parts[0], at.frame) + ", another is " + shape_text(ctx, parts[i], at.frame));
    return ir::Value{};
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::vector<Axis> all = axes(ctx, parts[i], at.frame);
    if (all.size() <= axis) return refuse(i);
    if (axis + 1 < all.size() && all[axis + 1].ragged) {
      ctx.report(at, diag::NotSupportedYet, "`concat` over a dimension in which another is nested");
      return {};
    }
    if (i == 0) front.assign(all.begin(), all.begin() + axis);
    if (!std::equal(front.begin(), front.end(), all.begin())) return refuse(i);
    const std::vector<Axis> first = axes(ctx, parts[0], at.frame);
    const bool alike = std::equal(all.begin() + axis + 1, all.end(), first.begin() + axis + 1, first.end(),
                                  [](const Axis& a, const Axis& b) {
                                    return a.ragged == b.ragged && a.size.equals(b.size) != types::Answer::no;
                                  });
    if (!alike) return refuse(i);
    if (!all[axis].ragged) continue;
    const SpaceId above = ctx.spaces()[*all[axis].ragged].parent;
    if (parent && *parent != above) return refuse(i);
    parent = above;
  }
  std::vector<ir::Value> rows;
  for (ir::Value part : parts) rows.push_back(as_rows(ctx, part, *parent, at));
  return emit(ctx, "concat_rows", rows, at);
}

}  // namespace mtl::elaborate
