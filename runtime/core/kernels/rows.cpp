// Windows over a sequence, its parts, several joined, its copies for each row of another, and rows by position.
#include "runtime/core/kernels/rows.h"

#include <algorithm>
#include <cstring>

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

constexpr int64_t kBytes = 4;  // of an element: f32 or i32

struct Segment {
  int64_t begin, length;
};
Segment segment(const SpaceView& space, int64_t parent) {
  return {space.offsets[parent], space.offsets[parent + 1] - space.offsets[parent]};
}

void move_segment(const char* x, char* y, Segment from, Segment to, int64_t shift, int64_t row_bytes) {
  // Places of y whose row is there.
  const int64_t begin = std::clamp<int64_t>(-shift, 0, to.length);
  const int64_t end = std::clamp<int64_t>(from.length - shift, begin, to.length);
  char* out = y + to.begin * row_bytes;
  std::memset(out, 0, static_cast<size_t>(begin * row_bytes));
  if (end > begin)
    std::memcpy(out + begin * row_bytes, x + (from.begin + begin + shift) * row_bytes,
                static_cast<size_t>((end - begin) * row_bytes));
  std::memset(out + end * row_bytes, 0, static_cast<size_t>((to.length - end) * row_bytes));
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

size_t move_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void move_rows(const KernelArgs& args) {
  const SpaceView &to = *args.spaces[0], &from = *args.spaces[1], &skipped = *args.spaces[2];
  const int64_t width = args.ints[0], sign = args.ints[1];
  const char* x = buffer<char>(args, 0);
  char* y = buffer<char>(args, 1);
  over_rows(to.parent_rows, width * (to.rows / (to.parent_rows + 1) + 1), [&](Range parents) {
    for (int64_t p = parents.begin; p < parents.end; ++p)
      move_segment(x, y, segment(from, p), segment(to, p), sign * segment(skipped, p).length, width * kBytes);
  });
}

size_t concat_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void concat_rows(const KernelArgs& args) {
  const SpaceView& to = *args.spaces[0];
  const int64_t row_bytes = args.ints[0] * kBytes, parts = args.ints[1];
  char* y = buffer<char>(args, static_cast<int>(parts));
  over_rows(to.parent_rows, args.ints[0] * (to.rows / (to.parent_rows + 1) + 1), [&](Range parents) {
    for (int64_t p = parents.begin; p < parents.end; ++p) {
      int64_t row = segment(to, p).begin;
      for (int64_t i = 0; i < parts; ++i) {
        const Segment from = segment(*args.spaces[i + 1], p);
        const char* x = buffer<char>(args, static_cast<int>(i)) + from.begin * row_bytes;
        if (from.length > 0) std::memcpy(y + row * row_bytes, x, static_cast<size_t>(from.length * row_bytes));
        row += from.length;
      }
    }
  });
}

size_t copy_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void copy_rows(const KernelArgs& args) {
  const SpaceView &to = *args.spaces[0], &from = *args.spaces[1];
  const int64_t row_bytes = args.ints[0] * kBytes, steps = args.ints[1];
  const char* x = buffer<char>(args, 0);
  char* y = buffer<char>(args, 1);
  over_rows(to.parent_rows, args.ints[0] * (to.rows / (to.parent_rows + 1) + 1), [&](Range parents) {
    for (int64_t p = parents.begin; p < parents.end; ++p) {
      const Segment copied = segment(from, ancestor_row(args.spaces + 2, steps, p));
      if (copied.length > 0)
        std::memcpy(y + to.offsets[p] * row_bytes, x + copied.begin * row_bytes,
                    static_cast<size_t>(copied.length * row_bytes));
    }
  });
}

size_t repeat_pairs_workspace(const WorkspaceQuery&) {
  return 0;
}

void repeat_pairs(const KernelArgs& args) {
  const SpaceView &to = *args.spaces[0], &from = *args.spaces[1], &near = *args.spaces[2], &own = *args.spaces[3];
  const int64_t row_bytes = args.ints[0] * kBytes, steps = args.ints[1];
  const char* x = buffer<char>(args, 0);
  char* y = buffer<char>(args, 1);
  over_rows(near.rows, args.ints[0] * (to.rows / (near.rows + 1) + 1), [&](Range rows) {
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      const int64_t above = ancestor_row(args.spaces + 4, steps, near.parent[r]);
      const Segment copied = segment(from, own.offsets[above] + near.position[r]);
      if (copied.length > 0)
        std::memcpy(y + to.offsets[r] * row_bytes, x + copied.begin * row_bytes,
                    static_cast<size_t>(copied.length * row_bytes));
    }
  });
}

size_t gather_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void gather_rows(const KernelArgs& args) {
  const SpaceView &to = *args.spaces[0], &from = *args.spaces[1];
  const int64_t count = args.ints[0], width = args.ints[1], row_bytes = width * kBytes, steps = args.ints[2];
  const char* x = buffer<char>(args, 0);
  const int32_t* ids = buffer<int32_t>(args, 1);
  char* y = buffer<char>(args, 2);
  over_rows(to.rows, count * width, [&](Range rows) {
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      const Segment within = segment(from, ancestor_row(args.spaces + 2, steps, r));
      for (int64_t i = r * count; i < (r + 1) * count; ++i) {
        char* row = y + i * row_bytes;
        if (ids[i] >= 0 && ids[i] < within.length)
          std::memcpy(row, x + (within.begin + ids[i]) * row_bytes, static_cast<size_t>(row_bytes));
        else
          std::memset(row, 0, static_cast<size_t>(row_bytes));
      }
    }
  });
}

size_t swap_rows_workspace(const WorkspaceQuery&) {
  return 0;
}

void swap_rows(const KernelArgs& args) {
  const SpaceView &to = *args.spaces[0], &from = *args.spaces[1], &inner = *args.spaces[2], &outer = *args.spaces[3];
  const int64_t row_bytes = args.ints[0] * kBytes;
  const char* x = buffer<char>(args, 0);
  char* y = buffer<char>(args, 1);
  over_rows(inner.rows, args.ints[0] * (to.rows / (inner.rows + 1) + 1), [&](Range rows) {
    for (int64_t c = rows.begin; c < rows.end; ++c) {
      const Segment queries = segment(outer, inner.parent[c]);
      for (int64_t q = 0; q < queries.length; ++q)
        std::memcpy(y + (to.offsets[c] + q) * row_bytes,
                    x + (from.offsets[queries.begin + q] + inner.position[c]) * row_bytes,
                    static_cast<size_t>(row_bytes));
    }
  });
}

}  // namespace mtl::runtime::kernels
