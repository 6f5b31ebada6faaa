// One way to run parts of a kernel on the threads of the one pool. What a part is must depend on shapes alone; which
// thread runs it, and in what order, must not matter. Inside a part everything runs on that part's thread.
//
// This is the one place that knows whether there is OpenMP. Without it everything runs on the calling thread.
#pragma once
#ifdef _OPENMP
#include <omp.h>
#endif

#include <cstdint>

#include "runtime/kernels.h"

namespace mtl::runtime {

#ifdef _OPENMP
inline bool in_parallel() {
  return omp_in_parallel() != 0;
}
// Of the calling thread, from 0.
inline int thread_number() {
  return omp_get_thread_num();
}
inline int processors() {
  return omp_get_num_procs();
}
inline int pool_threads() {
  return omp_get_max_threads();
}
inline void set_pool_threads(int count) {
  omp_set_num_threads(count);
}
#else
inline bool in_parallel() {
  return false;
}
inline int thread_number() {
  return 0;
}
inline int processors() {
  return 1;
}
inline int pool_threads() {
  return 1;
}
inline void set_pool_threads(int) {}
#endif

template <class Body>
void parallel_for(int64_t parts, Body&& body) {
#ifdef _OPENMP
  if (parts > 1 && !in_parallel() && threads() > 1) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < parts; ++i) body(i);
    return;
  }
#endif
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
