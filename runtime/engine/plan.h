// Where the buffers of a program lie for one bucket of row counts.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/program/program.h"

namespace mtl::engine {

// Row counts are rounded up to m * 2^e with 8 <= m <= 16, so that few plans serve all batches at a loss of at most
// an eighth of the memory.
int64_t bucket(int64_t count);

// How many rows each space may have, and its longest segment; by SpaceId.
struct Capacity {
  std::vector<int64_t> rows;
  std::vector<int64_t> longest;
  bool operator==(const Capacity&) const = default;
};

// When a buffer's memory is in use: from the step that first touches it to the last one that does.
struct Lifetime {
  uint32_t buffer = 0;
  int first = 0;
  int last = 0;
  size_t bytes = 0;
};
std::vector<Lifetime> lifetimes(const program::Program& program, const Capacity& capacity);

struct MemoryPlan {
  std::vector<size_t> offset;  // by buffer; kNotPlanned for those that do not live in the arena
  size_t bytes = 0;
};
inline constexpr size_t kNotPlanned = ~size_t{0};

// Offsets are multiples of 64. Buffers whose lives overlap do not overlap in memory, so no step's results share
// memory with its operands (generated code relies on it).
MemoryPlan plan_memory(const program::Program& program, const Capacity& capacity);

}  // namespace mtl::engine
