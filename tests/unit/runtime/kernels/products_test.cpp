// gemm and the matmul kernels against plain loops in double.
#include <array>
#include <limits>

#include "runtime/core/gemm.h"
#include "runtime/kernels/bf16.h"
#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

namespace {

std::vector<double> naive(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float* a, const float* b) {
  std::vector<double> c(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t x = 0; x < k; ++x) {
        c[i * n + j] += static_cast<double>(ta ? a[x * m + i] : a[i * k + x]) * (tb ? b[j * k + x] : b[x * n + j]);
      }
    }
  }
  return c;
}

}  // namespace

TEST_CASE("gemm agrees with plain loops for every shape and role") {
  const int64_t shapes[][3] = {{1, 1, 1},   {1, 256, 128}, {2, 30, 40},   {3, 7, 16},    {600, 7, 256}, {37, 8, 33},
                               {64, 72, 7}, {5, 100, 3},   {7, 33, 600},  {32, 20, 10},  {130, 64, 50}, {40, 300, 20},
                               {6, 1, 100}, {45, 2, 70},   {0, 4, 4},     {4, 0, 4},     {4, 4, 0},     {250, 90, 64},
                               {17, 19, 8}, {97, 83, 700}, {48, 64, 512}, {33, 32, 1000}};
  for (const auto& [m, n, k] : shapes) {
    for (int role = 0; role < 8; ++role) {
      const bool ta = role & 1, tb = role & 2, accumulate = role & 4;
      INFO(m << " x " << n << " x " << k << " role " << role);
      const Vector a = random_vector(static_cast<size_t>(m * k), 1), b = random_vector(static_cast<size_t>(n * k), 2);
      Vector c = random_vector(static_cast<size_t>(m * n), 3);
      std::vector<double> expected = naive(ta, tb, m, n, k, a.data(), b.data());
      for (size_t i = 0; accumulate && i < c.size(); ++i) expected[i] += c[i];
      multiply({.transpose_a = ta,
                .transpose_b = tb,
                .m = m,
                .n = n,
                .k = k,
                .a = a.data(),
                .lda = ta ? m : k,
                .b = b.data(),
                .ldb = tb ? k : n,
                .c = c.data(),
                .ldc = n,
                .accumulate = accumulate});
      CHECK(difference(c, expected) < 2e-6 * std::sqrt(static_cast<double>(k + 1)));
    }
  }
}

TEST_CASE("gemm gives the same bits on any number of threads") {
  const int64_t shapes[][3] = {{600, 256, 128}, {250, 512, 128}, {72, 256, 900},
                               {600, 7, 256},   {33, 1024, 70},  {20, 20, 20}};
  for (const auto& [m, n, k] : shapes) {
    for (int role = 0; role < 4; ++role) {
      const bool ta = role & 1, tb = role & 2;
      const Vector a = random_vector(static_cast<size_t>(m * k), 1), b = random_vector(static_cast<size_t>(n * k), 2);
      check_same_on_threads([&, m = m, n = n, k = k] {
        Vector c(static_cast<size_t>(m * n));
        multiply({.transpose_a = ta,
                  .transpose_b = tb,
                  .m = m,
                  .n = n,
                  .k = k,
                  .a = a.data(),
                  .lda = ta ? m : k,
                  .b = b.data(),
                  .ldb = tb ? k : n,
                  .c = c.data(),
                  .ldc = n});
        return std::vector<Vector>{c};
      });
    }
  }
}

TEST_CASE("products that are computed together have the bits of each by itself") {
  // Of one a, of one b, of neither; packed and not.
  const int64_t k = 300, a_rows = 200;
  const Vector a = random_vector(static_cast<size_t>(a_rows * k), 1),
               b = random_vector(static_cast<size_t>(300 * k), 2),
               other = random_vector(static_cast<size_t>(a_rows * k), 3);
  std::vector<Gemm> products = {
      product_of(a_rows, 100, k, {a.data(), k}, {b.data(), k, true}, nullptr, 100),
      product_of(a_rows, 300, k, {a.data(), k}, {b.data(), k, true}, nullptr, 300),
      product_of(a_rows, 100, k, {other.data(), k}, {b.data(), k, true}, nullptr, 100),
      product_of(3, 5, k, {a.data(), k}, {b.data(), k, true}, nullptr, 5),
      product_of(k, k, a_rows, {a.data(), k, true}, {other.data(), k}, nullptr, k),
      product_of(k, k, a_rows, {other.data(), k, true}, {other.data(), k}, nullptr, k),
      product_of(k, k, a_rows, {a.data(), k, true}, {b.data(), k}, nullptr, k),
  };
  std::vector<Vector> together, alone;
  size_t bytes = 0;
  for (const Gemm& p : products) {
    together.emplace_back(static_cast<size_t>(p.m * p.n));
    bytes += gemm_workspace(p.m, p.n, p.k);
  }
  alone = together;
  Vector workspace(bytes / sizeof(float) + 16);
  void* aligned = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(workspace.data()) + 63) / 64 * 64);
  for (size_t i = 0; i < products.size(); ++i) {
    products[i].c = alone[i].data();
    gemm(products[i], aligned);
    products[i].c = together[i].data();
  }
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    for (Vector& c : together) std::fill(c.begin(), c.end(), 0.0f);
    gemm(products.data(), static_cast<int>(products.size()), aligned);
    CHECK(together == alone);
  }
  set_threads(2);
}

