// Windows over sequences: what a convolution multiplies with its weight. The features come before the places of the
// window, so a weight [out, in, k] in PyTorch's layout flattens to match.
#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

std::optional<ShapeError> check_windows(const InferContext& c) {
  if (auto error = need_number(c, 0)) return error;
  if (!is_segmented(c.spaces, c.operands[0].space)) {
    return shape_error(0, source_text(c.operands[0], c.spaces) + " is no sequence");
  }
  if (attr_int(c.attrs, "size") < 1) return shape_error(-1, "a window has at least 1 position");
  return std::nullopt;
}
InferResult infer_windows(const InferContext& c) {
  if (auto error = check_windows(c)) return *error;
  Type type = c.operands[0];
  type.dims.push_back(attr_int(c.attrs, "size"));
  type.dtype = DType::f32;
  return Types{type};
}
InferResult infer_windows_grad(const InferContext& c) {
  if (auto error = check_windows(c)) return *error;
  Type type = c.operands[0];
  if (type.rank() < 1 || !can_equal(type.dims.back(), attr_int(c.attrs, "size"))) {
    return shape_error(
        0, source_text(type, c.spaces) + " holds no windows of " + std::to_string(attr_int(c.attrs, "size")));
  }
  type.dims.pop_back();
  return Types{type};
}

// fn(element of x, element of the windows) for every pair of the same number; padding has no pair.
template <class F>
void for_each_pair(const EvaluateContext& c, SpaceId space, int64_t width, F fn) {
  const int64_t size = attr_int(c.attrs, "size"), before = attr_int(c.attrs, "before", 0);
  const SpaceId parent = c.spaces[space].parent;
  for (int64_t above = 0; above < row_count(c, parent); ++above) {
    const auto [begin, end] = segment(c, space, above);
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t j = 0; j < size; ++j) {
        const int64_t from = row + j - before;
        if (from < begin || from >= end) continue;
        for (int64_t d = 0; d < width; ++d) fn(from * width + d, (row * width + d) * size + j);
      }
    }
  }
}
void evaluate_windows(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  std::vector<double>& y = c.results[0]->values;
  std::fill(y.begin(), y.end(), 0);
  for_each_pair(c, x.type.space, element_count(x.type), [&](int64_t i, int64_t j) { y[j] = x.values[i]; });
}
void evaluate_windows_grad(EvaluateContext& c) {
  HostTensor& dx = *c.results[0];
  std::fill(dx.values.begin(), dx.values.end(), 0);
  for_each_pair(c, dx.type.space, element_count(dx.type),
                [&](int64_t i, int64_t j) { dx.values[i] += c.operands[0]->values[j]; });
}

template <bool grad>
void lower_windows(CallBuilder& b) {
  const Attrs& attrs = b.node().attrs;
  const Type x = grad ? b.result_type(0) : b.operand_type(0);
  b.call(grad ? "windows_grad" : "windows", {b.operand(0), b.result(0)},
         {element_count(x), attr_int(attrs, "size"), attr_int(attrs, "before", 0)}, {}, {x.space});
}

std::vector<Sample> samples_windows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto window = [](int64_t size, int64_t before) { return Attrs{{"size", size}, {"before", before}}; };
  return {{{f32(id.t, {2})}, window(3, 1), {}}, {{f32(id.c, {2})}, window(2, 0), {}}, {{f32(id.t)}, window(4, 3), {}}};
}
std::vector<Sample> samples_windows_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto window = [](int64_t size, int64_t before) { return Attrs{{"size", size}, {"before", before}}; };
  return {{{f32(id.t, {2, 3})}, window(3, 1), {}}, {{f32(id.c, {2, 2})}, window(2, 0), {}}};
}

}  // namespace

const OpDef op_windows = {
    "windows",
    "y[d, j] = x[d] at j - before positions further, 0 outside the segment. {size, before}",
    1,
    1,
    infer_windows,
    gradient([](Context& g) { g.accumulate(0, g.build().must("windows_grad", {g.adjoint()}, g.node().attrs)); }),
    evaluate_windows,
    lower_call(lower_windows<false>),
    samples_windows};
const OpDef op_windows_grad = {
    "windows_grad",
    "Gradient of windows: every window gives back what it read. {size, before}",
    1,
    1,
    infer_windows_grad,
    gradient([](Context& g) { g.accumulate(0, g.build().must("windows", {g.adjoint()}, g.node().attrs)); }),
    evaluate_windows_grad,
    lower_call(lower_windows<true>),
    samples_windows_grad};

}  // namespace mtl::ops
