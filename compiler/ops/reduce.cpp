// Reductions over static dims: sum, mean, prod, max, min, argmax, argmin.
//
// `axes` (missing: all), `keep` leaves the reduced dims as 1. `max` and `min` of two operands are elementwise and live
// here because they share the name.
#include <cmath>
#include <limits>

#include "compiler/ops/binary.h"
#include "compiler/ops/gradient_util.h"
#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

bool is_reduced(const std::vector<int>& axes, int axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

std::vector<Dim> reduced_dims(const Type& type, const std::vector<int>& axes, bool keep) {
  std::vector<Dim> dims;
  for (int i = 0; i < type.rank(); ++i) {
    if (!is_reduced(axes, i))
      dims.push_back(type.dims[i]);
    else if (keep)
      dims.push_back(1);
  }
  return dims;
}

InferResult infer_reduce(const InferContext& c) {
  if (auto error = need_number(c, 0)) return *error;
  Type type = c.operands[0];
  Result<std::vector<int>, ShapeError> axes = resolve_axes(c.attrs, type.rank());
  if (!axes) return axes.error();
  type.dims = reduced_dims(type, *axes, attr_bool(c.attrs, "keep"));
  type.dtype = DType::f32;
  return Types{type};
}

InferResult infer_arg(const InferContext& c) {
  if (auto error = need_number(c, 0)) return *error;
  Type type = c.operands[0];
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, type.rank());
  if (!axis) return axis.error();
  type.dims.erase(type.dims.begin() + *axis);
  type.dtype = DType::i32;
  return Types{type};
}

InferResult infer_extreme(const InferContext& c) {
  if (c.operands.size() == 2) return infer_arithmetic(c);
  if (c.operands.size() == 1) return infer_reduce(c);
  return shape_error(-1, "`max` and `min` take one value or two");
}

// Calls fn(result index, operand value), operand elements in order.
template <class F>
void for_each_reduced(EvaluateContext& c, F fn) {
  const HostTensor& x = *c.operands[0];
  const Shape shape = constant_shape(x.type);
  const std::vector<int> axes = axes_of(c.attrs, x.type.rank());
  const int64_t elements = shape_elements(shape);
  std::vector<int64_t> target(elements, 0);
  int64_t kept = 1;
  for (size_t d = shape.size(), inner = 1; d-- > 0; inner *= shape[d]) {
    if (is_reduced(axes, static_cast<int>(d))) continue;
    for (int64_t e = 0; e < elements; ++e) target[e] += e / static_cast<int64_t>(inner) % shape[d] * kept;
    kept *= shape[d];
  }
  for (size_t i = 0; i < x.values.size(); ++i) {
    fn(static_cast<int64_t>(i) / elements * kept + target[i % elements], x.values[i]);
  }
}

void evaluate_sum(EvaluateContext& c) {
  std::vector<double>& y = c.results[0]->values;
  std::fill(y.begin(), y.end(), 0);
  for_each_reduced(c, [&](int64_t i, double x) { y[i] += x; });
}
void evaluate_mean(EvaluateContext& c) {
  evaluate_sum(c);
  const double count = static_cast<double>(c.operands[0]->values.size()) / c.results[0]->values.size();
  for (double& y : c.results[0]->values) y /= count;
}
void evaluate_prod(EvaluateContext& c) {
  std::vector<double>& y = c.results[0]->values;
  std::fill(y.begin(), y.end(), 1);
  for_each_reduced(c, [&](int64_t i, double x) { y[i] *= x; });
}
template <bool max>
void evaluate_extreme(EvaluateContext& c) {
  if (c.operands.size() == 2) {
    evaluate_binary<[](double a, double b) { return (max ? a > b : a < b) ? a : b; }>(c);
    return;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double>& y = c.results[0]->values;
  std::fill(y.begin(), y.end(), max ? -kInfinity : kInfinity);
  for_each_reduced(c, [&](int64_t i, double x) { y[i] = (max ? x > y[i] : x < y[i]) ? x : y[i]; });
}
template <bool max>
void evaluate_arg(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const AxisView view = axis_view(x.type, axis_of(c.attrs, x.type.rank()), row_count(c, x.type.space));
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      const auto at = [&](int64_t i) { return x.values[(outer * view.length + i) * view.inner + inner]; };
      int64_t best = 0;
      for (int64_t i = 1; i < view.length; ++i) {
        if (max ? at(i) > at(best) : at(i) < at(best)) best = i;
      }
      c.results[0]->values[outer * view.inner + inner] = static_cast<double>(best);
    }
  }
}

