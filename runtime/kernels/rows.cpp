// Windows over a sequence.
#include "runtime/kernels/rows.h"

namespace mtl::runtime::kernels {
namespace {

void windows_rows(const Windows& w, const float* x, float* y, Range rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const int64_t parent = w.space.parent[r], begin = w.space.offsets[parent], end = w.space.offsets[parent + 1];
    float* to = y + r * w.width * w.size;
    for (int64_t j = 0; j < w.size; ++j) {
      const int64_t src = r + j - w.before;
      const bool inside = src >= begin && src < end;
      const float* from = x + (inside ? src : r) * w.width;
      for (int64_t d = 0; d < w.width; ++d) to[d * w.size + j] = inside ? from[d] : 0.0f;
    }
  }
}

}  // namespace

size_t windows_workspace(const WorkspaceQuery&) {
  return 0;
}

void windows(const KernelArgs& args) {
  const Windows w{*args.spaces[0], args.ints[0], args.ints[1], args.ints[2]};
  const float* x = buffer<float>(args, 0);
  float* y = buffer<float>(args, 1);
  over_rows(w.space.rows, w.width * w.size, [&](Range range) { windows_rows(w, x, y, range); });
}

}  // namespace mtl::runtime::kernels
