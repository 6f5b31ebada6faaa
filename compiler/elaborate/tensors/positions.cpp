// Positions, slices, and rows by ids of a tensor whose indices are known values.
#include "compiler/elaborate/tensors/positions.h"

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/id_rows.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
Value rows_of_table(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value rows_of_matrix(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value rows_by_ids(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value pairs_by_ids(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const At& at);
Value gather_rows(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const DimNames& of_row,
                  const At& at);
}  // namespace

bool innermost(TensorContext& ctx, ir::Value x, int axis, const std::string& what, const At& at) {
  if (axis + 1 == static_cast<int>(axes(ctx, x, at.frame).size()) - ctx.type(x).rank()) return true;
  ctx.report(at, diag::NotSupportedYet, what + " of a dimension in which another is nested");
  return false;
}

namespace {
// One position of the innermost ragged dimension.
ir::Value row_at(TensorContext& ctx, ir::Value x, const Value& index, const At& at) {
  const SpaceId space = ctx.type(x).space, parent = ctx.spaces()[space].parent;
  auto place = as_length(ctx, index);
  if (!place) {
    ctx.report(at, diag::NotAnInt, "an index", index.kind());
    return {};
  }
  const Dim length = ctx.spaces().length_of(space);
  if (place->constant().value_or(0) < 0) place = *place + length;
  if (*place == Dim(0) || *place == length - Dim(1)) {
    // A dimension of the data is empty where its column allows it, and then has a row of zeros; a part of one is not.
    if (ctx.spaces()[space].length && !require_length(ctx, parent, length - Dim(1), at)) return {};
    return emit(ctx, *place == Dim(0) ? "first" : "last", {x}, at, {{"to", ir::SpaceRef{parent}}});
  }
  ir::Value row = slice_rows(ctx, x, *place, *place + Dim(1), at);
  if (!row.valid()) return {};
  std::vector<Dim> dims = ctx.type(row).dims;
  dims.erase(dims.begin());
  return emit(ctx, "reshape", {row}, at, {{"dims", dims}});
}
}  // namespace

namespace {
// A fixed number of rows of the outer one of pairs: the parts of a stack.
Value rows_of_pairs(TensorContext& ctx, const Tensor& tensor, const Dim& start, const Dim& stop, const At& at) {
  const auto turned = swapped(ctx, tensor.node, at);
  if (!turned && !innermost(ctx, tensor.node, 0, "a slice", at)) return {};
  if (!turned || !turned->valid()) return {};
  return apart(ctx, slice_rows(ctx, *turned, start, stop, at), at, tensor.ids);
}
}  // namespace

// x[a..b]; a negative end counts from the back.
Value slice_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& from, const Value& to, const At& at) {
  if (from.poisoned() || to.poisoned()) return {};
  const std::vector<Axis> all = axes(ctx, tensor.node, at.frame);
  auto start = as_length(ctx, from), stop = as_length(ctx, to);
  if (!start || !stop) {
    ctx.report(at, diag::NotAnInt, "an end of a slice", start ? to.kind() : from.kind());
    return {};
  }
  if (start->constant().value_or(0) < 0) start = *start + length_of(ctx, all[axis]);
  if (stop->constant().value_or(0) < 0) stop = *stop + length_of(ctx, all[axis]);
  if (all[axis].ragged) {
    const auto of_inner = [&](ir::Value x) { return slice_rows(ctx, x, *start, *stop, at); };
    const bool outer = is_outer_of_pairs(ctx, tensor.node, axis, at);
    if (outer && (*stop - *start).constant()) return rows_of_pairs(ctx, tensor, *start, *stop, at);
    if (!outer && !innermost(ctx, tensor.node, axis, "a slice", at)) return {};
    ir::Value part = outer ? move_outer(ctx, tensor.node, "a slice", at, of_inner) : of_inner(tensor.node);
    return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, dim_names(ctx, tensor)}, at.range} : Value{};
  }
  const int64_t place = axis - (static_cast<int64_t>(all.size()) - ctx.type(tensor.node).rank());
  ir::Value part = emit(ctx, "slice", {tensor.node}, at,
                        {{"axis", place}, {"start", std::vector<Dim>{*start}}, {"stop", std::vector<Dim>{*stop}}});
  DimNames names = dim_names(ctx, tensor);
  names[static_cast<size_t>(place)].clear();
  return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

