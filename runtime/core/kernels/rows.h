// What the kernels that move rows share.
#pragma once
#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"

namespace mtl::runtime::kernels {

constexpr int64_t kGrain = 8192;  // elements worth a thread

struct Windows {
  const SpaceView& space;
  int64_t width, size, before;
};

// body(range of rows) over the threads, for rows of so many elements.
template <class Body>
void over_rows(int64_t rows, int64_t elements, Body&& body) {
  const int64_t parts = parts_of(rows, 1 + kGrain / (elements + 1));
  parallel_for(parts, [&](int64_t part) { body(part_range(rows, parts, part)); });
}

}  // namespace mtl::runtime::kernels