// The adjoint (or the result) with the reduced dims back as 1.
Value kept(Context& g, Value value) {
  const Type type = g.build().type(g.operand(0));
  return g.build().reshape(value, reduced_dims(type, axes_of(g.node().attrs, type.rank()), true));
}

void prod_gradient(Context& g) {
  const std::vector<int> axes = axes_of(g.node().attrs, g.build().type(g.operand(0)).rank());
  accumulate_product(g, kept(g, g.adjoint()), "sum", "prod",
                     {{"axes", std::vector<Dim>(axes.begin(), axes.end())}, {"keep", true}});
}

// One operand: the adjoint goes to the first extreme of those reduced (one axis), or, over several axes, to all that
// are equal to it, in equal parts. Two operands: to the first if they are equal.
template <bool max>
void extreme_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value zero = b.constant(0);
  if (g.node().operands.size() == 2) {
    const Value first = b.must(max ? "ge" : "le", {g.operand(0), g.operand(1)});
    if (g.wants(0)) g.accumulate(0, b.where(first, g.adjoint(), zero));
    if (g.wants(1)) g.accumulate(1, b.where(first, zero, g.adjoint()));
    return;
  }
  const Value x = g.operand(0);
  const Type type = b.type(x);
  const std::vector<int> axes = axes_of(g.node().attrs, type.rank());
  if (axes.size() == 1) {
    const Value arg = kept(g, b.must(max ? "argmax" : "argmin", {x}, {{"axis", int64_t{axes[0]}}}));
    std::vector<Dim> dims(type.dims.size() - axes[0], 1);
    dims[0] = type.dims[axes[0]];
    const Value place = b.must("iota", {}, {{"dims", dims}, {"axis", int64_t{0}}});
    g.accumulate(0, b.where(b.must("eq", {place, b.must("to_f32", {arg})}), kept(g, g.adjoint()), zero));
    return;
  }
  const Value is_extreme = b.must("eq", {x, kept(g, g.result())});
  const Value count = b.sum(b.must("to_f32", {is_extreme}), std::vector<Dim>(axes.begin(), axes.end()), true);
  g.accumulate(0, b.where(is_extreme, b.div(kept(g, g.adjoint()), count), zero));
}

template <Reduce reduce>
void lower_reduce(RowBuilder& b) {
  const Type type = b.operand_type(0);
  const RowValue y = b.reduce(reduce, b.operand(0), axes_of(b.node().attrs, type.rank()));
  b.result(0, b.reshape(y, result_shape(b)));
}
template <Reduce reduce, Fn fn>
void lower_extreme(RowBuilder& b) {
  if (b.node().operands.size() == 2) return lower_binary<fn>(b);
  lower_reduce<reduce>(b);
}
void lower_mean(RowBuilder& b) {
  const Type type = b.operand_type(0);
  const std::vector<int> axes = axes_of(b.node().attrs, type.rank());
  const RowValue y = b.reduce(Reduce::sum, b.operand(0), axes);
  const double count = static_cast<double>(element_count(type)) / element_count(b.node().types[0]);
  b.result(0, b.mul(b.reshape(y, result_shape(b)), b.constant(1 / count)));
}
template <Reduce reduce>
void lower_arg(RowBuilder& b) {
  const RowValue y = b.reduce(reduce, b.operand(0), {axis_of(b.node().attrs, b.operand_type(0).rank())});
  b.result(0, b.reshape(y, result_shape(b)));
}

