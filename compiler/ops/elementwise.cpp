// Elementwise ops of one operand: each is one line of formulas. y is the result, dy its adjoint.
#include <cmath>
#include <numbers>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

template <Kind kind>
std::vector<Sample> samples_of(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {
      {{f32(id.t, {3})}, {}, {{kind}}}, {{f32(types::kUniform)}, {}, {{kind}}}, {{f32(id.s, {2, 2})}, {}, {{kind}}}};
}
std::vector<Sample> samples_boolean(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{boolean(id.t)}, {}, {{Kind::boolean, 0, true}}}};
}

InferResult infer_not(const InferContext& c) {
  if (c.operands[0].dtype != DType::boolean) {
    return shape_error(0, source_text(c.operands[0], c.spaces) + " is no truth value", "compare it: `x > 0`");
  }
  return Types{c.operands[0]};
}
InferResult infer_is_nan(const InferContext& c) {
  InferResult result = infer_same_number(c);
  if (result) result->front().dtype = DType::boolean;
  return result;
}
template <DType dtype>
InferResult infer_convert(const InferContext& c) {
  Type type = c.operands[0];
  type.dtype = dtype;
  return Types{type};
}

// An op on f32 with a gradient.
OpDef unary(const char* name, const char* doc, EvaluateFn evaluate, GradientFn backward, void (*lower)(RowBuilder&),
            SamplesFn samples = samples_of<Kind::normal>) {
  return {name, doc, 1, 1, infer_same_number, gradient(backward), evaluate, lower_row(lower), samples};
}

// ---- formulas ----
double sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}
double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double normal_cdf(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

Value relu_mask(Context& g) {
  return g.build().must("gt", {g.result(), g.build().constant(0)});  // the result is kept anyway
}

// d gelu(x) = Phi(x) + x phi(x), where Phi and phi are the normal distribution's cdf and density.
void gelu_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value x = g.operand(0);
  const Value erf = b.must("erf", {b.mul(x, b.constant(1 / std::numbers::sqrt2))});
  const Value cdf = b.add(b.mul(erf, b.constant(0.5)), b.constant(0.5));
  const Value bell = b.must("exp", {b.mul(b.must("square", {x}), b.constant(-0.5))});
  const Value density = b.mul(bell, b.constant(1 / std::sqrt(2 * std::numbers::pi)));
  g.accumulate(0, b.mul(g.adjoint(), b.add(cdf, b.mul(x, density))));
}
// d (x s(x)) = s (1 + x (1 - s)), s = sigmoid(x)
void silu_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value x = g.operand(0), s = b.must("sigmoid", {x}), one = b.constant(1);
  g.accumulate(0, b.mul(g.adjoint(), b.mul(s, b.add(one, b.mul(x, b.sub(one, s))))));
}
// d erf(x) = 2 / sqrt(pi) exp(-x^2)
void erf_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value bell = b.must("exp", {b.neg(b.must("square", {g.operand(0)}))});
  g.accumulate(0, b.mul(g.adjoint(), b.mul(bell, b.constant(2 / std::sqrt(std::numbers::pi)))));
}

void lower_gelu(RowBuilder& b) {  // x / 2 (1 + erf(x / sqrt 2))
  const RowValue x = b.operand(0);
  const RowValue erf = b.apply(Fn::erf, {b.mul(x, b.constant(1 / std::numbers::sqrt2))});
  b.result(0, b.mul(b.mul(x, b.constant(0.5)), b.add(b.constant(1), erf)));
}
void lower_softplus(RowBuilder& b) {  // max(x, 0) + log(1 + exp(-|x|))
  const RowValue x = b.operand(0);
  const RowValue tail = b.apply(Fn::exp, {b.apply(Fn::neg, {b.apply(Fn::abs, {x})})});
  b.result(0, b.add(b.apply(Fn::max, {x, b.constant(0)}), b.apply(Fn::log, {b.add(b.constant(1), tail)})));
}

constexpr const char* kStep = "it is piecewise constant";
constexpr const char* kTruth = "truth values have no derivative";

}  // namespace

const OpDef op_neg = unary(
    "neg", "-x.", evaluate_unary<[](double x) { return -x; }>,
    [](Context& g) { g.accumulate(0, g.build().neg(g.adjoint())); }, lower_unary<Fn::neg>);