TEST_CASE("matmul kernels multiply rows") {
  const Ragged space({3, 0, 5, 1});
  const int64_t m = 2, n = 21, k = 18, rows = space.view.rows * m;
  Vector a = random_vector(static_cast<size_t>(rows * k), 1), w = random_vector(static_cast<size_t>(n * k), 2);
  Vector c(static_cast<size_t>(rows * n));
  call("matmul", {a.data(), w.data(), c.data()}, {m, n, k, 1}, {}, space.view);
  CHECK(difference(c, naive(false, true, rows, n, k, a.data(), w.data())) < 1e-5);
  call("matmul", {a.data(), w.data(), c.data()}, {m, n, k, 0}, {}, space.view);
  CHECK(difference(c, naive(false, false, rows, n, k, a.data(), w.data())) < 1e-5);
  Vector dy = random_vector(static_cast<size_t>(rows * n), 3), dw(static_cast<size_t>(n * k));
  call("matmul_rows", {dy.data(), a.data(), dw.data()}, {m, n, k}, {}, space.view);
  CHECK(difference(dw, naive(true, false, n, k, rows, dy.data(), a.data())) < 1e-5);
  const Ragged none(std::vector<int>{});
  std::fill(dw.begin(), dw.end(), 1.0f);
  call("matmul_rows", {dy.data(), a.data(), dw.data()}, {m, n, k}, {}, none.view);
  CHECK(difference(dw, Vector(dw.size(), 0.0f)) == 0.0);
}

TEST_CASE("matmul_batched multiplies every pair") {
  const Ragged space({2, 1});
  const int64_t shapes[][3] = {{3, 4, 5}, {20, 30, 17}, {1, 9, 2}};
  for (const auto& [m, n, k] : shapes) {
    for (int64_t batch : {1, 3}) {
      for (int flags = 0; flags < 16; ++flags) {
        const bool ta = flags & 1, tb = flags & 2, ua = flags & 4, ub = flags & 8;
        INFO(m << " x " << n << " x " << k << " batch " << batch << " flags " << flags);
        const int64_t items = space.view.rows * batch;
        Vector a = random_vector(static_cast<size_t>((ua ? batch : items) * m * k), 1);
        Vector b = random_vector(static_cast<size_t>((ub ? batch : items) * n * k), 2);
        Vector c(static_cast<size_t>(items * m * n));
        call("matmul_batched", {a.data(), b.data(), c.data()}, {batch, m, n, k, ta, tb, ua, ub}, {}, space.view);
        std::vector<double> expected;
        for (int64_t i = 0; i < items; ++i) {
          const std::vector<double> one =
              naive(ta, tb, m, n, k, a.data() + (ua ? i % batch : i) * m * k, b.data() + (ub ? i % batch : i) * n * k);
          expected.insert(expected.end(), one.begin(), one.end());
        }
        CHECK(difference(c, expected) < 1e-5);
      }
    }
  }
}

// Where the processor has no products of bfloat16, ctest's `runtime_test_bf16_by_floats` sees to it, the rounded
// numbers are multiplied as floats: the same results.
TEST_CASE("products of rounded operands", "[bf16]") {
  for (const auto& [rows, n, k] : {std::array{70, 33, 50}, {1, 4, 3}, {130, 64, 128}, {5, 1, 200}}) {
    const Ragged space(std::vector<int>(static_cast<size_t>(rows), 1));
    const Vector x = random_vector(static_cast<size_t>(rows * k), 1), w = random_vector(static_cast<size_t>(n * k), 2);
    const Vector dy = random_vector(static_cast<size_t>(rows * n), 3);
    const auto read = [](float v) { return static_cast<double>(from_bf16(to_bf16(v))); };
    check_same_on_threads([&] {
      Vector a = x, b = w, d = dy, y(static_cast<size_t>(rows * n)), dw(static_cast<size_t>(n * k));
      call("matmul_bf16", {a.data(), b.data(), y.data()}, {1, n, k, 1}, {}, space.view);
      call("matmul_rows_bf16", {d.data(), a.data(), dw.data()}, {1, n, k}, {}, space.view);
      std::vector<double> expected(y.size()), expected_dw(dw.size());
      for (int r = 0; r < rows; ++r) {
        for (int i = 0; i < n * k; ++i) {
          expected[r * n + i / k] += read(x[r * k + i % k]) * read(w[i]);
          expected_dw[i] += read(dy[r * n + i / k]) * read(x[r * k + i % k]);
        }
      }
      CHECK(difference(y, expected) < 2e-6);
      CHECK(difference(dw, expected_dw) < 2e-6);
      return std::vector<Vector>{y, dw};
    });
  }
}

TEST_CASE("bfloat16 is the nearest, ties to even") {
  CHECK(from_bf16(to_bf16(1.0f)) == 1.0f);
  CHECK(from_bf16(to_bf16(1.00390625f)) == 1.0f);       // half way to the next: to the even one
  CHECK(from_bf16(to_bf16(1.01171875f)) == 1.015625f);  // half way again
  CHECK(from_bf16(to_bf16(-3.14159f)) == -3.140625f);
  CHECK(std::isinf(from_bf16(to_bf16(3.4e38f))));
  CHECK(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  uint32_t bits = 0x7F800001u;  // a NaN whose upper half is that of infinity
  float nan;
  std::memcpy(&nan, &bits, 4);
  CHECK(std::isnan(from_bf16(to_bf16(nan))));
}
