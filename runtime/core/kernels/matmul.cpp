// Products of matrices: over rows, into weights, and batched.
#include <algorithm>
#include <cstring>

#include "runtime/core/gemm.h"
#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {
namespace {

// Below this many multiplications a plain loop beats a call of gemm.
constexpr int64_t kSmallProduct = 2048;

MTL_INLINE void plain_loops(const Gemm& p) {
  const int64_t step_a = p.transpose_a ? p.lda : 1, row_a = p.transpose_a ? 1 : p.lda;
  for (int64_t i = 0; i < p.m; ++i) {
    float* c = p.c + i * p.ldc;
    const float* a = p.a + i * row_a;
    if (p.transpose_b) {
      for (int64_t j = 0; j < p.n; ++j) {
        const float* b = p.b + j * p.ldb;
        float dot = 0;
        for (int64_t x = 0; x < p.k; ++x) dot += a[x * step_a] * b[x];
        c[j] = dot;
      }
    } else {
      for (int64_t j = 0; j < p.n; ++j) c[j] = 0;
      for (int64_t x = 0; x < p.k; ++x) {
        const float factor = a[x * step_a];
        const float* b = p.b + x * p.ldb;
        MTL_INDEPENDENT
        for (int64_t j = 0; j < p.n; ++j) c[j] += factor * b[j];
      }
    }
  }
}
void small_product(const Gemm& p) {
  at_level([=](auto) MTL_BODY { plain_loops(p); });
}

}  // namespace

namespace {

// The products that matmul and matmul_rows are, of so many rows of the space.
Gemm product_into_rows(int64_t rows, const int64_t* ints, const float* a, const float* b, float* c) {
  const int64_t n = ints[1], k = ints[2];
  const bool transposed = ints[3] != 0;
  return product_of(rows * ints[0], n, k, {a, k}, {b, transposed ? k : n, transposed}, c, n);
}
Gemm product_over_rows(int64_t rows, const int64_t* ints, const float* a, const float* b, float* c) {
  const int64_t n = ints[1], k = ints[2];
  return product_of(n, k, rows * ints[0], {a, n, true}, {b, k}, c, k);
}
size_t workspace_of(const Gemm& p) {
  return gemm_workspace(p.m, p.n, p.k);
}

// One product of a group in its ints.
struct Member {
  int64_t a, b, c, over_rows, ints[4];
};
Member member(const int64_t* ints, int64_t i) {
  Member out;
  std::memcpy(&out, ints + 1 + i * 8, sizeof out);
  return out;
}

}  // namespace

size_t matmul_workspace(const WorkspaceQuery& query) {
  return workspace_of(product_into_rows(query.spaces[0]->rows, query.ints, nullptr, nullptr, nullptr));
}
void matmul(const KernelArgs& args) {
  gemm(product_into_rows(args.spaces[0]->rows, args.ints, buffer<float>(args, 0), buffer<float>(args, 1),
                         buffer<float>(args, 2)),
       args.workspace);
}

size_t matmul_rows_workspace(const WorkspaceQuery& query) {
  return workspace_of(product_over_rows(query.spaces[0]->rows, query.ints, nullptr, nullptr, nullptr));
}
void matmul_rows(const KernelArgs& args) {
  gemm(product_over_rows(args.spaces[0]->rows, args.ints, buffer<float>(args, 0), buffer<float>(args, 1),
                         buffer<float>(args, 2)),
       args.workspace);
}

size_t matmul_group_workspace(const WorkspaceQuery& query) {
  size_t bytes = 0;
  for (int64_t i = 0; i < query.ints[0]; ++i) {
    const Member m = member(query.ints, i);
    bytes += workspace_of((m.over_rows ? product_over_rows : product_into_rows)(query.spaces[i]->rows, m.ints, nullptr,
                                                                                nullptr, nullptr));
  }
  return bytes;
}
void matmul_group(const KernelArgs& args) {
  Gemm products[kMostProducts];
  const int count = static_cast<int>(args.ints[0]);
  for (int i = 0; i < count; ++i) {
    const Member m = member(args.ints, i);
    products[i] = (m.over_rows ? product_over_rows : product_into_rows)(
        args.spaces[i]->rows, m.ints, buffer<float>(args, static_cast<size_t>(m.a)),
        buffer<float>(args, static_cast<size_t>(m.b)), buffer<float>(args, static_cast<size_t>(m.c)));
  }
  gemm(products, count, args.workspace);
}

size_t matmul_batched_workspace(const WorkspaceQuery& query) {
  const int64_t m = query.ints[1], n = query.ints[2], k = query.ints[3];
  return std::max(gemm_workspace(query.spaces[0]->rows * m, n, k), gemm_workspace(m, n, k));
}

void matmul_batched(const KernelArgs& args) {
  const int64_t rows = args.spaces[0]->rows, batch = args.ints[0], m = args.ints[1], n = args.ints[2], k = args.ints[3];
  const bool transpose_a = args.ints[4] != 0, transpose_b = args.ints[5] != 0;
  const bool a_uniform = args.ints[6] != 0, b_uniform = args.ints[7] != 0;
  const float *a = buffer<float>(args, 0), *b = buffer<float>(args, 1);
  float* c = buffer<float>(args, 2);
  const Gemm shape = product_of(m, n, k, {nullptr, transpose_a ? m : k, transpose_a},
                                {nullptr, transpose_b ? k : n, transpose_b}, nullptr, n);
  if (batch == 1 && b_uniform && !a_uniform && !transpose_a) {  // rows of one product
    Gemm whole = shape;
    whole.m = rows * m;
    whole.a = a;
    whole.b = b;
    whole.c = c;
    return gemm(whole, args.workspace);
  }
  const auto product = [&](int64_t i) {
    Gemm p = shape;
    p.a = a + (a_uniform ? i % batch : i) * m * k;
    p.b = b + (b_uniform ? i % batch : i) * k * n;
    p.c = c + i * m * n;
    return p;
  };
  const int64_t items = rows * batch, work = m * n * k;
  if (work >= 8'000'000) {  // each is worth all threads
    for (int64_t i = 0; i < items; ++i) gemm(product(i), args.workspace);
    return;
  }
  const int64_t parts = parts_of(items, 1 + 200'000 / (work + 1));
  parallel_for(parts, [&](int64_t part) {
    const Range range = part_range(items, parts, part);
    for (int64_t i = range.begin; i < range.end; ++i) {
      if (work <= kSmallProduct)
        small_product(product(i));
      else
        gemm_serial(product(i));
    }
  });
}

}  // namespace mtl::runtime::kernels
