// The table of kernels, from kernels.def.
#include "runtime/core/kernels.h"

#include <cstring>

#include "runtime/core/kernels/all.h"

namespace mtl::runtime {
namespace {

constexpr KernelInfo kKernels[] = {
#define MTL_RUNTIME_KERNEL(name) {#name, kernels::name, kernels::name##_workspace},
#include "runtime/core/kernels.def"
#undef MTL_RUNTIME_KERNEL
};

}  // namespace

const KernelInfo* find_kernel(const char* name) {
  for (const KernelInfo& kernel : kKernels) {
    if (std::strcmp(kernel.name, name) == 0) return &kernel;
  }
  return nullptr;
}

}  // namespace mtl::runtime
