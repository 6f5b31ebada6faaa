// Singular values of a matrix, and their gradient.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

std::optional<ShapeError> check_matrix(const InferContext& c) {
  if (auto error = need_number(c, 0)) return error;
  const Type& x = c.operands[0];
  if (x.rank() == 2 && x.dims[0].constant() && x.dims[1].constant()) return std::nullopt;
  return shape_error(0, source_text(x, c.spaces) + " is not a matrix");
}
InferResult infer_svd_values(const InferContext& c) {
  if (auto error = check_matrix(c)) return *error;
  Type type = c.operands[0];
  type.dims = {Dim(std::min(type.dims[0].value(), type.dims[1].value()))};
  return Types{type};
}
InferResult infer_svd_values_grad(const InferContext& c) {
  if (auto error = check_matrix(c)) return *error;
  return Types{c.operands[0]};
}

// By the eigenvectors of x^T x (Jacobi's rotations), or of x x^T where that is smaller.
struct Singular {
  int64_t rows, columns;  // rows >= columns
  std::vector<double> x, vectors, values;
  std::vector<int64_t> order;  // by falling value
};

void rotate(Singular& s, std::vector<double>& gram, int64_t p, int64_t q) {
  const int64_t n = s.columns;
  const double off = gram[p * n + q];
  if (off == 0) return;
  const double theta = 0.5 * std::atan2(2 * off, gram[q * n + q] - gram[p * n + p]);
  const double c = std::cos(theta), t = std::sin(theta);
  const auto turn = [&](double& a, double& b) {
    const double old = a;
    a = c * old - t * b;
    b = t * old + c * b;
  };
  for (int64_t i = 0; i < n; ++i) turn(gram[i * n + p], gram[i * n + q]);
  for (int64_t i = 0; i < n; ++i) turn(gram[p * n + i], gram[q * n + i]);
  for (int64_t i = 0; i < n; ++i) turn(s.vectors[i * n + p], s.vectors[i * n + q]);
}

Singular decompose(const double* x, int64_t m, int64_t n) {
  Singular s{std::max(m, n), std::min(m, n), {}, {}, {}, {}};
  s.x.resize(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) s.x[m >= n ? i * n + j : j * m + i] = x[i * n + j];
  const int64_t k = s.columns;
  std::vector<double> gram(k * k);
  s.vectors.assign(k * k, 0);
  for (int64_t p = 0; p < k; ++p) {
    s.vectors[p * k + p] = 1;
    for (int64_t q = 0; q < k; ++q)
      for (int64_t i = 0; i < s.rows; ++i) gram[p * k + q] += s.x[i * k + p] * s.x[i * k + q];
  }
  for (int sweep = 0; sweep < 40; ++sweep)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t q = p + 1; q < k; ++q) rotate(s, gram, p, q);
  for (int64_t p = 0; p < k; ++p) s.values.push_back(std::sqrt(std::max(0.0, gram[p * k + p])));
  s.order.resize(k);
  std::iota(s.order.begin(), s.order.end(), 0);
  std::stable_sort(s.order.begin(), s.order.end(), [&](int64_t a, int64_t b) { return s.values[a] > s.values[b]; });
  return s;
}

void evaluate_svd_values(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int64_t m = x.type.dims[0].value(), n = x.type.dims[1].value(), k = std::min(m, n);
  for (int64_t row = 0; row * m * n < std::ssize(x.values); ++row) {
    const Singular s = decompose(x.values.data() + row * m * n, m, n);
    for (int64_t i = 0; i < k; ++i) c.results[0]->values[row * k + i] = s.values[s.order[i]];
  }
}

// dx = sum of ds_k u_k v_k^T
void evaluate_svd_values_grad(EvaluateContext& c) {
  const HostTensor &x = *c.operands[0], &ds = *c.operands[1];
  std::vector<double>& dx = c.results[0]->values;
  std::fill(dx.begin(), dx.end(), 0);
  const int64_t m = x.type.dims[0].value(), n = x.type.dims[1].value(), k = std::min(m, n);
  for (int64_t row = 0; row * m * n < std::ssize(x.values); ++row) {
    const Singular s = decompose(x.values.data() + row * m * n, m, n);
    for (int64_t place = 0; place < k; ++place) {
      const int64_t p = s.order[place];
      if (s.values[p] < 1e-6 * s.values[s.order[0]] || s.values[p] == 0) continue;
      for (int64_t i = 0; i < s.rows; ++i) {
        double u = 0;
        for (int64_t j = 0; j < k; ++j) u += s.x[i * k + j] * s.vectors[j * k + p];
        u *= ds.values[row * k + place] / s.values[p];
        for (int64_t j = 0; j < k; ++j) {
          const int64_t at = m >= n ? i * n + j : j * n + i;
          dx[row * m * n + at] += u * s.vectors[j * k + p];
        }
      }
    }
  }
}

template <bool grad>
void lower_svd_values(CallBuilder& b) {
  const Type x = b.operand_type(0);
  const std::vector<int64_t> ints = {x.dims[0].value(), x.dims[1].value()};
  if (grad) {
    b.call("svd_values_grad", {b.operand(0), b.operand(1), b.result(0)}, ints, {}, {x.space});
  } else {
    b.call("svd_values", {b.operand(0), b.result(0)}, ints, {}, {x.space});
  }
}

std::vector<Sample> samples_svd_values(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3, 2})}, {}, {}}, {{f32(id.s, {2, 4})}, {}, {}}, {{f32(id.s, {1, 3})}, {}, {}}};
}
std::vector<Sample> samples_svd_values_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3, 2}), f32(id.t, {2})}, {}, {}}, {{f32(id.s, {2, 4}), f32(id.s, {2})}, {}, {}}};
}

}  // namespace

const OpDef op_svd_values = {"svd_values",
                             "The singular values of a matrix, from the greatest on.",
                             1,
                             1,
                             infer_svd_values,
                             gradient([](Context& g) {
                               g.accumulate(0, g.build().must("svd_values_grad", {g.operand(0), g.adjoint()}));
                             }),
                             evaluate_svd_values,
                             lower_call(lower_svd_values<false>),
                             samples_svd_values};
const OpDef op_svd_values_grad = {"svd_values_grad",
                                  "Gradient of svd_values: (x, ds), U diag(ds) V^T. 0 for singular values that are 0.",
                                  2,
                                  1,
                                  infer_svd_values_grad,
                                  no_gradient("it is a gradient itself"),
                                  evaluate_svd_values_grad,
                                  lower_call(lower_svd_values<true>),
                                  samples_svd_values_grad};

}  // namespace mtl::ops
