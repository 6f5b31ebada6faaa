// Pairs [U, V] for each row of a third sequence T, whose positions have copies of U: [T, U, V], in which the segment of
// (t, u) is that of u. repeat_pairs makes it, sum_repeated adds the copies up again, and each is the other's gradient.
#include <algorithm>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

// `pairs` is [U, V], `repeated` [T, U, V], and T lies below the parent of U.
bool repeats_pairs(const Spaces& spaces, SpaceId pairs, SpaceId repeated) {
  const SpaceId own = spaces[pairs].parent, near = spaces[repeated].parent;
  if (own == types::kUniform || near == types::kUniform) return false;
  const SpaceId above = spaces[own].parent, below = spaces[near].parent;
  const bool alike = is_segmented(spaces, pairs) && is_segmented(spaces, own) && spaces.same_dim(pairs, repeated) &&
                     spaces.same_dim(own, near);
  return alike && above != below && spaces.is_ancestor(above, below);
}

template <bool sums>
InferResult infer_repeated(const InferContext& c) {
  Type type = c.operands[0];
  if (sums) {
    if (auto error = need_number(c, 0)) return *error;
    type.dtype = DType::f32;
  }
  const SpaceId to = attr_space(c.attrs, "to");
  if (!repeats_pairs(c.spaces, sums ? to : type.space, sums ? type.space : to)) {
    return shape_error(0, source_text(type, c.spaces) + " of `" + c.spaces[type.space].name +
                              "` cannot become rows of `" + c.spaces[to].name + "`");
  }
  type.space = to;
  return Types{type};
}

// body(row of `repeated`, its row of `pairs`)
template <class F>
void for_each_repeated(const EvaluateContext& c, SpaceId pairs, SpaceId repeated, F body) {
  const SpaceId own = c.spaces[pairs].parent, near = c.spaces[repeated].parent, below = c.spaces[near].parent;
  for (int64_t row = 0; row < row_count(c, near); ++row) {
    const int64_t above = c.host_spaces[near].parent[row];
    const int64_t place = row - segment(c, near, above).first;
    const int64_t of = segment(c, own, ancestor_row(c, below, above, c.spaces[own].parent)).first + place;
    const auto [begin, end] = segment(c, repeated, row);
    for (int64_t i = begin; i < end; ++i) body(i, segment(c, pairs, of).first + (i - begin));
  }
}

void evaluate_repeat_pairs(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  for_each_repeated(c, x.type.space, y.type.space, [&](int64_t copy, int64_t row) {
    std::copy_n(x.values.begin() + row * elements, elements, y.values.begin() + copy * elements);
  });
}
void evaluate_sum_repeated(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  std::fill(y.values.begin(), y.values.end(), 0);
  for_each_repeated(c, y.type.space, x.type.space, [&](int64_t copy, int64_t row) {
    for (int64_t e = 0; e < elements; ++e) y.values[row * elements + e] += x.values[copy * elements + e];
  });
}

void repeated_gradient(GradientContext& g, const char* other) {
  const SpaceId space = g.build().type(g.operand(0)).space;
  g.accumulate(0, g.build().must(other, {g.adjoint()}, {{"to", ir::SpaceRef{space}}}));
}

void call_repeated(CallBuilder& b, const char* kernel, SpaceId pairs, SpaceId repeated) {
  const SpaceId own = b.spaces()[pairs].parent, near = b.spaces()[repeated].parent;
  std::vector<SpaceId> spaces = b.spaces().path_up(near, b.spaces()[own].parent);
  const auto steps = static_cast<int64_t>(spaces.size());
  spaces.insert(spaces.begin(), {repeated, pairs, near, own});
  b.call(kernel, {b.operand(0), b.result(0)}, {element_count(b.result_type(0)), steps}, {}, spaces);
}

std::vector<Sample> samples_repeat_pairs(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.swapped_pairs, {3})}, to(id.repeated), {}}, {{f32(id.swapped_pairs)}, to(id.deep_repeated), {}}};
}
std::vector<Sample> samples_sum_repeated(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.repeated)}, to(id.swapped_pairs), {}}, {{f32(id.deep_repeated, {2})}, to(id.swapped_pairs), {}}};
}

}  // namespace

const OpDef op_repeat_pairs = {"repeat_pairs",
                               "Row (t, u, v) of `to` is row (u, v) of the operand. {to}",
                               1,
                               1,
                               infer_repeated<false>,
                               gradient([](GradientContext& g) { repeated_gradient(g, "sum_repeated"); }),
                               evaluate_repeat_pairs,
                               lower_call([](CallBuilder& b) {
                                 call_repeated(b, "repeat_pairs", b.operand_type(0).space, b.result_type(0).space);
                               }),
                               samples_repeat_pairs};
const OpDef op_sum_repeated = {"sum_repeated",
                               "Row (u, v) of `to` is the sum of the rows (t, u, v) of the operand. {to}",
                               1,
                               1,
                               infer_repeated<true>,
                               gradient([](GradientContext& g) { repeated_gradient(g, "repeat_pairs"); }),
                               evaluate_sum_repeated,
                               lower_call([](CallBuilder& b) {
                                 call_repeated(b, "sum_repeated", b.result_type(0).space, b.operand_type(0).space);
                               }),
                               samples_sum_repeated};

}  // namespace mtl::ops
