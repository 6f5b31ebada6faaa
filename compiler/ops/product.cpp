// Matrix products. `linear` is x @ w^T of a uniform weight, and most of a network; `outer_sum` is its weight's
// gradient; `matmul` multiplies values that both depend on the row.
#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"
#include "runtime/kernels/bf16.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

bool is_transposed(const Attrs& attrs) {
  return attr_bool(attrs, "transposed");
}

// The values of an operand; under `precision = bf16` as bfloat16 holds them, in `rounded`.
const std::vector<double>& read(const HostTensor& operand, const Attrs& attrs, std::vector<double>& rounded) {
  if (!attr_bool(attrs, "bf16")) return operand.values;
  rounded.reserve(operand.values.size());
  for (const double x : operand.values) rounded.push_back(runtime::from_bf16(runtime::to_bf16(static_cast<float>(x))));
  return rounded;
}
std::string kernel(const char* name, const Attrs& attrs) {
  return std::string(name) + (attr_bool(attrs, "bf16") ? "_bf16" : "");
}

// ---- linear: y[n] = sum over k of x[k] w[n, k]; transposed: w[k, n] ----
InferResult infer_linear(const InferContext& c) {
  for (int i = 0; i < 2; ++i) {
    if (auto error = need_number(c, i)) return *error;
  }
  Type type = c.operands[0];
  const Type& weight = c.operands[1];
  if (auto error = need_uniform(c, 1, "a weight")) return *error;
  if (type.rank() < 1) return shape_error(0, source_text(type, c.spaces) + " has no features to multiply with");
  if (weight.rank() != 2) return shape_error(1, "a weight has two dimensions, not " + source_text(weight, c.spaces));
  const bool transposed = is_transposed(c.attrs);
  const Dim& inner = weight.dims[transposed ? 0 : 1];
  if (!can_equal(type.dims.back(), inner)) return disagreement(c, 0, 1, not_equal(type.dims.back(), inner));
  type.dims.back() = weight.dims[transposed ? 1 : 0];
  type.dtype = DType::f32;
  return Types{type};
}

void evaluate_linear(EvaluateContext& c) {
  const int64_t inner = c.operands[0]->type.dims.back().value(), outer = c.results[0]->type.dims.back().value();
  const int64_t step = is_transposed(c.attrs) ? outer : 1, start = is_transposed(c.attrs) ? 1 : inner;
  std::vector<double> rounded_x, rounded_w;
  const double* x = read(*c.operands[0], c.attrs, rounded_x).data();
  const double* w = read(*c.operands[1], c.attrs, rounded_w).data();
  std::vector<double>& y = c.results[0]->values;
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i) / outer, n = static_cast<int64_t>(i) % outer;
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k) sum += x[row * inner + k] * w[n * start + k * step];
    y[i] = sum;
  }
}

// dx = dy w (the weight the other way round); dw = sum of dy x^T
void linear_gradient(Context& g) {
  ir::Builder& b = g.build();
  const bool transposed = is_transposed(g.node().attrs);
  const Value x = g.operand(0), dy = g.adjoint();
  if (g.wants(0)) g.accumulate(0, b.must("linear", {dy, g.operand(1)}, {{"transposed", !transposed}}));
  if (g.wants(1)) {
    g.accumulate(1, transposed ? b.must("outer_sum", {x, dy}) : b.must("outer_sum", {dy, x}));
  }
}

int64_t rows_within(const Type& type, int last_dims) {
  int64_t rows = 1;
  for (int i = 0; i + last_dims < type.rank(); ++i) rows *= type.dims[i].value();
  return rows;
}

void lower_linear(CallBuilder& b) {
  const Type x = b.operand_type(0), y = b.result_type(0);
  b.call(kernel("matmul", b.node().attrs), {b.operand(0), b.operand(1), b.result(0)},
         {rows_within(x, 1), y.dims.back().value(), x.dims.back().value(), is_transposed(b.node().attrs) ? 0 : 1}, {},
         {x.space});
}

