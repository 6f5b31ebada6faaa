// Softmax and its relatives along one static axis (default the last), and normalize (layer norm without its
// parameters) over the last.
#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

InferResult infer_along_axis(const InferContext& c) {
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, c.operands[0].rank());
  if (!axis) return axis.error();
  return infer_same_number(c);
}
InferResult infer_logsumexp(const InferContext& c) {
  InferResult result = infer_along_axis(c);
  if (!result) return result;
  std::vector<Dim>& dims = result->front().dims;
  dims.erase(dims.begin() + axis_of(c.attrs, static_cast<int>(dims.size())));
  return result;
}
InferResult infer_normalize(const InferContext& c) {
  if (c.operands[0].rank() < 1) {
    return shape_error(0, source_text(c.operands[0], c.spaces) + " has no features to normalize");
  }
  return infer_same_number(c);
}

// fn(element pointer-like reader and writer of one line along the axis)
template <class F>
void for_each_line(const EvaluateContext& c, const HostTensor& x, int axis, F fn) {
  const AxisView view = axis_view(x.type, axis, row_count(c, x.type.space));
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      fn(
          view.length, [&](int64_t i) { return (outer * view.length + i) * view.inner + inner; },
          outer * view.inner + inner);
    }
  }
}
template <class Index>
double log_sum_exp(const std::vector<double>& x, int64_t length, Index at) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < length; ++i) largest = std::max(largest, x[at(i)]);
  for (int64_t i = 0; i < length; ++i) sum += std::exp(x[at(i)] - largest);
  return largest + std::log(sum);
}

int axis_in(const EvaluateContext& c) {
  return axis_of(c.attrs, c.operands[0]->type.rank());
}

void evaluate_logsumexp(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  for_each_line(c, x, axis_in(c), [&](int64_t length, auto at, int64_t line) {
    c.results[0]->values[line] = log_sum_exp(x.values, length, at);
  });
}
template <bool log>
void evaluate_softmax(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  for_each_line(c, x, axis_in(c), [&](int64_t length, auto at, int64_t) {
    const double total = log_sum_exp(x.values, length, at);
    for (int64_t i = 0; i < length; ++i) {
      const double y = x.values[at(i)] - total;
      c.results[0]->values[at(i)] = log ? y : std::exp(y);
    }
  });
}

// Mean and 1 / sqrt(variance + eps) of a line.
struct Moments {
  double mean = 0, scale = 0;
};
Moments moments(const double* x, int64_t length, double eps) {
  Moments m;
  double variance = 0;
  for (int64_t i = 0; i < length; ++i) m.mean += x[i] / static_cast<double>(length);
  for (int64_t i = 0; i < length; ++i) variance += (x[i] - m.mean) * (x[i] - m.mean) / static_cast<double>(length);
  m.scale = 1 / std::sqrt(variance + eps);
  return m;
}
double epsilon(const Attrs& attrs) {
  return attr_number(attrs, "eps", 1e-5);
}

void evaluate_normalize(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int64_t length = x.type.dims.back().value();
  const double eps = epsilon(c.attrs);
  for (size_t begin = 0; begin < x.values.size(); begin += length) {
    const Moments m = moments(&x.values[begin], length, eps);
    for (int64_t i = 0; i < length; ++i) c.results[0]->values[begin + i] = (x.values[begin + i] - m.mean) * m.scale;
  }
}
// dx = scale (dy - mean(dy) - y mean(dy y)), y = (x - mean) scale
void evaluate_normalize_grad(EvaluateContext& c) {
  const std::vector<double>&dy = c.operands[0]->values, &x = c.operands[1]->values;
  const int64_t length = c.operands[0]->type.dims.back().value();
  const double eps = epsilon(c.attrs);
  for (size_t begin = 0; begin < x.size(); begin += length) {
    const Moments m = moments(&x[begin], length, eps);
    double mean_dy = 0, mean_dyy = 0;
    for (int64_t i = 0; i < length; ++i) {
      mean_dy += dy[begin + i] / static_cast<double>(length);
      mean_dyy += dy[begin + i] * (x[begin + i] - m.mean) * m.scale / static_cast<double>(length);
    }
    for (int64_t i = 0; i < length; ++i) {
      const double y = (x[begin + i] - m.mean) * m.scale;
      c.results[0]->values[begin + i] = m.scale * (dy[begin + i] - mean_dy - y * mean_dyy);
    }
  }
}

// ---- gradients ----
std::vector<Dim> axis_attr(Context& g) {
  return {axis_of(g.node().attrs, g.build().type(g.operand(0)).rank())};
}

// dx = y (dy - sum(dy y))
void softmax_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value y = g.result(), dy = g.adjoint();
  g.accumulate(0, b.mul(y, b.sub(dy, b.sum(b.mul(dy, y), axis_attr(g), true))));
}
// dx = dy - exp(y) sum(dy)
void log_softmax_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value dy = g.adjoint();
  g.accumulate(0, b.sub(dy, b.mul(b.must("exp", {g.result()}), b.sum(dy, axis_attr(g), true))));
}
// dx = dy exp(x - y)
void logsumexp_gradient(Context& g) {
  ir::Builder& b = g.build();
  std::vector<Dim> dims = b.type(g.operand(0)).dims;
  dims[axis_attr(g)[0].value()] = 1;
  const Value y = b.reshape(g.result(), dims), dy = b.reshape(g.adjoint(), dims);
  g.accumulate(0, b.mul(dy, b.must("exp", {b.sub(g.operand(0), y)})));
}
void normalize_gradient(Context& g) {
  g.accumulate(0, g.build().must("normalize_grad", {g.adjoint(), g.operand(0)}, {{"eps", epsilon(g.node().attrs)}}));
}

