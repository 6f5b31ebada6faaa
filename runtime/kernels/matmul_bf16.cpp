// Products of operands that are rounded to bfloat16, added up in f32 (mixed precision, Micikevicius et al. 2018).
// Training alone: packages do not carry them. Where the processor has no such products the rounded numbers are
// multiplied as floats: slower than f32, and the same up to the order of sums.
#include "runtime/core/gemm.h"
#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"
#include "runtime/core/vector.h"
#include "runtime/kernels/bf16.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGrain = 1 << 15;

void rounded(const float* x, uint16_t* y, int64_t count) {
  at_level([=](auto) MTL_BODY {
    MTL_INDEPENDENT
    for (int64_t i = 0; i < count; ++i) y[i] = to_bf16(x[i]);
  });
}
void rounded(const float* x, float* y, int64_t count) {
  at_level([=](auto) MTL_BODY {
    MTL_INDEPENDENT
    for (int64_t i = 0; i < count; ++i) y[i] = from_bf16(to_bf16(x[i]));
  });
}

// Of the rounded elements of both operands, and of the product of the rounded floats.
size_t room(int64_t m, int64_t n, int64_t k) {
  const size_t elements = padded(m * k) + padded(k * n);
  return has_bf16_products() ? elements * sizeof(uint16_t) : elements * sizeof(float) + gemm_workspace(m, n, k);
}

template <class T>
const T* round_operand(const float* x, T* to, int64_t count) {
  const int64_t parts = parts_of(count, kGrain);
  parallel_for(parts, [&](int64_t part) {
    const Range range = part_range(count, parts, part);
    rounded(x + range.begin, to + range.begin, range.end - range.begin);
  });
  return to;
}

template <class T>
void product(const Gemm& p, void* workspace, int64_t of_a, int64_t of_b) {
  T* a = static_cast<T*>(workspace);
  T* b = a + padded(of_a);
  gemm(GemmOf<T>{p.transpose_a, p.transpose_b, p.m, p.n, p.k, round_operand(p.a, a, of_a), p.lda,
                 round_operand(p.b, b, of_b), p.ldb, p.c, p.ldc, p.accumulate},
       b + padded(of_b));
}

void run(const Gemm& p, void* workspace) {
  const int64_t of_a = p.m * p.k, of_b = p.k * p.n;
  if (has_bf16_products()) return product<uint16_t>(p, workspace, of_a, of_b);
  product<float>(p, workspace, of_a, of_b);
}

}  // namespace

size_t matmul_bf16_workspace(const WorkspaceQuery& query) {
  const int64_t rows = query.spaces[0]->rows * query.ints[0], n = query.ints[1], k = query.ints[2];
  return room(rows, n, k);
}

void matmul_bf16(const KernelArgs& args) {
  const int64_t rows = args.spaces[0]->rows * args.ints[0], n = args.ints[1], k = args.ints[2];
  const bool transposed = args.ints[3] != 0;
  run(product_of(rows, n, k, {buffer<float>(args, 0), k}, {buffer<float>(args, 1), transposed ? k : n, transposed},
                 buffer<float>(args, 2), n),
      args.workspace);
}

size_t matmul_rows_bf16_workspace(const WorkspaceQuery& query) {
  const int64_t rows = query.spaces[0]->rows * query.ints[0], n = query.ints[1], k = query.ints[2];
  return room(n, k, rows);
}

void matmul_rows_bf16(const KernelArgs& args) {
  const int64_t rows = args.spaces[0]->rows * args.ints[0], n = args.ints[1], k = args.ints[2];
  run(product_of(n, k, rows, {buffer<float>(args, 0), n, true}, {buffer<float>(args, 1), k}, buffer<float>(args, 2), k),
      args.workspace);
}

}  // namespace mtl::runtime::kernels