// ---- outer_sum: c[n, k] = sum over all rows and leading dims of a[n] b[k] ----
InferResult infer_outer_sum(const InferContext& c) {
  const Type &a = c.operands[0], &b = c.operands[1];
  for (int i = 0; i < 2; ++i) {
    if (auto error = need_number(c, i)) return *error;
  }
  if (a.space != b.space) return disagreement(c, 0, 1, "their rows are not the same");
  if (a.rank() < 1 || a.rank() != b.rank()) return disagreement(c, 0, 1, "their ranks are not the same");
  for (int i = 0; i + 1 < a.rank(); ++i) {
    if (!can_equal(a.dims[i], b.dims[i])) return disagreement(c, 0, 1, not_equal(a.dims[i], b.dims[i]));
  }
  return Types{f32(types::kUniform, {a.dims.back(), b.dims.back()})};
}

void evaluate_outer_sum(EvaluateContext& c) {
  const int64_t n = c.operands[0]->type.dims.back().value(), k = c.operands[1]->type.dims.back().value();
  std::vector<double> rounded_a, rounded_b;
  const std::vector<double>& a = read(*c.operands[0], c.attrs, rounded_a);
  const std::vector<double>& b = read(*c.operands[1], c.attrs, rounded_b);
  std::vector<double>& y = c.results[0]->values;
  std::fill(y.begin(), y.end(), 0);
  for (size_t row = 0; row * n < a.size(); ++row) {
    for (int64_t i = 0; i < n * k; ++i) y[i] += a[row * n + i / k] * b[row * k + i % k];
  }
}

// With G = dc: da = G b, db = G^T a
void outer_sum_gradient(Context& g) {
  ir::Builder& b = g.build();
  if (g.wants(0)) g.accumulate(0, b.must("linear", {g.operand(1), g.adjoint()}));
  if (g.wants(1)) g.accumulate(1, b.must("linear", {g.operand(0), g.adjoint()}, {{"transposed", true}}));
}

void lower_outer_sum(CallBuilder& b) {
  const Type x = b.operand_type(0), y = b.operand_type(1);
  b.call(kernel("matmul_rows", b.node().attrs), {b.operand(0), b.operand(1), b.result(0)},
         {rows_within(x, 1), x.dims.back().value(), y.dims.back().value()}, {}, {x.space});
}

// ---- matmul: batched over rows and leading static dims ----
struct Matmul {
  bool transpose_a = false, transpose_b = false;
  Dim m, n, k_a, k_b;
  std::vector<Dim> batch;  // leading static dims
  bool b_is_flat = false;  // b is one uniform matrix, whatever the batch
};

Matmul describe(const Attrs& attrs, const Type& a, const Type& b) {
  Matmul d;
  d.transpose_a = attr_bool(attrs, "transpose_a");
  d.transpose_b = attr_bool(attrs, "transpose_b");
  const auto dim = [](const Type& type, int from_end) { return type.dims[type.rank() - from_end]; };
  d.m = dim(a, d.transpose_a ? 1 : 2);
  d.k_a = dim(a, d.transpose_a ? 2 : 1);
  d.k_b = dim(b, d.transpose_b ? 1 : 2);
  d.n = dim(b, d.transpose_b ? 2 : 1);
  d.batch.assign(a.dims.begin(), a.dims.end() - 2);
  d.b_is_flat = b.space == types::kUniform && b.rank() == 2 && !d.transpose_a;
  return d;
}