namespace {
// `table[ids]`, `sequence[ids]`: rows, by the ids of the set that the outermost dimension has, or by positions in it.
// `scores[target]` in a criterion sees the scores of one position, so its outermost dimension is that of the classes;
// of a whole sequence they are `scores[..., target]`.
Value index_ids(TensorContext& ctx, const Tensor& tensor, int axis, const Tensor& ids, const At& at) {
  const types::Type type = ctx.type(tensor.node);
  if (ctx.type(ids.node).dtype != types::DType::i32) {
    ctx.report(at, diag::IndexIsNoId, shape_text(ctx, ids.node, at.frame));
    return {};
  }
  if (ids.ids && tensor.table && !ids.ids->key.empty() && !tensor.table->key.empty() &&
      ids.ids->key != tensor.table->key) {
    ctx.report(at, diag::WrongIds, ids.ids->text, tensor.table->text);
    return {};
  }
  const std::vector<Axis> all = axes(ctx, tensor.node, at.frame);
  const int place = axis - (static_cast<int>(all.size()) - type.rank());
  if (all[static_cast<size_t>(axis)].ragged && axis == 0) return rows_by_ids(ctx, tensor, ids, at);
  if (type.space == types::kUniform && axis == 0) return rows_of_table(ctx, tensor, ids, at);
  if (place < 0 || place + 1 != type.rank() || ctx.type(ids.node).rank() != place) {
    if (axis == 0) return rows_of_matrix(ctx, tensor, ids, at);
    ctx.report(at, diag::NotSupportedYet, "an index by ids behind another dimension");
    return {};
  }
  if (!table_fits(ctx, ids.ids, type.dims.back(), "the dimension", at)) return {};
  ir::Value picked = emit(ctx, "pick", {tensor.node, ids.node}, at);
  if (ids.ids) note_ids(ctx, tensor.node, type.rank() - 1, {{ids.ids->key, 0}});
  return picked.valid() ? Value{Tensor{picked, tensor.ids, nullptr}, at.range} : Value{};
}

Value rows_of_table(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at) {
  const Dim size = ctx.type(tensor.node).dims[0];
  ir::Value places = ids.node;
  if (ids.ids && ids.ids->ragged) {
    // Positions have no bound of their own: those behind the table's end share its last row.
    if (size.constant())
      places = emit(ctx, "min", {places, emit(ctx, "constant_i32", {}, at, {{"value", size.value() - 1}})}, at);
  } else if (!table_fits(ctx, ids.ids, size, "the number of rows", at)) {
    return {};
  }
  ir::Value rows = emit(ctx, "gather", {tensor.node, places}, at);
  if (ids.ids) note_ids(ctx, tensor.node, 0, {{ids.ids->key, 0}});
  DimNames names = dim_names(ctx, ids);
  const DimNames columns = dim_names(ctx, tensor);
  names.insert(names.end(), columns.begin() + 1, columns.end());
  return rows.valid() ? Value{Tensor{rows, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

// The same of a matrix that an example, or a position, has of its own.
Value rows_of_matrix(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at) {
  if (!ids_fit(ctx, ids.ids, ctx.type(tensor.node).dims[0], "the number of rows", at)) return {};
  if (ids.ids) note_ids(ctx, tensor.node, 0, {{ids.ids->key, 0}});
  const DimNames names = dim_names(ctx, tensor);
  ir::Value rows = emit(ctx, "map_in", {tensor.node}, at, {{"count", int64_t{1}}});
  return gather_rows(ctx, tensor, rows, ids, {names.begin() + 1, names.end()}, at);
}

// The rows of a sequence, by positions in it or by constants that it is longer than.
Value rows_by_ids(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at) {
  const auto turned = swapped(ctx, tensor.node, at);
  if (!turned && !innermost(ctx, tensor.node, 0, "an index by ids", at)) return {};
  const ir::Value rows = turned.value_or(tensor.node);
  if (!rows.valid()) return {};
  const SpaceId space = ctx.type(rows).space, parent = ctx.spaces()[space].parent;
  const IdSetPtr& set = ids.ids;
  const bool positions = set && set->ragged && ctx.spaces().same_dim(*set->ragged, space);
  const bool constant = set && set->constant && set->size.constant();
  if (!positions && !constant) {
    ctx.report(at, diag::SetSize, set ? set->text : "this value", set && !set->ragged ? set->size.text() : "a length",
               "the outermost dimension", "the length of `" + ctx.spaces()[space].dim + "`")
        .help("a sequence is indexed by its positions, as `argmax(x, over = " + ctx.spaces()[space].dim +
              ")` gives them; `x[..., ids]` is along the last dimension");
    return {};
  }
  if (constant && !require_length(ctx, parent, ctx.spaces().length_of(space) - set->size, at)) return {};
  return turned ? pairs_by_ids(ctx, tensor, rows, ids, at)
                : gather_rows(ctx, tensor, rows, ids, dim_names(ctx, tensor), at);
}

// f32[Q, C] by ids of positions in Q, with `rows` f32[C, Q]: for each of C, what the ids name there.
Value pairs_by_ids(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const At& at) {
  const size_t ragged = ragged_below(ctx, ctx.type(ids.node).space, at.frame.base).size();
  const int more = ctx.type(ids.node).rank();
  if (more > 1 || ragged > 1 || (more == 1 && ragged == 1)) {
    ctx.report(at, diag::NotSupportedYet,
               shape_text(ctx, tensor.node, at.frame) + " by " + shape_text(ctx, ids.node, at.frame));
    return {};
  }
  const SpaceId each = ctx.spaces()[ctx.type(rows).space].parent;
  Tensor places = ids;
  if (ragged == 1) places.node = copy_rows(ctx, ids.node, each, at);
  if (!places.node.valid()) return {};
  Value found = gather_rows(ctx, tensor, rows, places, dim_names(ctx, tensor), at);
  if (more == 1) return found.tensor() ? apart(ctx, found.tensor()->node, at, tensor.ids) : Value{};
  if (ragged == 0 || !found.tensor()) return found;
  const auto back = swapped(ctx, found.tensor()->node, at);
  return back && back->valid() ? Value{Tensor{*back, tensor.ids, nullptr, dim_names(ctx, tensor)}, at.range} : Value{};
}

// `rows`: those of `tensor`, each with dimensions of these names.
Value gather_rows(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const DimNames& of_row,
                  const At& at) {
  if (!rows.valid()) return {};
  const SpaceId parent = ctx.spaces()[ctx.type(rows).space].parent, asked = ctx.type(ids.node).space;
  if (!ctx.spaces().is_ancestor(asked, parent) && !ctx.spaces().is_ancestor(parent, asked)) {
    ctx.report(at, diag::NotSupportedYet,
               "a whole " + shape_text(ctx, tensor.node, at.frame) + " for ids of other examples");
    return {};
  }
  ir::Value places = ctx.spaces().is_ancestor(asked, parent) ? to_space(ctx, ids.node, parent, at) : ids.node;
  ir::Value found = emit(ctx, "gather_rows", {rows, places}, at);
  DimNames names = dim_names(ctx, ids);
  names.insert(names.end(), of_row.begin(), of_row.end());
  return found.valid() ? Value{Tensor{found, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}
}  // namespace

Value index_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& index, const At& at, bool& dropped) {
  const std::vector<Axis> all = axes(ctx, tensor.node, at.frame);
  const Axis& which = all[axis];
  const int ragged = static_cast<int>(all.size()) - ctx.type(tensor.node).rank();
  if (const Tensor* ids = index.tensor()) return index_ids(ctx, tensor, axis, *ids, at);
  if (which.ragged) {
    // One position of the outer of two dimensions of pairs: that of the inner one of what they are turned to.
    const auto turned = axis == 0 && ragged == 2 ? swapped(ctx, tensor.node, at) : std::nullopt;
    if (!turned && !innermost(ctx, tensor.node, axis, "an index", at)) return {};
    ir::Value row = row_at(ctx, turned.value_or(tensor.node), index, at);
    return row.valid() ? Value{Tensor{row, tensor.ids, nullptr, dim_names(ctx, tensor)}, at.range} : Value{};
  }
  dropped = true;
  auto wanted = integer(ctx, index, at, "an index");
  if (!wanted) return {};
  int64_t start = *wanted;
  if (start < 0 && which.size.constant()) start += which.size.value();
  if (start < 0 || (which.size.constant() && start >= which.size.value())) {
    ctx.report(at, diag::IndexOutOfRange, *wanted, "a dimension of " + which.size.text());
    return {};
  }
  const int64_t place = axis - ragged;
  ir::Value part = emit(ctx, "slice", {tensor.node}, at, {{"axis", place}, {"start", start}, {"stop", start + 1}});
  if (!part.valid()) return {};
  std::vector<Dim> dims = ctx.type(part).dims;
  dims.erase(dims.begin() + place);
  part = emit(ctx, "reshape", {part}, at, {{"dims", dims}});
  DimNames names = dim_names(ctx, tensor);
  names.erase(names.begin() + place);
  return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

}  // namespace mtl::elaborate
