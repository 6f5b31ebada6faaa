// The products of packages against plain loops. The file is included, not linked: it takes the names of
// runtime/kernels/gemm.cpp. ctest runs this at every level of instruction sets.
#include "runtime/core/deploy/gemm_single.cpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "runtime/core/deploy/linear.h"

using namespace mtl::runtime;
using Vector = std::vector<float>;

namespace {

Vector random_vector(int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Vector out(static_cast<size_t>(n));
  for (float& x : out) x = normal(generator);
  return out;
}

// Rows of all operands are `gap` longer than need be, and nothing may be written there.
void check_product(void (*run)(const Gemm&), int64_t m, int64_t n, int64_t k, int role, int64_t gap) {
  const bool ta = role & 1, tb = role & 2, accumulate = role & 4;
  INFO(m << " x " << n << " x " << k << " role " << role << " gap " << gap);
  const int64_t lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + gap, ldc = n + gap;
  const Vector a = random_vector((ta ? k : m) * lda, 1), b = random_vector((tb ? n : k) * ldb, 2);
  const Vector before = random_vector(m * ldc, 3);
  Vector c = before;
  run({ta, tb, m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, accumulate});
  double off = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < ldc; ++j) {
      double expected = j >= n || accumulate ? before[static_cast<size_t>(i * ldc + j)] : 0.0;
      for (int64_t x = 0; j < n && x < k; ++x) {
        expected += static_cast<double>(a[static_cast<size_t>(ta ? x * lda + i : i * lda + x)]) *
                    b[static_cast<size_t>(tb ? j * ldb + x : x * ldb + j)];
      }
      const double found = std::fabs(c[static_cast<size_t>(i * ldc + j)] - expected);
      if (!(found <= off)) off = found;
    }
  }
  CHECK(off <= 4e-6 * std::sqrt(static_cast<double>(k + 1)));
}

void check_all(void (*run)(const Gemm&)) {
  const int64_t shapes[][3] = {{1, 1, 1},    {1, 512, 128}, {2, 30, 40},  {3, 7, 16},   {5, 33, 17}, {6, 64, 64},
                               {9, 100, 65}, {10, 72, 256}, {37, 8, 33},  {64, 72, 7},  {5, 100, 3}, {7, 33, 600},
                               {32, 20, 10}, {130, 65, 50}, {40, 30, 20}, {6, 1, 100},  {45, 2, 70}, {26, 130, 257},
                               {24, 66, 31}, {25, 129, 15}, {8, 200, 64}, {12, 49, 129}};
  for (const auto& [m, n, k] : shapes) {
    for (int role = 0; role < 8; ++role) check_product(run, m, n, k, role, role % 3);
  }
}

}  // namespace

TEST_CASE("gemm_single agrees with plain loops for every shape and role") {
  check_all(gemm_serial);
}

TEST_CASE("gemm_single needs no workspace") {
  CHECK(gemm_workspace(1000, 1000, 1000) == 0);
  check_product([](const Gemm& p) { gemm(p, nullptr); }, 37, 8, 33, 6, 1);
}

TEST_CASE("A packed linear layer agrees with plain loops, and a row with itself alone") {
  for (const int64_t rows : {1, 2, 5, 6, 7, 9, 40}) {
    for (const LinearShape shape :
         {LinearShape{32, 16}, {33, 7}, {40, 256}, {64, 257}, {129, 600}, {200, 1}, {256, 1024}}) {
      INFO(rows << " x " << shape.outputs << " x " << shape.inputs);
      const Vector x = random_vector(rows * shape.inputs, 1), w = random_vector(shape.outputs * shape.inputs, 2);
      Vector y(static_cast<size_t>(rows * shape.outputs)), plain = y;
      Vector panel(linear_panel_floats(shape), std::nanf(""));
      pack_linear(w.data(), shape, panel.data());
      linear_packed(rows, x.data(), panel.data(), y.data(), shape);
      linear(rows, x.data(), w.data(), plain.data(), shape);
      const float most = 1e-5f * std::sqrt(static_cast<float>(shape.inputs));
      CHECK(std::equal(y.begin(), y.end(), plain.begin(), [&](float a, float b) { return std::fabs(a - b) <= most; }));
      Vector alone(static_cast<size_t>(shape.outputs));
      linear_packed(1, x.data() + (rows - 1) * shape.inputs, panel.data(), alone.data(), shape);
      CHECK(std::equal(alone.begin(), alone.end(), y.end() - shape.outputs));
    }
  }
}

TEST_CASE("gemm_single of nothing") {
  for (int role = 0; role < 8; ++role) check_product(gemm_serial, 3, 4, 0, role, 1);
  float c = 7;
  gemm_serial(product_of(0, 1, 1, {nullptr, 1}, {nullptr, 1}, &c, 1));
  gemm_serial(product_of(1, 0, 1, {nullptr, 1}, {nullptr, 1}, &c, 1));
  CHECK(c == 7);
}
