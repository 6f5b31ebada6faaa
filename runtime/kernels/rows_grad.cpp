// Gradients of gather, of windows, of copies and of rows by position.
#include <cstring>

#include "runtime/core/kernels/rows.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {
namespace {

void add_columns(const int32_t* ids, const float* rows, int64_t count, int64_t width, Range columns, float* table) {
  at_level([=](auto) MTL_BODY {
    for (int64_t i = 0; i < count; ++i) {
      if (ids[i] < 0) continue;
      const float* row = rows + i * width;
      float* sum = table + ids[i] * width;
      MTL_INDEPENDENT
      for (int64_t j = columns.begin; j < columns.end; ++j) sum[j] += row[j];
    }
  });
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

// The rows that `count` spaces lead up from to row `ancestor`.
Range rows_below(const SpaceView* const* up, int64_t count, int64_t ancestor) {
  Range rows{ancestor, ancestor + 1};
  while (count-- > 0) rows = {up[count]->offsets[rows.begin], up[count]->offsets[rows.end]};
  return rows;
}

void add_numbers(const float* x, int64_t count, float* sums) {
  at_level([=](auto) MTL_BODY {
    MTL_INDEPENDENT
    for (int64_t i = 0; i < count; ++i) sums[i] += x[i];
  });
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

size_t windows_grad_workspace(const WorkspaceQuery&) {
  return 0;
}

void windows_grad(const KernelArgs& args) {
  const Windows w{*args.spaces[0], args.ints[0], args.ints[1], args.ints[2]};
  const float* dy = buffer<float>(args, 0);
  float* dx = buffer<float>(args, 1);
  over_rows(w.space.rows, w.width * w.size, [&](Range range) { windows_grad_rows(w, dy, dx, range); });
}

size_t sum_copies_workspace(const WorkspaceQuery&) {
  return 0;
}

void sum_copies(const KernelArgs& args) {
  const SpaceView &from = *args.spaces[0], &to = *args.spaces[1];
  const int64_t width = args.ints[0], steps = args.ints[1];
  const float* x = buffer<float>(args, 0);
  float* y = buffer<float>(args, 1);
  over_rows(to.parent_rows, width * (from.rows / (to.parent_rows + 1) + 1), [&](Range ancestors) {
    for (int64_t a = ancestors.begin; a < ancestors.end; ++a) {
      float* sum = y + to.offsets[a] * width;
      const int64_t count = (to.offsets[a + 1] - to.offsets[a]) * width;
      std::memset(sum, 0, static_cast<size_t>(count) * sizeof(float));
      const Range below = rows_below(args.spaces + 2, steps, a);
      for (int64_t p = below.begin; p < below.end; ++p) add_numbers(x + from.offsets[p] * width, count, sum);
    }
  });
}

size_t sum_repeated_workspace(const WorkspaceQuery&) {
  return 0;
}

void sum_repeated(const KernelArgs& args) {
  const SpaceView &from = *args.spaces[0], &to = *args.spaces[1], &near = *args.spaces[2], &own = *args.spaces[3];
  const int64_t width = args.ints[0], steps = args.ints[1];
  const float* x = buffer<float>(args, 0);
  float* y = buffer<float>(args, 1);
  over_rows(own.rows, width * (from.rows / (own.rows + 1) + 1), [&](Range rows) {
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      float* sum = y + to.offsets[r] * width;
      const int64_t count = (to.offsets[r + 1] - to.offsets[r]) * width;
      std::memset(sum, 0, static_cast<size_t>(count) * sizeof(float));
      const Range below = rows_below(args.spaces + 4, steps, own.parent[r]);
      for (int64_t t = below.begin; t < below.end; ++t)
        add_numbers(x + from.offsets[near.offsets[t] + own.position[r]] * width, count, sum);
    }
  });
}

size_t scatter_add_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void scatter_add_rows(const KernelArgs& args) {
  const SpaceView &from = *args.spaces[0], &to = *args.spaces[1];
  const int64_t count = args.ints[0], width = args.ints[1], steps = args.ints[2];
  const int32_t* ids = buffer<int32_t>(args, 0);
  const float* x = buffer<float>(args, 1);
  float* y = buffer<float>(args, 2);
  const int64_t work = (to.rows + from.rows * count) / (to.parent_rows + 1) + 1;
  over_rows(to.parent_rows, width * work, [&](Range ancestors) {
    for (int64_t a = ancestors.begin; a < ancestors.end; ++a) {
      float* sums = y + to.offsets[a] * width;
      const int64_t length = to.offsets[a + 1] - to.offsets[a];
      std::memset(sums, 0, static_cast<size_t>(length * width) * sizeof(float));
      const Range below = rows_below(args.spaces + 2, steps, a);
      for (int64_t i = below.begin * count; i < below.end * count; ++i) {
        if (ids[i] >= 0 && ids[i] < length) add_numbers(x + i * width, width, sums + ids[i] * width);
      }
    }
  });
}

}  // namespace mtl::runtime::kernels
