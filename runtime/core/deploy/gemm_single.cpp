// Matrix products on one thread, without a library: what packages have instead of runtime/kernels/gemm.cpp.
#include "runtime/core/gemm.h"
#include "runtime/core/product_tiles.h"

namespace mtl::runtime {

void gemm_serial(const Gemm& p) {
  if (p.m <= 0 || p.n <= 0) return;
  at_level([=](auto level) MTL_BODY { tiles::product<decltype(level)>(p); });
}

size_t gemm_workspace(int64_t, int64_t, int64_t) {
  return 0;
}
void gemm(const Gemm& p, void*) {
  gemm_serial(p);
}

void gemm(const Gemm* products, int count, void*) {
  for (int i = 0; i < count; ++i) gemm_serial(products[i]);
}

}  // namespace mtl::runtime
