// Singular values by one-sided Jacobi rotations (Hestenes 1958): columns are turned until all are at right angles;
// their lengths are the singular values. In double, as the squares of small ones would be lost.
#include <algorithm>
#include <cmath>

#include "runtime/core/kernels/all.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int kSweeps = 30;
constexpr double kRightAngle = 1e-14;

// A matrix with no more columns than rows, column by column; `turned` has the rotations, as columns too.
struct Turning {
  int64_t rows, columns;
  double *x, *turned, *values;
};

size_t floats_of(int64_t m, int64_t n) {
  const int64_t k = std::min(m, n);
  return 2 * (padded(m * n) + padded(k * k) + padded(k));
}

Turning load(const float* x, int64_t m, int64_t n, void* workspace) {
  Carver carver(workspace);
  const auto doubles = [&](int64_t count) { return reinterpret_cast<double*>(carver.floats(2 * count)); };
  const int64_t k = std::min(m, n);
  Turning t{std::max(m, n), k, doubles(m * n), doubles(k * k), doubles(k)};
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) t.x[m >= n ? j * m + i : i * n + j] = static_cast<double>(x[i * n + j]);
  for (int64_t i = 0; i < k * k; ++i) t.turned[i] = i % (k + 1) == 0 ? 1 : 0;
  return t;
}

void turn(double* a, double* b, int64_t count, double c, double s) {
  for (int64_t i = 0; i < count; ++i) {
    const double old = a[i];
    a[i] = c * old - s * b[i];
    b[i] = s * old + c * b[i];
  }
}

bool turn_columns(Turning& t, int64_t p, int64_t q) {
  double *a = t.x + p * t.rows, *b = t.x + q * t.rows;
  double aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < t.rows; ++i) {
    aa += a[i] * a[i];
    bb += b[i] * b[i];
    ab += a[i] * b[i];
  }
  if (std::abs(ab) <= kRightAngle * std::sqrt(aa * bb)) return false;
  const double angle = 0.5 * std::atan2(2 * ab, bb - aa);
  turn(a, b, t.rows, std::cos(angle), std::sin(angle));
  turn(t.turned + p * t.columns, t.turned + q * t.columns, t.columns, std::cos(angle), std::sin(angle));
  return true;
}

void turn_all(Turning& t) {
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool any = false;
    for (int64_t p = 0; p < t.columns; ++p)
      for (int64_t q = p + 1; q < t.columns; ++q) any = turn_columns(t, p, q) || any;
    if (!any) break;
  }
  for (int64_t p = 0; p < t.columns; ++p) {
    double sum = 0;
    for (int64_t i = 0; i < t.rows; ++i) sum += t.x[p * t.rows + i] * t.x[p * t.rows + i];
    t.values[p] = std::sqrt(sum);
  }
}

// The place of column p among all, by falling value; of equal ones the first comes first.
int64_t place_of(const Turning& t, int64_t p) {
  int64_t place = 0;
  for (int64_t q = 0; q < t.columns; ++q)
    place += t.values[q] > t.values[p] || (t.values[q] == t.values[p] && q < p) ? 1 : 0;
  return place;
}

}  // namespace

size_t svd_values_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * floats_of(query.ints[0], query.ints[1]);
}

void svd_values(const KernelArgs& args) {
  const int64_t m = args.ints[0], n = args.ints[1], k = std::min(m, n);
  for (int64_t row = 0; row < args.spaces[0]->rows; ++row) {
    Turning t = load(buffer<float>(args, 0) + row * m * n, m, n, args.workspace);
    turn_all(t);
    for (int64_t p = 0; p < k; ++p) buffer<float>(args, 1)[row * k + place_of(t, p)] = static_cast<float>(t.values[p]);
  }
}

size_t svd_values_grad_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * floats_of(query.ints[0], query.ints[1]);
}

void svd_values_grad(const KernelArgs& args) {
  const int64_t m = args.ints[0], n = args.ints[1], k = std::min(m, n);
  for (int64_t row = 0; row < args.spaces[0]->rows; ++row) {
    Turning t = load(buffer<float>(args, 0) + row * m * n, m, n, args.workspace);
    turn_all(t);
    const double greatest = k > 0 ? *std::max_element(t.values, t.values + k) : 0;
    float* dx = buffer<float>(args, 2) + row * m * n;
    std::fill_n(dx, m * n, 0.0f);
    for (int64_t p = 0; p < k; ++p) {
      if (t.values[p] <= 1e-6 * greatest) continue;
      const double scale = static_cast<double>(buffer<float>(args, 1)[row * k + place_of(t, p)]) / t.values[p];
      for (int64_t i = 0; i < t.rows; ++i)
        for (int64_t j = 0; j < k; ++j)
          dx[m >= n ? i * n + j : j * n + i] += static_cast<float>(scale * t.x[p * t.rows + i] * t.turned[p * k + j]);
    }
  }
}

}  // namespace mtl::runtime::kernels
