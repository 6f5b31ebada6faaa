// Kernels that move rows: the gradient of gather, and windows over a sequence.
#include <cstring>

#include "runtime/kernels/all.h"
#include "runtime/parallel.h"
#include "runtime/vector.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGrain = 8192;  // elements worth a thread

MTL_CLONES void add_columns(const int32_t* ids, const float* rows, int64_t count, int64_t width, Range columns,
                            float* table) {
  for (int64_t i = 0; i < count; ++i) {
    if (ids[i] < 0) continue;
    const float* row = rows + i * width;
    float* sum = table + ids[i] * width;
#pragma GCC ivdep
    for (int64_t j = columns.begin; j < columns.end; ++j) sum[j] += row[j];
  }
}

struct Windows {
  const SpaceView& space;
  int64_t width, size, before;
};

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

// dx[r] = sum over the windows that hold r, at place j: those of rows r - j + before.
void windows_grad_rows(const Windows& w, const float* dy, float* dx, Range rows) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const int64_t parent = w.space.parent[r], begin = w.space.offsets[parent], end = w.space.offsets[parent + 1];
    float* to = dx + r * w.width;
    std::memset(to, 0, static_cast<size_t>(w.width) * sizeof(float));
    for (int64_t j = 0; j < w.size; ++j) {
      const int64_t src = r - j + w.before;
      if (src < begin || src >= end) continue;
      const float* from = dy + src * w.width * w.size + j;
      for (int64_t d = 0; d < w.width; ++d) to[d] += from[d * w.size];
    }
  }
}

template <class Body>
void over_rows(int64_t rows, int64_t elements, Body&& body) {
  const int64_t parts = parts_of(rows, 1 + kGrain / (elements + 1));
  parallel_for(parts, [&](int64_t part) { body(part_range(rows, parts, part)); });
}

}  // namespace

size_t scatter_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void scatter_rows(const KernelArgs& args) {
  const int64_t count = args.spaces[0]->rows * args.ints[0], table_rows = args.ints[1], width = args.ints[2];
  const int32_t* ids = buffer<int32_t>(args, 0);
  const float* rows = buffer<float>(args, 1);
  float* table = buffer<float>(args, 2);
  over_rows(table_rows, width, [&](Range range) {
    std::memset(table + range.begin * width, 0, static_cast<size_t>((range.end - range.begin) * width) * sizeof(float));
  });
  // Threads share columns, so that every sum is made in the order of the ids.
  const int64_t parts = count * width >= 2 * kGrain ? parts_of(width, 32) : 1;
  parallel_for(parts,
               [&](int64_t part) { add_columns(ids, rows, count, width, part_range(width, parts, part), table); });
}

size_t windows_workspace(const WorkspaceQuery&) {
  return 0;
}

void windows(const KernelArgs& args) {
  const Windows w{*args.spaces[0], args.ints[0], args.ints[1], args.ints[2]};
  const float* x = buffer<float>(args, 0);
  float* y = buffer<float>(args, 1);
  over_rows(w.space.rows, w.width * w.size, [&](Range range) { windows_rows(w, x, y, range); });
}

size_t windows_grad_workspace(const WorkspaceQuery&) {
  return 0;
}

void windows_grad(const KernelArgs& args) {
  const Windows w{*args.spaces[0], args.ints[0], args.ints[1], args.ints[2]};
  const float* dy = buffer<float>(args, 0);
  float* dx = buffer<float>(args, 1);
  over_rows(w.space.rows, w.width * w.size, [&](Range range) { windows_grad_rows(w, dy, dx, range); });
}

}  // namespace mtl::runtime::kernels