const OpDef op_exp = unary(
    "exp", "e to the x.", evaluate_unary<[](double x) { return std::exp(x); }>,
    // dx = dy y
    [](Context& g) { g.accumulate(0, g.build().mul(g.adjoint(), g.result())); }, lower_unary<Fn::exp>);
const OpDef op_log = unary(
    "log", "Natural logarithm.", evaluate_unary<[](double x) { return std::log(x); }>,
    // dx = dy / x
    [](Context& g) { g.accumulate(0, g.build().div(g.adjoint(), g.operand(0))); }, lower_unary<Fn::log>,
    samples_of<Kind::positive>);
const OpDef op_sqrt = unary(
    "sqrt", "Square root.", evaluate_unary<[](double x) { return std::sqrt(x); }>,
    [](Context& g) {  // dx = dy / (2 y)
      g.accumulate(0, g.build().div(g.build().mul(g.adjoint(), g.build().constant(0.5)), g.result()));
    },
    lower_unary<Fn::sqrt>, samples_of<Kind::positive>);
const OpDef op_abs = unary(
    "abs", "|x|.", evaluate_unary<[](double x) { return std::abs(x); }>,
    [](Context& g) {  // dx = dy sign(x)
      g.accumulate(0, g.build().mul(g.adjoint(), g.build().must("sign", {g.operand(0)})));
    },
    lower_unary<Fn::abs>);
const OpDef op_sign = {"sign",
                       "-1, 0 or 1.",
                       1,
                       1,
                       infer_same_number,
                       no_gradient(kStep),
                       evaluate_unary<sign>,
                       lower_row(lower_unary<Fn::sign>),
                       samples_of<Kind::normal>};
const OpDef op_tanh = unary(
    "tanh", "Hyperbolic tangent.", evaluate_unary<[](double x) { return std::tanh(x); }>,
    [](Context& g) {  // dx = dy (1 - y^2)
      ir::Builder& b = g.build();
      g.accumulate(0, b.mul(g.adjoint(), b.sub(b.constant(1), b.must("square", {g.result()}))));
    },
    lower_unary<Fn::tanh>);
const OpDef op_sigmoid = unary(
    "sigmoid", "1 / (1 + exp(-x)).", evaluate_unary<sigmoid>,
    [](Context& g) {  // dx = dy y (1 - y)
      ir::Builder& b = g.build();
      g.accumulate(0, b.mul(g.adjoint(), b.mul(g.result(), b.sub(b.constant(1), g.result()))));
    },
    lower_unary<Fn::sigmoid>);
const OpDef op_relu = unary(
    "relu", "max(x, 0).", evaluate_unary<[](double x) { return (x > 0) ? x : 0.0; }>,
    [](Context& g) {  // dx = dy where x > 0
      g.accumulate(0, g.build().where(relu_mask(g), g.adjoint(), g.build().constant(0)));
    },
    [](RowBuilder& b) {
      b.result(0, b.apply(Fn::max, {b.operand(0), b.constant(0)}));
    });
const OpDef op_erf = unary("erf", "The error function.", evaluate_unary<[](double x) { return std::erf(x); }>,
                           erf_gradient, lower_unary<Fn::erf>);
const OpDef op_gelu = unary("gelu", "x Phi(x), with the exact normal distribution (Hendrycks & Gimpel 2016).",
                            evaluate_unary<[](double x) { return x * normal_cdf(x); }>, gelu_gradient, lower_gelu);
const OpDef op_silu =
    unary("silu", "x sigmoid(x).", evaluate_unary<[](double x) { return x * sigmoid(x); }>, silu_gradient,
          [](RowBuilder& b) { b.result(0, b.mul(b.operand(0), b.apply(Fn::sigmoid, {b.operand(0)}))); });
const OpDef op_softplus = unary(
    "softplus", "log(1 + exp(x)).", evaluate_unary<softplus>,
    [](Context& g) {  // dx = dy sigmoid(x)
      g.accumulate(0, g.build().mul(g.adjoint(), g.build().must("sigmoid", {g.operand(0)})));
    },
    lower_softplus);
