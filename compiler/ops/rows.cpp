// Ops between the rows of a space and those of its ancestors: sums, extremes and edges of segments, and the way back.
#include <algorithm>

#include "compiler/ops/gradient_util.h"
#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

InferResult infer_segment_sum(const InferContext& c) {
  if (auto error = need_number(c, 0)) return *error;
  Type type = c.operands[0];
  const SpaceId to = attr_space(c.attrs, "to");
  if (to == type.space || !c.spaces.is_ancestor(to, type.space)) {
    return shape_error(0, source_text(type, c.spaces) + " has no rows to reduce to `" + c.spaces[to].name + "`");
  }
  type.space = to;
  type.dtype = DType::f32;
  return Types{type};
}

// The direct parent only.
std::optional<ShapeError> check_parent(const InferContext& c) {
  const SpaceId to = attr_space(c.attrs, "to"), from = c.operands[0].space;
  if (from != types::kUniform && c.spaces[from].parent == to) return std::nullopt;
  return shape_error(0, source_text(c.operands[0], c.spaces) + " has no segments in `" + c.spaces[to].name + "`");
}

InferResult infer_segment_extreme(const InferContext& c) {
  if (auto error = need_number(c, 0)) return *error;
  if (auto error = check_parent(c)) return *error;
  const SpaceId to = attr_space(c.attrs, "to");
  return Types{f32(to, c.operands[0].dims), i32(to, c.operands[0].dims)};
}

InferResult infer_edge(const InferContext& c) {
  if (auto error = check_parent(c)) return *error;
  Type type = c.operands[0];
  type.space = attr_space(c.attrs, "to");
  return Types{type};
}

InferResult infer_to_space(const InferContext& c) {
  Type type = c.operands[0];
  const SpaceId space = attr_space(c.attrs, "space");
  if (!c.spaces.is_ancestor(type.space, space)) {
    return shape_error(0, source_text(type, c.spaces) + " of `" + c.spaces[type.space].name +
                              "` cannot be repeated over `" + c.spaces[space].name + "`");
  }
  type.space = space;
  return Types{type};
}

// Folds the rows of each segment into one that begins as `empty`.
template <auto fold>
void evaluate_segments(EvaluateContext& c, double empty) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  std::fill(y.values.begin(), y.values.end(), empty);
  for (int64_t row = 0; row < row_count(c, x.type.space); ++row) {
    const int64_t to = ancestor_row(c, x.type.space, row, y.type.space);
    for (int64_t e = 0; e < elements; ++e) {
      double& folded = y.values[to * elements + e];
      folded = fold(folded, x.values[row * elements + e]);
    }
  }
}
void evaluate_segment_sum(EvaluateContext& c) {
  evaluate_segments<[](double a, double b) { return a + b; }>(c, 0);
}
void evaluate_segment_prod(EvaluateContext& c) {
  evaluate_segments<[](double a, double b) { return a * b; }>(c, 1);
}

template <bool max>
void evaluate_segment_extreme(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int64_t elements = element_count(x.type);
  for (int64_t above = 0; above < row_count(c, c.results[0]->type.space); ++above) {
    const auto [begin, end] = segment(c, x.type.space, above);
    for (int64_t e = 0; e < elements; ++e) {
      int64_t best = begin;
      for (int64_t row = begin; row < end; ++row) {
        const double candidate = x.values[row * elements + e], held = x.values[best * elements + e];
        if (max ? candidate > held : candidate < held) best = row;
      }
      c.results[0]->values[above * elements + e] = begin == end ? 0 : x.values[best * elements + e];
      c.results[1]->values[above * elements + e] = static_cast<double>(begin == end ? -1 : best - begin);
    }
  }
}

template <bool last>
void evaluate_edge(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int64_t elements = element_count(x.type);
  for (int64_t above = 0; above < row_count(c, c.results[0]->type.space); ++above) {
    const auto [begin, end] = segment(c, x.type.space, above);
    const int64_t row = last ? end - 1 : begin;
    for (int64_t e = 0; e < elements; ++e) {
      c.results[0]->values[above * elements + e] = begin == end ? 0 : x.values[row * elements + e];
    }
  }
}

void evaluate_to_space(EvaluateContext& c) {
  c.results[0]->values = broadcast_operand(c, 0);
}

Value rows_position(Context& g) {
  return g.build().must("position", {}, {{"space", ir::SpaceRef{g.build().type(g.operand(0)).space}}});
}
// A row scalar, made to broadcast with `rank` static dims.
Value with_rank(Context& g, Value row_scalar, int rank) {
  return g.build().reshape(row_scalar, std::vector<Dim>(rank, 1));
}

