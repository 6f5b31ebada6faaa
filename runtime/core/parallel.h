// One way to run parts of a kernel on the threads of a pool. What a part is must depend on shapes alone; which thread
// runs it, and in what order, must not matter. Inside a part everything runs on that part's thread.
//
// Where MTL_POOL is defined, the program is linked with a pool (runtime/threads/pool.h). Packages have none: there
// everything runs on the calling thread.
#pragma once
#include <cstdint>
#include <type_traits>

#include "runtime/core/kernels.h"

namespace mtl::runtime {

#ifdef MTL_POOL
// Of the calling thread while it runs a part: 0 to threads() - 1, the caller of the region is 0.
int thread_number();
// run(context, 0) ... run(context, parts - 1), each once, and returns when all are done. Parts compute in the caller's
// floating-point mode and must not throw. Regions inside of regions, and those of a second thread while a first one has
// the pool, run on the calling thread.
void run_parts(int64_t parts, void (*run)(void* context, int64_t part), void* context);

template <class Body>
void parallel_for(int64_t parts, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  run_parts(
      parts, [](void* context, int64_t part) { (*static_cast<Plain*>(context))(part); },
      const_cast<void*>(static_cast<const void*>(&body)));
}
#else
inline int thread_number() {
  return 0;
}
template <class Body>
void parallel_for(int64_t parts, Body&& body) {
  for (int64_t i = 0; i < parts; ++i) body(i);
}
#endif

// How many parts of at least `grain` items `count` items make. There is no cap: a part of a grain is worth handing out,
// and the more parts there are, the less a slow thread matters.
inline int64_t parts_of(int64_t count, int64_t grain) {
  const int64_t parts = count / (grain > 0 ? grain : 1);
  return parts < 1 ? 1 : parts;
}
// The half-open range of part i.
struct Range {
  int64_t begin, end;
};
inline Range part_range(int64_t count, int64_t parts, int64_t i) {
  return {count * i / parts, count * (i + 1) / parts};
}

}  // namespace mtl::runtime
