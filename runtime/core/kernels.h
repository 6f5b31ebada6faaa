// Kernels that a lowered program calls by name, and what they are given.
//
// A kernel is a plain function over pre-bound buffers: it allocates nothing, looks nothing up, and is deterministic:
// the same bits on any number of threads (work is cut into parts that depend on shapes alone; parts are added in a
// fixed order). runtime/ depends on no part of the compiler; a shipped model links it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mtl::runtime {

// The rows of one space in the batch at hand (compiler/types/type.h). Rows of a space are sorted by parent row.
struct SpaceView {
  int64_t rows = 1;
  int64_t parent_rows = 1;
  const int32_t* offsets = nullptr;    // parent_rows + 1
  const int32_t* parent = nullptr;     // rows
  const int32_t* position = nullptr;   // rows: place in the parent's segment
  const int32_t* order = nullptr;      // parent_rows: parent rows by falling segment length (stable)
  const uint64_t* identity = nullptr;  // rows: who a row is, whatever the batch (random.h); keys random numbers
  int64_t longest = 0;                 // longest segment
};

// From a row to that of an ancestor: `up` are its own space, its parent's, and so on, `count` of them.
inline int64_t ancestor_row(const SpaceView* const* up, int64_t count, int64_t row) {
  for (int64_t i = 0; i < count; ++i) row = up[i]->parent[row];
  return row;
}

struct StepScalars {
  uint64_t seed = 0;
  uint64_t step = 0;
  const float* values = nullptr;  // by program scalar number: progress, ...
};

struct KernelArgs {
  void* const* buffers;  // operands, then results, in the documented order
  const int64_t* ints;
  const float* floats;
  const SpaceView* const* spaces;
  void* workspace;  // 64-byte aligned, of the size that the kernel asked for
  const StepScalars* step;
};

using KernelFn = void (*)(const KernelArgs&);
// Bytes of workspace at most, for spaces of at most these sizes.
struct WorkspaceQuery {
  const int64_t* ints;
  const SpaceView* const* spaces;  // rows, parent_rows and longest are upper bounds; no pointers
  int threads;
};
using WorkspaceFn = size_t (*)(const WorkspaceQuery&);

struct KernelInfo {
  const char* name;
  KernelFn run;
  WorkspaceFn workspace;  // null: none
};
const KernelInfo* find_kernel(const char* name);

// Threads of the one pool (pool.h), which serves both the kernels and the generated loops: from 1 to 128. Before they
// are set, as many as the process may use (processors.h).
void set_threads(int count);
int threads();

}  // namespace mtl::runtime