const OpDef op_square = unary(
    "square", "x^2.", evaluate_unary<[](double x) { return x * x; }>,
    [](Context& g) {  // dx = 2 dy x
      ir::Builder& b = g.build();
      g.accumulate(0, b.mul(b.mul(g.adjoint(), b.constant(2)), g.operand(0)));
    },
    [](RowBuilder& b) { b.result(0, b.mul(b.operand(0), b.operand(0))); });
const OpDef op_reciprocal = unary(
    "reciprocal", "1 / x.", evaluate_unary<[](double x) { return 1 / x; }>,
    [](Context& g) {  // dx = -dy y^2
      ir::Builder& b = g.build();
      g.accumulate(0, b.neg(b.mul(g.adjoint(), b.must("square", {g.result()}))));
    },
    [](RowBuilder& b) { b.result(0, b.div(b.constant(1), b.operand(0))); }, samples_of<Kind::positive>);

const OpDef op_not = {"not",
                      "Whether the operand is false.",
                      1,
                      1,
                      infer_not,
                      no_gradient(kTruth),
                      evaluate_unary<[](double x) { return x == 0 ? 1.0 : 0.0; }>,
                      lower_row(lower_unary<Fn::logical_not>),
                      samples_boolean};
const OpDef op_is_nan = {"is_nan",
                         "Whether a number is missing.",
                         1,
                         1,
                         infer_is_nan,
                         no_gradient(kTruth),
                         evaluate_unary<[](double x) { return std::isnan(x) ? 1.0 : 0.0; }>,
                         lower_row(lower_unary<Fn::is_nan>),
                         samples_of<Kind::normal>};
const OpDef op_to_f32 = {"to_f32", "Ids and truth values as numbers; of numbers, themselves.", 1, 1,
                         infer_convert<DType::f32>,
                         // Only numbers want a gradient; of ids and truth values there is none.
                         gradient([](Context& g) { g.accumulate(0, g.adjoint()); }), evaluate_copy,
                         lower_row(lower_unary<Fn::to_f32>), +[](const Spaces& spaces) -> std::vector<Sample> {
                           const SampleSpaces id = sample_ids(spaces);
                           return {{{i32(id.t)}, {}, {ids_below(5)}},
                                   {{boolean(id.s, {2})}, {}, {{Kind::boolean, 0, true}}},
                                   {{f32(id.s)}, {}, {}}};
                         }};
const OpDef op_to_i32 = {"to_i32",
                         "Numbers as ids, rounded towards zero.",
                         1,
                         1,
                         infer_convert<DType::i32>,
                         no_gradient(kStep),
                         evaluate_unary<[](double x) { return std::trunc(x); }>,
                         lower_row(lower_unary<Fn::to_i32>),
                         samples_of<Kind::positive>};

const OpDef op_stop_gradient = {"stop_gradient",
                                "The operand, through which no gradient flows.",
                                1,
                                1,
                                infer_same,
                                no_gradient("this is what it is for"),
                                evaluate_copy,
                                lower_alias(),
                                samples_of<Kind::normal>};
const OpDef op_version = {
    "version",
    "The operand, which is of one task whichever task it is computed for (compiler/elaborate/tensors/versions.h). {of}",
    1,
    1,
    infer_same,
    gradient([](Context& g) { g.accumulate(0, g.adjoint()); }),
    evaluate_copy,
    lower_alias(),
    +[](const Spaces& spaces) -> std::vector<Sample> {
      return {{{f32(sample_ids(spaces).t, {3})}, {{"of", std::string("task")}}, {}}};
    }};
const OpDef op_reverse_gradient = {
    "reverse_gradient",
    "The operand; its gradient is turned round (Ganin & Lempitsky 2015). {scale = 1}",
    1,
    1,
    infer_same_number,
    gradient([](Context& g) {  // dx = -scale dy
      const double scale = attr_number(g.node().attrs, "scale", 1);
      g.accumulate(0, g.build().mul(g.adjoint(), g.build().constant(-scale)));
    }),
    evaluate_copy,
    lower_alias(),
    +[](const Spaces& spaces) -> std::vector<Sample> {
      // No finite differences: this gradient is not that of the value, by design.
      return {{{f32(sample_ids(spaces).t, {3})}, {{"scale", 0.5}}, {{Kind::normal, 0, true}}}};
    }};

}  // namespace mtl::ops
