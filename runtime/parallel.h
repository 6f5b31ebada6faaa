// One way to run parts of a kernel on the threads of the one pool. What a part is must depend on shapes alone; which
// thread runs it, and in what order, must not matter. Inside a part everything runs on that part's thread.
#pragma once
#include <omp.h>

#include <cstdint>

#include "runtime/kernels.h"

namespace mtl::runtime {

template <class Body>
void parallel_for(int64_t parts, Body&& body) {
  if (parts <= 1 || omp_in_parallel() || threads() == 1) {
    for (int64_t i = 0; i < parts; ++i) body(i);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t i = 0; i < parts; ++i) body(i);
}

// Cuts `count` items into parts of at least `grain`, at most 16 parts; returns how many.
inline int64_t parts_of(int64_t count, int64_t grain) {
  const int64_t parts = count / (grain > 0 ? grain : 1);
  return parts < 1 ? 1 : parts > 16 ? 16 : parts;
}
// The half-open range of part i.
struct Range {
  int64_t begin, end;
};
inline Range part_range(int64_t count, int64_t parts, int64_t i) {
  return {count * i / parts, count * (i + 1) / parts};
}

}  // namespace mtl::runtime