InferResult infer_matmul(const InferContext& c) {
  const Type &a = c.operands[0], &b = c.operands[1];
  for (int i = 0; i < 2; ++i) {
    if (auto error = need_number(c, i)) return *error;
    if (c.operands[i].rank() < 2) {
      return shape_error(
          i, source_text(c.operands[i], c.spaces) + " is no matrix: its last two dimensions have to be fixed");
    }
  }
  Matmul d = describe(c.attrs, a, b);
  if (!can_equal(d.k_a, d.k_b)) {
    ShapeError error = disagreement(c, 0, 1, not_equal(d.k_a, d.k_b));
    if (b.dims.back() == a.dims.back() && !d.transpose_a && !d.transpose_b)
      error.help = "did you mean `transpose` of the right?";
    return error;
  }
  if (a.space != b.space && a.space != types::kUniform && b.space != types::kUniform) {
    return disagreement(c, 0, 1, "their rows are not the same");
  }
  if (!d.b_is_flat) {
    if (a.rank() != b.rank()) return disagreement(c, 0, 1, "their leading dimensions are not the same");
    for (size_t i = 0; i < d.batch.size(); ++i) {
      if (!can_equal(d.batch[i], b.dims[i])) return disagreement(c, 0, 1, not_equal(d.batch[i], b.dims[i]));
      d.batch[i] = known(d.batch[i], b.dims[i]);
    }
  }
  std::vector<Dim> dims = d.batch;
  dims.push_back(d.m);
  dims.push_back(d.n);
  return Types{f32(a.space == types::kUniform ? b.space : a.space, dims)};
}

void evaluate_matmul(EvaluateContext& c) {
  const HostTensor &a = *c.operands[0], &b = *c.operands[1];
  HostTensor& y = *c.results[0];
  const Matmul d = describe(c.attrs, a.type, b.type);
  const int64_t m = d.m.value(), n = d.n.value(), inner = d.k_a.value(), batch = product(d.batch).value();
  for (int64_t i = 0; i < row_count(c, y.type.space) * batch; ++i) {
    const double* left = &a.values[(a.type.space == types::kUniform ? i % batch : i) * m * inner];
    const bool b_repeats = b.type.space == types::kUniform;
    const double* right = &b.values[(d.b_is_flat ? 0 : b_repeats ? i % batch : i) * inner * n];
    for (int64_t e = 0; e < m * n; ++e) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += left[d.transpose_a ? k * m + e / n : e / n * inner + k] *
               right[d.transpose_b ? e % n * inner + k : k * n + e % n];
      }
      y.values[i * m * n + e] = sum;
    }
  }
}

// c = A B with A = op(a), B = op(b): dA = dc B^T, dB = A^T dc, each transposed back where the operand was.
void matmul_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value x = g.operand(0), w = g.operand(1), dy = g.adjoint();
  const Matmul d = describe(g.node().attrs, b.type(x), b.type(w));
  const auto multiply = [&](Value left, Value right, bool transpose_left, bool transpose_right) {
    return b.must("matmul", {left, right}, {{"transpose_a", transpose_left}, {"transpose_b", transpose_right}});
  };
  if (g.wants(0))
    g.accumulate(0, d.transpose_a ? multiply(w, dy, d.transpose_b, true) : multiply(dy, w, false, !d.transpose_b));
  if (!g.wants(1)) return;
  if (d.b_is_flat && b.type(x).space == b.type(dy).space) {  // summed over rows and batch at once
    g.accumulate(1, d.transpose_b ? b.must("outer_sum", {dy, x}) : b.must("outer_sum", {x, dy}));
  } else {
    g.accumulate(1, d.transpose_b ? multiply(dy, x, true, d.transpose_a) : multiply(x, dy, !d.transpose_a, false));
  }
}

void lower_matmul(CallBuilder& b) {
  const Type x = b.operand_type(0), w = b.operand_type(1), y = b.result_type(0);
  const Matmul d = describe(b.node().attrs, x, w);
  const int64_t m = d.m.value(), n = d.n.value(), k = d.k_a.value(), batch = product(d.batch).value();
  if (d.b_is_flat && x.space == y.space) {
    b.call("matmul", {b.operand(0), b.operand(1), b.result(0)}, {batch * m, n, k, d.transpose_b ? 1 : 0}, {},
           {x.space});
    return;
  }
  const auto is_repeated = [&](const Type& type) { return type.space != y.space ? 1 : 0; };
  b.call("matmul_batched", {b.operand(0), b.operand(1), b.result(0)},
         {batch, m, n, k, d.transpose_a ? 1 : 0, d.transpose_b ? 1 : 0, is_repeated(x), is_repeated(w)}, {}, {y.space});
}

