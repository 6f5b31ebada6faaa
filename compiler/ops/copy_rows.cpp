// Spaces of pairs (types/type.h): the segments of a sequence, once for each row of a space that lies below its parent.
// Copying is copy_rows, adding the copies up again is sum_copies, and each is the other's gradient. swap_rows makes [C,
// Q] of [Q, C], where both have the same parent.
#include <algorithm>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

// `pairs` has the segments of `sequence`, each several times.
bool is_copied(const Spaces& spaces, SpaceId sequence, SpaceId pairs) {
  const SpaceId above = spaces[sequence].parent, below = spaces[pairs].parent;
  return !spaces[sequence].dim.empty() && spaces.same_dim(sequence, pairs) && above != below &&
         spaces.is_ancestor(above, below);
}

template <bool sums>
InferResult infer_copies(const InferContext& c) {
  Type type = c.operands[0];
  if (sums) {
    if (auto error = need_number(c, 0)) return *error;
    type.dtype = DType::f32;
  }
  const SpaceId to = attr_space(c.attrs, "to");
  if (!is_copied(c.spaces, sums ? to : type.space, sums ? type.space : to)) {
    return shape_error(0, source_text(type, c.spaces) + " of `" + c.spaces[type.space].name +
                              "` cannot become rows of `" + c.spaces[to].name + "`");
  }
  type.space = to;
  return Types{type};
}

// body(row of `pairs`, its row of `sequence`)
template <class F>
void for_each_copy(const EvaluateContext& c, SpaceId sequence, SpaceId pairs, F body) {
  const SpaceId above = c.spaces[pairs].parent;
  for (int64_t parent = 0; parent < row_count(c, above); ++parent) {
    const auto [begin, end] = segment(c, pairs, parent);
    const int64_t first = segment(c, sequence, ancestor_row(c, above, parent, c.spaces[sequence].parent)).first;
    for (int64_t row = begin; row < end; ++row) body(row, first + (row - begin));
  }
}

void evaluate_copy_rows(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  for_each_copy(c, x.type.space, y.type.space, [&](int64_t pair, int64_t row) {
    std::copy_n(x.values.begin() + row * elements, elements, y.values.begin() + pair * elements);
  });
}
void evaluate_sum_copies(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  std::fill(y.values.begin(), y.values.end(), 0);
  for_each_copy(c, y.type.space, x.type.space, [&](int64_t pair, int64_t row) {
    for (int64_t e = 0; e < elements; ++e) y.values[row * elements + e] += x.values[pair * elements + e];
  });
}

// dx = dy, brought back by the other of the two.
void copies_gradient(Context& g, const char* other) {
  const SpaceId space = g.build().type(g.operand(0)).space;
  g.accumulate(0, g.build().must(other, {g.adjoint()}, {{"to", ir::SpaceRef{space}}}));
}

void call_copies(CallBuilder& b, const char* kernel, SpaceId sequence, SpaceId pairs) {
  std::vector<SpaceId> spaces = b.spaces().path_up(pairs, b.spaces()[sequence].parent);
  const auto steps = static_cast<int64_t>(spaces.size());
  spaces.insert(spaces.begin(), {pairs, sequence});
  b.call(kernel, {b.operand(0), b.result(0)}, {element_count(b.result_type(0)), steps}, {}, spaces);
}

