// Indices: positions, slices, and rows by ids.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using syntax::BinaryOp;

Value Elaborator::index_tensor(const Tensor& tensor, std::span<const syntax::IndexExpr::Item> items, const At& at) {
  using Kind = syntax::IndexExpr::Item::Kind;
  Tensor current = tensor;
  int axis = 0;
  bool open = false;
  for (size_t i = 0; i < items.size(); ++i) {
    const int rank = static_cast<int>(axes(current.node, at.frame).size());
    if (items[i].kind == Kind::ellipsis) {
      if (std::exchange(open, true)) {
        report_at(at.frame, items[i].range, diag::EllipsisTwice);
        return {};
      }
      axis = rank - static_cast<int>(items.size() - 1 - i);
      continue;
    }
    if (axis >= rank) {
      report_at(at.frame, items[i].range, diag::TooManyIndices, shape_text(tensor.node, at.frame));
      return {};
    }
    if (const auto* range = std::get_if<syntax::BinaryExpr>(&items[i].value->node);
        range && range->op == BinaryOp::range) {
      Value part = slice_axis(current, axis, evaluate(*range->left, at.frame), evaluate(*range->right, at.frame),
                              {at.frame, items[i].range});
      if (!part.tensor()) return {};
      current = *part.tensor();
      ++axis;
      continue;
    }
    Value index = evaluate(*items[i].value, at.frame);
    if (index.poisoned()) return {};
    const At here{at.frame, items[i].range, {at.range, items[i].range}};
    bool dropped = true;
    Value next;
    if (items[i].kind == Kind::from) {
      const Axis which = axes(current.node, at.frame)[axis];
      dropped = false;
      const Value end = which.ragged ? Value{RaggedDim{*which.ragged}} : Value{StaticValue{which.size}};
      next = slice_axis(current, axis, index, end, here);
    } else {
      next = index_axis(current, axis, index, here, dropped);
    }
    const Tensor* result = next.tensor();
    if (!result) return {};
    current = *result;
    // What is indexed by ids has their dimensions in the place of its own.
    if (const Tensor* ids = index.tensor()) axis += static_cast<int>(axes(ids->node, at.frame).size());
    if (!dropped) ++axis;
  }
  return {current, at.range};
}

// transpose(x)[i] is a feature of each position: x[..., i].
Value Elaborator::index_transposed(const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at) {
  const Tensor& sequence = std::get<Transposed>(value.v).sequence;
  const int last = static_cast<int>(axes(sequence.node, at.frame).size()) - 1;
  if (items.size() == 1 && items[0].kind == syntax::IndexExpr::Item::Kind::at) {
    const Value index = evaluate(*items[0].value, at.frame);
    if (index.poisoned()) return {};
    bool dropped = true;
    if (index.as_static()) return index_axis(sequence, last, index, {at.frame, items[0].range}, dropped);
  }
  const Value parts = as_stack(value, at);
  return parts.poisoned() ? Value{} : index_stack(parts, items, at);
}

// x[a..b]; a negative end counts from the back.
Value Elaborator::slice_axis(const Tensor& tensor, int axis, const Value& from, const Value& to, const At& at) {
  if (from.poisoned() || to.poisoned()) return {};
  const std::vector<Axis> all = axes(tensor.node, at.frame);
  auto start = as_length(from), stop = as_length(to);
  if (!start || !stop) {
    report(at, diag::NotAnInt, "an end of a slice", start ? to.kind() : from.kind());
    return {};
  }
  if (start->constant().value_or(0) < 0) start = *start + length_of(all[axis]);
  if (stop->constant().value_or(0) < 0) stop = *stop + length_of(all[axis]);
  if (all[axis].ragged) {
    const auto of_inner = [&](ir::Value x) { return slice_rows(x, *start, *stop, at); };
    const bool outer = is_outer_of_pairs(tensor.node, axis, at) && !(*stop - *start).constant();
    if (!outer && !innermost(tensor.node, axis, "a slice", at)) return {};
    ir::Value part = outer ? move_outer(tensor.node, "a slice", at, of_inner) : of_inner(tensor.node);
    return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, dim_names(tensor)}, at.range} : Value{};
  }
  const int64_t place = axis - (static_cast<int64_t>(all.size()) - type(tensor.node).rank());
  ir::Value part = emit("slice", {tensor.node}, at,
                        {{"axis", place}, {"start", std::vector<Dim>{*start}}, {"stop", std::vector<Dim>{*stop}}});
  DimNames names = dim_names(tensor);
  names[static_cast<size_t>(place)].clear();
  return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

bool Elaborator::innermost(ir::Value x, int axis, const std::string& what, const At& at) {
  if (axis + 1 == static_cast<int>(axes(x, at.frame).size()) - type(x).rank()) return true;
  report(at, diag::NotSupportedYet, what + " of a dimension in which another is nested");
  return false;
}

