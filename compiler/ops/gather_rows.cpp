// Rows of sequences by their positions: a lookup in a table that each row of the sequence's parent has of its own.
// gather_rows reads them, scatter_add_rows adds up what comes back, and each is the other's gradient.
#include <algorithm>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

// The ids stand below the parent of the sequence: each names a position of the segment that its row belongs to.
std::optional<ShapeError> check_ids(const InferContext& c, int ids, SpaceId sequence) {
  if (auto error = need_ids(c, ids)) return error;
  const SpaceId space = c.operands[ids].space;
  if (!is_segmented(c.spaces, sequence) || !c.spaces.is_ancestor(c.spaces[sequence].parent, space)) {
    return shape_error(ids, source_text(c.operands[ids], c.spaces) + " of `" + c.spaces[space].name +
                                "` cannot be positions in `" + c.spaces[sequence].name + "`");
  }
  return std::nullopt;
}

InferResult infer_gather_rows(const InferContext& c) {
  const Type &x = c.operands[0], &ids = c.operands[1];
  if (auto error = check_ids(c, 1, x.space)) return *error;
  Type type = ids;
  type.dtype = x.dtype;
  type.dims.insert(type.dims.end(), x.dims.begin(), x.dims.end());
  return Types{type};
}

InferResult infer_scatter_add_rows(const InferContext& c) {
  const Type &ids = c.operands[0], &rows = c.operands[1];
  const SpaceId to = attr_space(c.attrs, "to");
  if (auto error = check_ids(c, 0, to)) return *error;
  if (auto error = need_number(c, 1)) return *error;
  const bool alike = ids.space == rows.space && rows.rank() >= ids.rank() &&
                     std::equal(ids.dims.begin(), ids.dims.end(), rows.dims.begin(), can_equal);
  if (!alike) return disagreement(c, 0, 1, "one row for each id is needed");
  return Types{f32(to, {rows.dims.begin() + ids.rank(), rows.dims.end()})};
}

// body(number of an id, row of `sequence`) for every id that names a row.
template <class F>
void for_each_id(const EvaluateContext& c, const HostTensor& ids, SpaceId sequence, F body) {
  const int64_t count = element_count(ids.type);
  for (int64_t row = 0; row < row_count(c, ids.type.space); ++row) {
    const auto [begin, end] = segment(c, sequence, ancestor_row(c, ids.type.space, row, c.spaces[sequence].parent));
    for (int64_t i = row * count; i < (row + 1) * count; ++i) {
      const auto id = static_cast<int64_t>(ids.values[static_cast<size_t>(i)]);
      if (id >= 0 && id < end - begin) body(i, begin + id);
    }
  }
}

void evaluate_gather_rows(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t width = element_count(x.type);
  std::fill(y.values.begin(), y.values.end(), 0);
  for_each_id(c, *c.operands[1], x.type.space, [&](int64_t id, int64_t row) {
    std::copy_n(x.values.begin() + row * width, width, y.values.begin() + id * width);
  });
}
void evaluate_scatter_add_rows(EvaluateContext& c) {
  const HostTensor& rows = *c.operands[1];
  HostTensor& y = *c.results[0];
  const int64_t width = element_count(y.type);
  std::fill(y.values.begin(), y.values.end(), 0);
  for_each_id(c, *c.operands[0], y.type.space, [&](int64_t id, int64_t row) {
    for (int64_t e = 0; e < width; ++e) y.values[row * width + e] += rows.values[id * width + e];
  });
}

// dx = sum of dy by position
void gather_rows_gradient(Context& g) {
  if (!g.wants(0)) return;
  const SpaceId space = g.build().type(g.operand(0)).space;
  g.accumulate(0, g.build().must("scatter_add_rows", {g.operand(1), g.adjoint()}, {{"to", ir::SpaceRef{space}}}));
}
// drows = dy by position
void scatter_add_rows_gradient(Context& g) {
  if (g.wants(1)) g.accumulate(1, g.build().must("gather_rows", {g.adjoint(), g.operand(0)}));
}

void call_by_ids(CallBuilder& b, const char* kernel, const Type& ids, const Type& sequence) {
  const SpaceId above = b.spaces()[sequence.space].parent;
  std::vector<SpaceId> spaces = {ids.space, sequence.space};
  if (ids.space != above) {
    const std::vector<SpaceId> up = b.spaces().path_up(ids.space, above);
    spaces.push_back(ids.space);
    spaces.insert(spaces.end(), up.begin(), up.end());
  }
  const auto steps = static_cast<int64_t>(spaces.size()) - 2;
  b.call(kernel, {b.operand(0), b.operand(1), b.result(0)}, {element_count(ids), element_count(sequence), steps}, {},
         spaces);
}

std::vector<Sample> samples_gather_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const std::vector<Domain> domains = {{}, ids_below(5)};  // of segments that are shorter too
  return {
      {{f32(id.t, {3}), i32(id.s)}, {}, domains},        {{f32(id.u, {2}), i32(id.t)}, {}, domains},
      {{f32(id.c), i32(id.t, {2})}, {}, domains},        {{f32(id.t, {2, 2}), i32(id.c, {3})}, {}, domains},
      {{f32(id.pair, {3}), i32(id.pairs)}, {}, domains}, {{i32(id.t), i32(id.u)}, {}, {ids_below(4), ids_below(5)}}};
}
std::vector<Sample> samples_scatter_add_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  const std::vector<Domain> domains = {ids_below(5), {}};
  return {{{i32(id.s), f32(id.s, {3})}, to(id.t), domains},
          {{i32(id.t), f32(id.t)}, to(id.u), domains},
          {{i32(id.c, {2}), f32(id.c, {2, 2, 2})}, to(id.t), domains},
          {{i32(id.pairs), f32(id.pairs, {3})}, to(id.pair), domains}};
}

}  // namespace

const OpDef op_gather_rows = {
    "gather_rows",
    "Rows of the segment that an id's row belongs to, by position: (x, ids). 0 where the segment has no such row.",
    2,
    1,
    infer_gather_rows,
    gradient(gather_rows_gradient),
    evaluate_gather_rows,
    lower_call([](CallBuilder& b) { call_by_ids(b, "gather_rows", b.operand_type(1), b.operand_type(0)); }),
    samples_gather_rows};
const OpDef op_scatter_add_rows = {
    "scatter_add_rows",
    "A row of `to` is the sum of those rows whose id is its position: (ids, rows). {to}",
    2,
    1,
    infer_scatter_add_rows,
    gradient(scatter_add_rows_gradient),
    evaluate_scatter_add_rows,
    lower_call([](CallBuilder& b) { call_by_ids(b, "scatter_add_rows", b.operand_type(0), b.result_type(0)); }),
    samples_scatter_add_rows};

}  // namespace mtl::ops
