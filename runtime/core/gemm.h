// Our one face to matrix products. gemm.cpp makes them by our own tiles or by oneDNN, whose headers no other file of
// kernels includes; packages have deploy/gemm_single.cpp instead, which needs no library and no second thread.
//
// c[m, n] = op(a) op(b) + (accumulate ? c : 0), row-major, op(a) is [m, k] and op(b) is [k, n]; lda, ldb, ldc are the
// distances of the stored rows. Which products are whose, and how they are cut: README.md, "Products".
#pragma once
#include <cstddef>
#include <cstdint>

namespace mtl::runtime {

template <class T>
struct GemmOf {
  bool transpose_a = false, transpose_b = false;
  int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  int64_t lda = 0;
  const T* b = nullptr;
  int64_t ldb = 0;
  float* c = nullptr;
  int64_t ldc = 0;
  bool accumulate = false;
};
using Gemm = GemmOf<float>;
using GemmBf16 = GemmOf<uint16_t>;  // operands in bfloat16 (bf16.h)

// The same in one expression: gemm(product_of(m, n, k, {a, lda}, {b, ldb, true}, c, ldc)) is c = a b^T.
struct GemmOperand {
  const float* data = nullptr;
  int64_t stride = 0;
  bool transposed = false;
};
inline Gemm product_of(int64_t m, int64_t n, int64_t k, GemmOperand a, GemmOperand b, float* c, int64_t ldc,
                       bool accumulate = false) {
  return {a.transposed, b.transposed, m, n, k, a.data, a.stride, b.data, b.stride, c, ldc, accumulate};
}

// Cut into parts by shape and spread over the threads; the same bits for any number of threads. `workspace` has
// gemm_workspace(m, n, k) bytes, or of larger m, n, k, and is aligned to 64 bytes.
size_t gemm_workspace(int64_t m, int64_t n, int64_t k);
void gemm(const Gemm& product, void* workspace);
// Several products, none of which reads what another one computes: threads share them all, and an operand of several is
// packed once. The workspace is as large as all of theirs; bits are those of each product by itself.
constexpr int kMostProducts = 16;
void gemm(const Gemm* products, int count, void* workspace);
// On the calling thread alone; for callers that are parallel themselves.
void gemm_serial(const Gemm& product);

// The same for bfloat16, where the processor has such products.
bool has_bf16_products();
void gemm(const GemmBf16& product, void* workspace);  // which it leaves alone

}  // namespace mtl::runtime