// One position of the innermost ragged dimension.
ir::Value Elaborator::row_at(ir::Value x, const Value& index, const At& at) {
  const SpaceId space = type(x).space, parent = spaces()[space].parent;
  auto place = as_length(index);
  if (!place) {
    report(at, diag::NotAnInt, "an index", index.kind());
    return {};
  }
  const Dim length = spaces().length_of(space);
  if (place->constant().value_or(0) < 0) place = *place + length;
  if (*place == Dim(0) || *place == length - Dim(1)) {
    // A dimension of the data is empty where its column allows it, and then has a row of zeros; a part of one is not.
    if (spaces()[space].length && !require_length(parent, length - Dim(1), at)) return {};
    return emit(*place == Dim(0) ? "first" : "last", {x}, at, {{"to", ir::SpaceRef{parent}}});
  }
  ir::Value row = slice_rows(x, *place, *place + Dim(1), at);
  if (!row.valid()) return {};
  std::vector<Dim> dims = type(row).dims;
  dims.erase(dims.begin());
  return emit("reshape", {row}, at, {{"dims", dims}});
}

Value Elaborator::index_axis(const Tensor& tensor, int axis, const Value& index, const At& at, bool& dropped) {
  const std::vector<Axis> all = axes(tensor.node, at.frame);
  const Axis& which = all[axis];
  const int ragged = static_cast<int>(all.size()) - type(tensor.node).rank();
  if (const Tensor* ids = index.tensor()) return index_ids(tensor, axis, *ids, at);
  if (which.ragged) {
    // One position of the outer of two dimensions of pairs: that of the inner one of what they are turned to.
    const auto turned = axis == 0 && ragged == 2 ? swapped(tensor.node, at) : std::nullopt;
    if (!turned && !innermost(tensor.node, axis, "an index", at)) return {};
    ir::Value row = row_at(turned.value_or(tensor.node), index, at);
    return row.valid() ? Value{Tensor{row, tensor.ids, nullptr, dim_names(tensor)}, at.range} : Value{};
  }
  dropped = true;
  auto wanted = integer(index, at, "an index");
  if (!wanted) return {};
  int64_t start = *wanted;
  if (start < 0 && which.size.constant()) start += which.size.value();
  if (start < 0 || (which.size.constant() && start >= which.size.value())) {
    report(at, diag::IndexOutOfRange, *wanted, "a dimension of " + which.size.text());
    return {};
  }
  const int64_t place = axis - ragged;
  ir::Value part = emit("slice", {tensor.node}, at, {{"axis", place}, {"start", start}, {"stop", start + 1}});
  if (!part.valid()) return {};
  std::vector<Dim> dims = type(part).dims;
  dims.erase(dims.begin() + place);
  part = emit("reshape", {part}, at, {{"dims", dims}});
  DimNames names = dim_names(tensor);
  names.erase(names.begin() + place);
  return part.valid() ? Value{Tensor{part, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

// `table[ids]`, `sequence[ids]`: rows, by the ids of the set that the outermost dimension has, or by positions in it.
// `scores[target]` in a criterion sees the scores of one position, so its outermost dimension is that of the classes;
// of a whole sequence they are `scores[..., target]`.
Value Elaborator::index_ids(const Tensor& tensor, int axis, const Tensor& ids, const At& at) {
  const types::Type type = this->type(tensor.node);
  if (this->type(ids.node).dtype != types::DType::i32) {
    report(at, diag::IndexIsNoId, shape_text(ids.node, at.frame));
    return {};
  }
  if (ids.ids && tensor.table && !ids.ids->key.empty() && !tensor.table->key.empty() &&
      ids.ids->key != tensor.table->key) {
    report(at, diag::WrongIds, ids.ids->text, tensor.table->text);
    return {};
  }
  const std::vector<Axis> all = axes(tensor.node, at.frame);
  const int place = axis - (static_cast<int>(all.size()) - type.rank());
  if (all[static_cast<size_t>(axis)].ragged && axis == 0) return rows_by_ids(tensor, ids, at);
  if (type.space == types::kUniform && axis == 0) return rows_of_table(tensor, ids, at);
  if (place < 0 || place + 1 != type.rank() || this->type(ids.node).rank() != place) {
    if (axis == 0) return rows_of_matrix(tensor, ids, at);
    report(at, diag::NotSupportedYet, "an index by ids behind another dimension");
    return {};
  }
  if (!table_fits(ids.ids, type.dims.back(), "the dimension", at)) return {};
  ir::Value picked = emit("pick", {tensor.node, ids.node}, at);
  if (ids.ids) note_ids(tensor.node, type.rank() - 1, {{ids.ids->key, 0}});
  return picked.valid() ? Value{Tensor{picked, tensor.ids, nullptr}, at.range} : Value{};
}

Value Elaborator::rows_of_table(const Tensor& tensor, const Tensor& ids, const At& at) {
  const Dim size = type(tensor.node).dims[0];
  ir::Value places = ids.node;
  if (ids.ids && ids.ids->ragged) {
    // Positions have no bound of their own: those behind the table's end share its last row.
    if (size.constant())
      places = emit("min", {places, emit("constant_i32", {}, at, {{"value", size.value() - 1}})}, at);
  } else if (!table_fits(ids.ids, size, "the number of rows", at)) {
    return {};
  }
  ir::Value rows = emit("gather", {tensor.node, places}, at);
  if (ids.ids) note_ids(tensor.node, 0, {{ids.ids->key, 0}});
  DimNames names = dim_names(ids);
  const DimNames columns = dim_names(tensor);
  names.insert(names.end(), columns.begin() + 1, columns.end());
  return rows.valid() ? Value{Tensor{rows, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

// The rows of a sequence, by positions in it or by constants that it is longer than.
Value Elaborator::rows_by_ids(const Tensor& tensor, const Tensor& ids, const At& at) {
  const auto turned = swapped(tensor.node, at);
  if (!turned && !innermost(tensor.node, 0, "an index by ids", at)) return {};
  const ir::Value rows = turned.value_or(tensor.node);
  if (!rows.valid()) return {};
  const SpaceId space = type(rows).space, parent = spaces()[space].parent;
  const IdSetPtr& set = ids.ids;
  const bool positions = set && set->ragged && spaces().same_dim(*set->ragged, space);
  const bool constant = set && set->constant && set->size.constant();
  if (!positions && !constant) {
    report(at, diag::SetSize, set ? set->text : "this value", set && !set->ragged ? set->size.text() : "a length",
           "the outermost dimension", "the length of `" + spaces()[space].dim + "`")
        .help("a sequence is indexed by its positions, as `argmax(x, over = " + spaces()[space].dim +
              ")` gives them; `x[..., ids]` is along the last dimension");
    return {};
  }
  if (constant && !require_length(parent, spaces().length_of(space) - set->size, at)) return {};
  return turned ? pairs_by_ids(tensor, rows, ids, at) : gather_rows(tensor, rows, ids, dim_names(tensor), at);
}

// f32[Q, C] by ids of positions in Q, with `rows` f32[C, Q]: for each of C, what the ids name there.
Value Elaborator::pairs_by_ids(const Tensor& tensor, ir::Value rows, const Tensor& ids, const At& at) {
  const size_t ragged = ragged_below(type(ids.node).space, at.frame.base).size();
  if (type(ids.node).rank() > 0 || ragged > 1) {
    report(at, diag::NotSupportedYet, shape_text(tensor.node, at.frame) + " by " + shape_text(ids.node, at.frame));
    return {};
  }
  const SpaceId each = spaces()[type(rows).space].parent;
  Tensor places = ids;
  if (ragged == 1) places.node = copy_rows(ids.node, each, at);
  if (!places.node.valid()) return {};
  Value found = gather_rows(tensor, rows, places, dim_names(tensor), at);
  if (ragged == 0 || !found.tensor()) return found;
  const auto back = swapped(found.tensor()->node, at);
  return back && back->valid() ? Value{Tensor{*back, tensor.ids, nullptr, dim_names(tensor)}, at.range} : Value{};
}

// The same of a matrix that an example, or a position, has of its own.
Value Elaborator::rows_of_matrix(const Tensor& tensor, const Tensor& ids, const At& at) {
  if (!ids_fit(ids.ids, type(tensor.node).dims[0], "the number of rows", at)) return {};
  if (ids.ids) note_ids(tensor.node, 0, {{ids.ids->key, 0}});
  const DimNames names = dim_names(tensor);
  ir::Value rows = emit("map_in", {tensor.node}, at, {{"count", int64_t{1}}});
  return gather_rows(tensor, rows, ids, {names.begin() + 1, names.end()}, at);
}

// `rows`: those of `tensor`, each with dimensions of these names.
Value Elaborator::gather_rows(const Tensor& tensor, ir::Value rows, const Tensor& ids, const DimNames& of_row,
                              const At& at) {
  if (!rows.valid()) return {};
  const SpaceId parent = spaces()[type(rows).space].parent, asked = type(ids.node).space;
  if (!spaces().is_ancestor(asked, parent) && !spaces().is_ancestor(parent, asked)) {
    report(at, diag::NotSupportedYet, "a whole " + shape_text(tensor.node, at.frame) + " for ids of other examples");
    return {};
  }
  ir::Value places = spaces().is_ancestor(asked, parent) ? to_space(ids.node, parent, at) : ids.node;
  ir::Value found = emit("gather_rows", {rows, places}, at);
  DimNames names = dim_names(ids);
  names.insert(names.end(), of_row.begin(), of_row.end());
  return found.valid() ? Value{Tensor{found, tensor.ids, nullptr, std::move(names)}, at.range} : Value{};
}

}  // namespace mtl::elaborate
