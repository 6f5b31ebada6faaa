// Packing for the recurrent kernels (scan.h).
#include "runtime/kernels/scan.h"

#include "runtime/kernels/packed.h"

namespace mtl::runtime::kernels {

MTL_CLONES void pack_gate_panel(const float* w, int64_t hidden, int64_t gates, int64_t block, float* panels) {
  const int64_t j = block * kLanes, width = hidden - j < kLanes ? hidden - j : kLanes;
  float* panel = panels + block * hidden * gates * kLanes;
  for (int64_t q = 0; q < gates; ++q) {
    const float* rows = w + (q * hidden + j) * hidden;
    for (int64_t k = 0; k < hidden; k += kLanes) {
      const int64_t depth = hidden - k < kLanes ? hidden - k : kLanes;
      Floats x[kLanes] = {};
      for (int64_t l = 0; l < width; ++l) x[l] = load_units(rows + l * hidden + k, depth);
      transpose_16(x);
      for (int64_t l = 0; l < depth; ++l) store(panel + ((k + l) * gates + q) * kLanes, x[l]);
    }
  }
}

MTL_CLONES void pack_row_panels(const float* w, int64_t hidden, int64_t gates, float* panels) {
  const int64_t inner = gates * hidden, columns = blocks_of_16(hidden) * kLanes;
  for (int64_t column = 0; column < columns;) {
    const int64_t width = column + 64 <= columns ? 64 : kLanes;
    float* panel = panels + column * inner;
    for (int64_t k = 0; k < inner; ++k) {
      for (int64_t l = 0; l < width; l += kLanes) {
        const int64_t left = hidden - column - l;
        store(panel + k * width + l, load_units(w + k * hidden + column + l, left));
      }
    }
    column += width;
  }
}

void previous_rows(const SpaceView& space, const float* h, int64_t stride, int64_t hidden, bool reverse,
                   float* previous) {
  const size_t bytes = static_cast<size_t>(hidden) * sizeof(float);
  for (int64_t p = 0; p < space.parent_rows; ++p) {
    const int64_t begin = space.offsets[p], end = space.offsets[p + 1];
    for (int64_t r = begin; r < end; ++r) {
      const bool first = reverse ? r == end - 1 : r == begin;
      if (first)
        std::memset(previous + r * hidden, 0, bytes);
      else
        std::memcpy(previous + r * hidden, h + (reverse ? r + 1 : r - 1) * stride, bytes);
    }
  }
}

size_t gate_panels_floats(int64_t hidden, int64_t directions, int64_t gates) {
  return padded(directions * gate_panel_floats(hidden, gates));
}

void pack_gate_panels(const float* const* w_hh, int64_t hidden, int64_t directions, int64_t gates, float* panels) {
  for (int64_t d = 0; d < directions; ++d) {
    for (int64_t block = 0; block < blocks_of_16(hidden); ++block)
      pack_gate_panel(w_hh[d], hidden, gates, block, panels + d * gate_panel_floats(hidden, gates));
  }
}

}  // namespace mtl::runtime::kernels
