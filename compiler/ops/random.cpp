// Random ops. Numbers are those of runtime/core/random.h: a stream for (seed, step, key), a row's identity, the element
// in the row; so the backward pass draws the same mask from the same key, whatever the batch looks like.
#include "runtime/core/random.h"

#include <cmath>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

// fn(result index, number in [0, 1))
template <class F>
void for_each_number(EvaluateContext& c, F fn) {
  const HostTensor& y = *c.results[0];
  const int64_t elements = element_count(y.type);
  const uint64_t stream = runtime::random_stream(c.seed, c.step, attr_key(c.attrs));
  const HostSpace& host = c.host_spaces[y.type.space];
  for (int64_t row = 0; row < host.rows; ++row) {
    const uint64_t identity = y.type.space == types::kUniform ? 0 : host.identity[row];
    const uint64_t key = runtime::random_row(stream, identity);
    for (int64_t e = 0; e < elements; ++e) {
      fn(row * elements + e, runtime::random_unit(runtime::random_bits(key, static_cast<uint32_t>(e))));
    }
  }
}

double rate_of(const Attrs& attrs) {
  return attr_number(attrs, "rate");
}

InferResult infer_dropout(const InferContext& c) {
  const double rate = rate_of(c.attrs);
  if (!(rate >= 0 && rate < 1)) return shape_error(-1, "a dropout rate is at least 0 and below 1");
  return infer_same_number(c);
}

void evaluate_dropout(EvaluateContext& c) {
  const float rate = static_cast<float>(rate_of(c.attrs));
  for_each_number(c, [&](int64_t i, float number) {
    c.results[0]->values[i] = number < rate ? 0 : c.operands[0]->values[i] / (1 - rate_of(c.attrs));
  });
}

void lower_dropout(RowBuilder& b) {
  const double rate = rate_of(b.node().attrs);
  const RowValue number = b.random(result_shape(b), attr_key(b.node().attrs));
  const RowValue keep = b.apply(Fn::ge, {number, b.constant(rate)});
  b.result(0, b.select(keep, b.mul(b.operand(0), b.constant(1 / (1 - rate))), b.constant(0)));
}

// The inverse of the normal distribution's cdf at u in (0, 1): sqrt(2) erfinv(2 u - 1), with the polynomials of Giles,
// "Approximating the erfinv function" (2012), good to single precision.
constexpr double kCenter[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                              -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
constexpr double kTail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                            -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
// Numbers have 24 bits; half a bit more keeps 0 out.
constexpr double kHalfBit = 0x1p-25;

double inverse_normal(double u) {
  const double x = 2 * (u + kHalfBit) - 1, w = -std::log((1 - x) * (1 + x));
  const bool is_center = w < 5;
  const double at = is_center ? w - 2.5 : std::sqrt(w) - 3;
  double y = 0;
  for (const double coefficient : is_center ? kCenter : kTail) y = y * at + coefficient;
  return std::sqrt(2.0) * x * y;
}

RowValue polynomial(RowBuilder& b, const double (&coefficients)[9], RowValue at) {
  RowValue y = b.constant(coefficients[0]);
  for (int i = 1; i < 9; ++i) y = b.add(b.mul(y, at), b.constant(coefficients[i]));
  return y;
}

void lower_normal_noise(RowBuilder& b) {
  const RowValue one = b.constant(1);
  const RowValue u = b.random(result_shape(b), attr_key(b.node().attrs));
  const RowValue x = b.sub(b.mul(b.constant(2), b.add(u, b.constant(kHalfBit))), one);
  const RowValue w = b.apply(Fn::neg, {b.apply(Fn::log, {b.mul(b.sub(one, x), b.add(one, x))})});
  const RowValue center = polynomial(b, kCenter, b.sub(w, b.constant(2.5)));
  const RowValue tail = polynomial(b, kTail, b.sub(b.apply(Fn::sqrt, {w}), b.constant(3)));
  const RowValue y = b.select(b.apply(Fn::lt, {w, b.constant(5)}), center, tail);
  b.result(0, b.mul(b.mul(b.constant(std::sqrt(2.0)), x), y));
}

std::vector<Sample> samples_keyed(const Spaces& spaces, Attrs attrs) {
  const SampleSpaces id = sample_ids(spaces);
  std::vector<Sample> samples;
  for (const Type& type : {f32(id.t, {5}), f32(id.c), f32(types::kUniform, {4}), f32(id.s, {2, 3})}) {
    attrs["key"] = static_cast<int64_t>(0x9E3779B97F4A7C15ull + samples.size());
    samples.push_back({{type}, attrs, {}});
  }
  return samples;
}
std::vector<Sample> samples_dropout(const Spaces& spaces) {
  return samples_keyed(spaces, {{"rate", 0.4}});
}
std::vector<Sample> samples_noise(const Spaces& spaces) {
  return samples_keyed(spaces, {});
}

constexpr const char* kNoise = "noise does not depend on the operand, which only lends its shape";

}  // namespace

const OpDef op_dropout = {"dropout",
                          "x / (1 - rate), or 0 with probability `rate` (Srivastava et al. 2014). {rate, key}",
                          1,
                          1,
                          infer_dropout,
                          gradient([](Context& g) {  // the same mask on dy
                            g.accumulate(0, g.build().must("dropout", {g.adjoint()}, g.node().attrs));
                          }),
                          evaluate_dropout,
                          lower_row(lower_dropout),
                          samples_dropout};
const OpDef op_uniform_noise = {
    "uniform_noise",
    "Uniform numbers in [0, 1), in the shape of the operand. {key}",
    1,
    1,
    infer_same_number,
    no_gradient(kNoise),
    +[](EvaluateContext& c) { for_each_number(c, [&](int64_t i, float number) { c.results[0]->values[i] = number; }); },
    lower_row([](RowBuilder& b) { b.result(0, b.random(result_shape(b), attr_key(b.node().attrs))); }),
    samples_noise};
const OpDef op_normal_noise = {
    "normal_noise",
    "Normal numbers (mean 0, deviation 1), in the shape of the operand. {key}",
    1,
    1,
    infer_same_number,
    no_gradient(kNoise),
    +[](EvaluateContext& c) {
      for_each_number(c, [&](int64_t i, float number) { c.results[0]->values[i] = inverse_normal(number); });
    },
    lower_row(lower_normal_noise),
    samples_noise};

}  // namespace mtl::ops