// dx = dy where the row is the extreme's
void segment_extreme_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Type type = b.type(g.operand(0));
  const Value place = with_rank(g, rows_position(g), type.rank());
  g.accumulate(0, b.where(b.must("eq", {place, g.result(1)}), g.adjoint(0), b.constant(0)));
}
void segment_prod_gradient(Context& g) {
  accumulate_product(g, g.adjoint(), "segment_sum", "segment_prod", g.node().attrs);
}
// dx = dy in the first row
void first_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value is_edge = b.must("eq", {rows_position(g), b.constant_i32(0)});
  g.accumulate(0, b.where(with_rank(g, is_edge, b.type(g.operand(0)).rank()), g.adjoint(), b.constant(0)));
}
// dx = dy in the last row
void last_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Type type = b.type(g.operand(0));
  const Value length = b.must("length", {}, {{"space", ir::SpaceRef{type.space}}});
  const Value place = b.add(b.must("to_f32", {rows_position(g)}), b.constant(1));
  const Value is_edge = b.must("eq", {place, length});
  g.accumulate(0, b.where(with_rank(g, is_edge, type.rank()), g.adjoint(), b.constant(0)));
}

template <Reduce value, Reduce position>
void lower_segment_extreme(RowBuilder& b) {
  const RowValue x = b.operand(0);
  b.result_over_rows(0, value, x);
  b.result_over_rows(1, position, x);
}

std::vector<Sample> samples_segment_sum(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.t, {3})}, to(id.s), {}},
          {{f32(id.c)}, to(id.s), {}},
          {{f32(id.c, {2, 2})}, to(id.t), {}},
          {{f32(id.t, {3})}, to(types::kUniform), {}},
          {{f32(id.s)}, to(types::kUniform), {}}};
}
template <Kind kind>
std::vector<Sample> samples_segment(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.t, {3})}, to(id.s), {{kind}}},
          {{f32(id.c)}, to(id.t), {{kind}}},
          {{f32(id.c, {2, 2})}, to(id.t), {{kind}}}};
}
std::vector<Sample> samples_to_space(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto over = [](SpaceId space) { return Attrs{{"space", ir::SpaceRef{space}}}; };
  return {{{f32(id.s, {3})}, over(id.t), {}},
          {{f32(id.s)}, over(id.c), {}},
          {{f32(types::kUniform, {2})}, over(id.s), {}},
          {{i32(id.t)}, over(id.c), {}}};
}

}  // namespace

const OpDef op_segment_sum = {"segment_sum",
                              "Sum of the rows of each segment, into an ancestor space or the uniform row. {to}",
                              1,
                              1,
                              infer_segment_sum,
                              gradient([](Context& g) { g.accumulate(0, g.adjoint()); }),  // dx = dy, repeated
                              evaluate_segment_sum,
                              lower_row([](RowBuilder& b) { b.result_over_rows(0, Reduce::sum, b.operand(0)); }),
                              samples_segment_sum};
const OpDef op_segment_max = {
    "segment_max",
    "Largest of each segment, and the position of the first row that has it. An empty segment gives 0 at -1. {to}",
    1,
    2,
    infer_segment_extreme,
    gradient(segment_extreme_gradient),
    evaluate_segment_extreme<true>,
    lower_row(lower_segment_extreme<Reduce::max, Reduce::argmax>),
    samples_segment<Kind::distinct>};
const OpDef op_segment_min = {
    "segment_min",
    "Smallest of each segment, and the position of the first row that has it. An empty segment gives 0 at -1. {to}",
    1,
    2,
    infer_segment_extreme,
    gradient(segment_extreme_gradient),
    evaluate_segment_extreme<false>,
    lower_row(lower_segment_extreme<Reduce::min, Reduce::argmin>),
    samples_segment<Kind::distinct>};
const OpDef op_segment_prod = {"segment_prod",
                               "Product of the rows of each segment, into an ancestor space. {to}",
                               1,
                               1,
                               infer_segment_sum,
                               gradient(segment_prod_gradient),
                               evaluate_segment_prod,
                               lower_row([](RowBuilder& b) { b.result_over_rows(0, Reduce::prod, b.operand(0)); }),
                               samples_segment<Kind::normal>};
const OpDef op_first = {"first",
                        "The first row of each segment; 0 if it is empty. {to}",
                        1,
                        1,
                        infer_edge,
                        gradient(first_gradient),
                        evaluate_edge<false>,
                        lower_row([](RowBuilder& b) { b.result(0, b.operand_edge(0, false)); }),
                        samples_segment<Kind::normal>};
const OpDef op_last = {"last",
                       "The last row of each segment; 0 if it is empty. {to}",
                       1,
                       1,
                       infer_edge,
                       gradient(last_gradient),
                       evaluate_edge<true>,
                       lower_row([](RowBuilder& b) { b.result(0, b.operand_edge(0, true)); }),
                       samples_segment<Kind::normal>};
const OpDef op_to_space = {"to_space",
                           "Rows of an ancestor, repeated over the rows of `space`. {space}",
                           1,
                           1,
                           infer_to_space,
                           gradient([](Context& g) { g.accumulate(0, g.adjoint()); }),
                           evaluate_to_space,
                           lower_row([](RowBuilder& b) { b.result(0, b.operand(0)); }),
                           samples_to_space};

}  // namespace mtl::ops
