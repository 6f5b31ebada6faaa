// Declares every kernel of kernels.def: its function and how much workspace it asks for (zero: none).
#pragma once
#include "runtime/core/kernels.h"

namespace mtl::runtime::kernels {

#define MTL_RUNTIME_KERNEL(name)     \
  void name(const KernelArgs& args); \
  size_t name##_workspace(const WorkspaceQuery& query);
#include "runtime/core/kernels.def"
#undef MTL_RUNTIME_KERNEL

// A place in the workspace, in floats, in steps of 64 bytes; run and workspace functions carve in the same order.
constexpr size_t padded(int64_t floats) {
  return (static_cast<size_t>(floats) + 15) / 16 * 16;
}

class Carver {
 public:
  explicit Carver(void* base) : next_(static_cast<float*>(base)) {}
  float* floats(int64_t count) {
    float* place = next_;
    next_ += padded(count);
    return place;
  }

 private:
  float* next_;
};

template <class T>
T* buffer(const KernelArgs& args, size_t i) {
  return static_cast<T*>(args.buffers[i]);
}

}  // namespace mtl::runtime::kernels