template <Kind kind>
std::vector<Sample> samples_reduce(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto axes = [](std::vector<Dim> list, bool keep) { return Attrs{{"axes", list}, {"keep", keep}}; };
  return {{{f32(id.t, {4})}, axes({-1}, false), {{kind}}},
          {{f32(id.t, {2, 3})}, axes({0}, false), {{kind}}},
          {{f32(id.s, {2, 3})}, axes({-1}, true), {{kind}}},
          {{f32(id.s, {2, 3, 2})}, axes({0, 2}, false), {{kind}}},
          {{f32(types::kUniform, {3, 2})}, {}, {{kind}}}};
}
std::vector<Sample> samples_extreme(const Spaces& spaces) {
  std::vector<Sample> samples = samples_reduce<Kind::distinct>(spaces);
  for (Sample& sample : samples_arithmetic(spaces, {Kind::distinct})) samples.push_back(std::move(sample));
  return samples;
}
std::vector<Sample> samples_arg(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {4})}, {}, {{Kind::distinct}}},
          {{f32(id.t, {2, 3})}, {{"axis", int64_t{0}}}, {{Kind::distinct}}},
          {{boolean(types::kUniform, {2, 3})}, {{"axis", int64_t{-1}}}, {}}};
}

}  // namespace

const OpDef op_sum = {"sum",
                      "Sum over `axes`. {axes, keep}",
                      1,
                      1,
                      infer_reduce,
                      gradient([](Context& g) {
                        g.accumulate(0, kept(g, g.adjoint()));  // dx = dy, repeated
                      }),
                      evaluate_sum,
                      lower_row(lower_reduce<Reduce::sum>),
                      samples_reduce<Kind::normal>};
const OpDef op_mean = {"mean",
                       "Mean over `axes`. {axes, keep}",
                       1,
                       1,
                       infer_reduce,
                       gradient([](Context& g) {
                         ir::Builder& b = g.build();  // dx = dy / n, repeated
                         const double n = static_cast<double>(element_count(b.type(g.operand(0)))) /
                                          element_count(b.type(g.result()));
                         g.accumulate(0, b.mul(kept(g, g.adjoint()), b.constant(1 / n)));
                       }),
                       evaluate_mean,
                       lower_row(lower_mean),
                       samples_reduce<Kind::normal>};
const OpDef op_prod = {"prod",
                       "Product over `axes`. {axes, keep}",
                       1,
                       1,
                       infer_reduce,
                       gradient(prod_gradient),
                       evaluate_prod,
                       lower_row(lower_reduce<Reduce::prod>),
                       samples_reduce<Kind::normal>};
const OpDef op_max = {"max",
                      "Largest over `axes`, or the larger of two operands. {axes, keep}",
                      -1,
                      1,
                      infer_extreme,
                      gradient(extreme_gradient<true>),
                      evaluate_extreme<true>,
                      lower_row(lower_extreme<Reduce::max, Fn::max>),
                      samples_extreme};
const OpDef op_min = {"min",
                      "Smallest over `axes`, or the smaller of two operands. {axes, keep}",
                      -1,
                      1,
                      infer_extreme,
                      gradient(extreme_gradient<false>),
                      evaluate_extreme<false>,
                      lower_row(lower_extreme<Reduce::min, Fn::min>),
                      samples_extreme};
const OpDef op_argmax = {"argmax",
                         "Where the largest along `axis` (default the last) is; the first if several. {axis}",
                         1,
                         1,
                         infer_arg,
                         no_gradient("an id has no derivative"),
                         evaluate_arg<true>,
                         lower_row(lower_arg<Reduce::argmax>),
                         samples_arg};
const OpDef op_argmin = {"argmin",
                         "Where the smallest along `axis` (default the last) is; the first if several. {axis}",
                         1,
                         1,
                         infer_arg,
                         no_gradient("an id has no derivative"),
                         evaluate_arg<false>,
                         lower_row(lower_arg<Reduce::argmin>),
                         samples_arg};

}  // namespace mtl::ops