// ---- lowering ----
int axis_in(const RowBuilder& b) {
  return axis_of(b.node().attrs, b.operand_type(0).rank());
}

template <bool log>
void lower_softmax(RowBuilder& b) {
  const RowValue x = b.operand(0);
  const RowValue shifted = b.sub(x, b.reduce(Reduce::max, x, {axis_in(b)}));
  const RowValue exps = b.apply(Fn::exp, {shifted});
  const RowValue sum = b.reduce(Reduce::sum, exps, {axis_in(b)});
  b.result(0, log ? b.sub(shifted, b.apply(Fn::log, {sum})) : b.mul(exps, b.div(b.constant(1), sum)));
}
void lower_logsumexp(RowBuilder& b) {
  const RowValue x = b.operand(0), largest = b.reduce(Reduce::max, x, {axis_in(b)});
  const RowValue sum = b.reduce(Reduce::sum, b.apply(Fn::exp, {b.sub(x, largest)}), {axis_in(b)});
  b.result(0, b.reshape(b.add(largest, b.apply(Fn::log, {sum})), result_shape(b)));
}

struct RowMoments {
  RowValue centered, scale;
};
RowValue mean_of_last(RowBuilder& b, RowValue x) {
  const Shape shape = b.shape(x);
  const int last = static_cast<int>(shape.size()) - 1;
  return b.mul(b.reduce(Reduce::sum, x, {last}), b.constant(1.0 / static_cast<double>(shape.back())));
}
RowMoments row_moments(RowBuilder& b, RowValue x) {
  const RowValue centered = b.sub(x, mean_of_last(b, x));
  const RowValue variance = mean_of_last(b, b.mul(centered, centered));
  return {centered, b.apply(Fn::rsqrt, {b.add(variance, b.constant(epsilon(b.node().attrs)))})};
}
void lower_normalize(RowBuilder& b) {
  const RowMoments m = row_moments(b, b.operand(0));
  b.result(0, b.mul(m.centered, m.scale));
}
void lower_normalize_grad(RowBuilder& b) {
  const RowValue dy = b.operand(0);
  const RowMoments m = row_moments(b, b.operand(1));
  const RowValue y = b.mul(m.centered, m.scale);
  const RowValue along = b.mul(y, mean_of_last(b, b.mul(dy, y)));
  b.result(0, b.mul(m.scale, b.sub(b.sub(dy, mean_of_last(b, dy)), along)));
}

InferResult infer_normalize_grad(const InferContext& c) {
  if (c.operands[0].space != c.operands[1].space || c.operands[0].dims != c.operands[1].dims) {
    return disagreement(c, 0, 1, "an adjoint has the shape of its value");
  }
  return infer_normalize(c);
}

std::vector<Sample> samples_axis(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {4})}, {}, {}},
          {{f32(id.s, {2, 3})}, {{"axis", int64_t{0}}}, {}},
          {{f32(types::kUniform, {3, 2})}, {{"axis", int64_t{-1}}}, {}}};
}
std::vector<Sample> samples_normalize(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {4})}, {}, {}}, {{f32(id.s, {2, 3})}, {{"eps", 0.01}}, {}}};
}
std::vector<Sample> samples_normalize_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {4}), f32(id.t, {4})}, {}, {}}, {{f32(id.s, {2, 3}), f32(id.s, {2, 3})}, {{"eps", 0.01}}, {}}};
}

}  // namespace

const OpDef op_softmax = {"softmax",
                          "exp(x) / sum of exp(x) along `axis`. {axis = -1}",
                          1,
                          1,
                          infer_along_axis,
                          gradient(softmax_gradient),
                          evaluate_softmax<false>,
                          lower_row(lower_softmax<false>),
                          samples_axis};
const OpDef op_log_softmax = {"log_softmax",
                              "x - logsumexp(x) along `axis`. {axis = -1}",
                              1,
                              1,
                              infer_along_axis,
                              gradient(log_softmax_gradient),
                              evaluate_softmax<true>,
                              lower_row(lower_softmax<true>),
                              samples_axis};
const OpDef op_logsumexp = {"logsumexp",
                            "log of the sum of exp(x) along `axis`, which goes. {axis = -1}",
                            1,
                            1,
                            infer_logsumexp,
                            gradient(logsumexp_gradient),
                            evaluate_logsumexp,
                            lower_row(lower_logsumexp),
                            samples_axis};
const OpDef op_normalize = {"normalize",
                            "(x - mean) / sqrt(variance + eps) over the last dim (Ba et al. 2016). {eps = 1e-5}",
                            1,
                            1,
                            infer_normalize,
                            gradient(normalize_gradient),
                            evaluate_normalize,
                            lower_row(lower_normalize),
                            samples_normalize};
const OpDef op_normalize_grad = {"normalize_grad",
                                 "Gradient of normalize: (dy, x). {eps}",
                                 2,
                                 1,
                                 infer_normalize_grad,
                                 no_gradient("second derivatives are not supported"),
                                 evaluate_normalize_grad,
                                 lower_row(lower_normalize_grad),
                                 samples_normalize_grad};

}  // namespace mtl::ops
