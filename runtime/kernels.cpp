// The table of kernels, from kernels.def, and the number of threads.
#include "runtime/kernels.h"

#include <omp.h>

#include <cstring>

#include "runtime/kernels/all.h"

namespace mtl::runtime {
namespace {

constexpr KernelInfo kKernels[] = {
#define MTL_RUNTIME_KERNEL(name) {#name, kernels::name, kernels::name##_workspace},
#include "runtime/kernels.def"
#undef MTL_RUNTIME_KERNEL
};

}  // namespace

const KernelInfo* find_kernel(const char* name) {
  for (const KernelInfo& kernel : kKernels) {
    if (std::strcmp(kernel.name, name) == 0) return &kernel;
  }
  return nullptr;
}

void set_threads(int count) {
  const int most = omp_get_num_procs();
  omp_set_num_threads(count < 1 ? 1 : count > most ? most : count);
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace mtl::runtime