InferResult infer_swap_rows(const InferContext& c) {
  Type type = c.operands[0];
  const SpaceId to = attr_space(c.attrs, "to"), from = type.space;
  const SpaceId outer = c.spaces[from].parent, inner = c.spaces[to].parent;
  const auto alike = [&](SpaceId a, SpaceId b) {
    return is_segmented(c.spaces, a) && is_segmented(c.spaces, b) &&
           (c.spaces.same_dim(a, b) || (c.spaces[a].fixed && c.spaces[a].fixed == c.spaces[b].fixed));
  };
  const bool swapped = alike(from, inner) && alike(to, outer) && c.spaces[outer].parent == c.spaces[inner].parent;
  if (!swapped) {
    return shape_error(0, source_text(type, c.spaces) + " of `" + c.spaces[from].name + "` cannot become rows of `" +
                              c.spaces[to].name + "`");
  }
  type.space = to;
  return Types{type};
}
void evaluate_swap_rows(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  const SpaceId outer = c.spaces[x.type.space].parent, inner = c.spaces[y.type.space].parent;
  for (int64_t above = 0; above < row_count(c, c.spaces[outer].parent); ++above) {
    const auto [q_begin, q_end] = segment(c, outer, above);
    const auto [c_begin, c_end] = segment(c, inner, above);
    for (int64_t q = q_begin; q < q_end; ++q) {
      for (int64_t other = c_begin; other < c_end; ++other) {
        const int64_t from = segment(c, x.type.space, q).first + (other - c_begin);
        const int64_t to = segment(c, y.type.space, other).first + (q - q_begin);
        std::copy_n(x.values.begin() + from * elements, elements, y.values.begin() + to * elements);
      }
    }
  }
}
void lower_swap_rows(CallBuilder& b) {
  const SpaceId from = b.operand_type(0).space, to = b.result_type(0).space;
  b.call("swap_rows", {b.operand(0), b.result(0)}, {element_count(b.result_type(0))}, {},
         {to, from, b.spaces()[to].parent, b.spaces()[from].parent});
}

std::vector<Sample> samples_copy_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.u, {3})}, to(id.pairs), {}},
          {{f32(id.t)}, to(id.self_pairs), {}},
          {{i32(id.u)}, to(id.deep_pairs), {ids_below(4)}},
          {{f32(id.pairs, {2})}, to(id.deep_pairs), {}}};
}
std::vector<Sample> samples_sum_copies(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.pairs, {3})}, to(id.u), {}},
          {{f32(id.self_pairs)}, to(id.t), {}},
          {{f32(id.deep_pairs, {2})}, to(id.u), {}},
          {{f32(id.deep_pairs)}, to(id.pairs), {}}};
}

std::vector<Sample> samples_swap_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto to = [](SpaceId space) { return Attrs{{"to", ir::SpaceRef{space}}}; };
  return {{{f32(id.pairs, {3})}, to(id.swapped_pairs), {}},
          {{i32(id.swapped_pairs)}, to(id.pairs), {ids_below(4)}},
          {{f32(id.self_pairs)}, to(id.self_pairs), {}},
          {{f32(id.fixed_pairs, {2})}, to(id.fixed_rows), {}},
          {{f32(id.fixed_rows)}, to(id.fixed_pairs), {}}};
}

}  // namespace

const OpDef op_copy_rows = {
    "copy_rows",
    "A segment of `to` is that of the operand for the same row of the operand's parent: pairs. {to}",
    1,
    1,
    infer_copies<false>,
    gradient([](Context& g) { copies_gradient(g, "sum_copies"); }),
    evaluate_copy_rows,
    lower_call([](CallBuilder& b) { call_copies(b, "copy_rows", b.operand_type(0).space, b.result_type(0).space); }),
    samples_copy_rows};
const OpDef op_sum_copies = {
    "sum_copies",
    "A segment of `to` is the sum of those segments of the operand that are copies of it. {to}",
    1,
    1,
    infer_copies<true>,
    gradient([](Context& g) { copies_gradient(g, "copy_rows"); }),
    evaluate_sum_copies,
    lower_call([](CallBuilder& b) { call_copies(b, "sum_copies", b.result_type(0).space, b.operand_type(0).space); }),
    samples_sum_copies};

const OpDef op_swap_rows = {"swap_rows",
                            "Row (c, q) of `to` is row (q, c) of the operand. {to}",
                            1,
                            1,
                            infer_swap_rows,
                            gradient([](Context& g) { copies_gradient(g, "swap_rows"); }),
                            evaluate_swap_rows,
                            lower_call(lower_swap_rows),
                            samples_swap_rows};

}  // namespace mtl::ops