// ---- cost ----
Dim flops_linear(const FlopsContext& c) {
  return 2 * c.elements(c.results[0]) * c.operands[0].dims.back();
}
Dim flops_outer_sum(const FlopsContext& c) {
  return 2 * c.elements(c.operands[0]) * c.operands[1].dims.back();
}
Dim flops_matmul(const FlopsContext& c) {
  const std::vector<Dim>& left = c.operands[0].dims;
  return 2 * c.elements(c.results[0]) * left[left.size() - (attr_bool(c.attrs, "transpose_a") ? 2 : 1)];
}

// ---- samples ----
Domain fixed() {
  Domain domain;
  domain.constant = true;
  return domain;
}
std::vector<Sample> samples_linear(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3}), f32(types::kUniform, {2, 3})}, {}, {}},
          {{f32(id.s, {2, 3}), f32(types::kUniform, {4, 3})}, {}, {}},
          {{f32(types::kUniform, {3}), f32(types::kUniform, {2, 3})}, {}, {}},
          {{f32(id.t, {3}), f32(types::kUniform, {3, 2})}, {{"transposed", true}}, {}},
          // Steps have no derivative: this form is made when gradients are there.
          {{f32(id.t, {3}), f32(types::kUniform, {2, 3})}, {{"bf16", true}}, {fixed(), fixed()}},
          {{f32(id.t, {3}), f32(types::kUniform, {3, 2})}, {{"bf16", true}, {"transposed", true}}, {fixed(), fixed()}}};
}
std::vector<Sample> samples_outer_sum(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3}), f32(id.t, {2})}, {}, {}},
          {{f32(id.s, {2, 3}), f32(id.s, {2, 2})}, {}, {}},
          {{f32(id.t, {3}), f32(id.t, {2})}, {{"bf16", true}}, {fixed(), fixed()}}};
}
std::vector<Sample> samples_matmul(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto flags = [](bool a, bool b) { return Attrs{{"transpose_a", a}, {"transpose_b", b}}; };
  constexpr SpaceId kU = types::kUniform;
  return {{{f32(id.t, {2, 3}), f32(id.t, {3, 2})}, {}, {}},
          {{f32(id.s, {3, 2}), f32(id.s, {4, 3})}, flags(true, true), {}},
          {{f32(id.s, {2, 2, 3}), f32(id.s, {2, 3, 4})}, {}, {}},
          {{f32(id.s, {2, 2, 3}), f32(kU, {2, 4, 3})}, flags(false, true), {}},
          {{f32(kU, {2, 3, 2}), f32(id.s, {2, 3, 2})}, flags(true, false), {}},
          {{f32(id.s, {2, 2, 3}), f32(kU, {3, 4})}, {}, {}},
          {{f32(id.t, {2, 3}), f32(kU, {4, 3})}, flags(false, true), {}},
          {{f32(kU, {2, 3}), f32(id.t, {3, 2})}, {}, {}},
          {{f32(kU, {2, 3}), f32(kU, {3, 4})}, {}, {}}};
}

}  // namespace

const OpDef op_linear = {
    "linear",
    "x w^T of a uniform weight [N, K]; {transposed}: x w of [K, N]. {bf16}: of operands rounded to bfloat16.",
    2,
    1,
    infer_linear,
    gradient(linear_gradient),
    evaluate_linear,
    lower_call(lower_linear),
    samples_linear,
    flops_linear};
const OpDef op_outer_sum = {
    "outer_sum",
    "Sum of a b^T over all rows and leading dims, uniform. {bf16}: of operands rounded to bfloat16.",
    2,
    1,
    infer_outer_sum,
    gradient(outer_sum_gradient),
    evaluate_outer_sum,
    lower_call(lower_outer_sum),
    samples_outer_sum,
    flops_outer_sum};
const OpDef op_matmul = {
    "matmul",
    "Matrix product of the last two dims, for each row and leading dim; one side may be uniform, and the right one "
    "then a single matrix. {transpose_a, transpose_b}",
    2,
    1,
    infer_matmul,
    gradient(matmul_gradient),
    evaluate_matmul,
    lower_call(lower_matmul),
    samples_matmul,
    flops_matmul};

}  // namespace mtl::ops
