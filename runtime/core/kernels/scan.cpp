// Packing for the recurrent kernels (scan.h).
#include "runtime/core/kernels/scan.h"

#include "runtime/core/kernels/packed.h"

namespace mtl::runtime::kernels {

namespace {

template <class Level>
MTL_INLINE void pack_gate_block(const float* w, int64_t hidden, int64_t gates, int64_t block, float* panels) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  const int64_t j = block * kLanes, width = hidden - j < kLanes ? hidden - j : kLanes;
  float* panel = panels + j * hidden * gates;
  for (int64_t q = 0; q < gates; ++q) {
    const float* rows = w + (q * hidden + j) * hidden;
    for (int64_t k = 0; k < hidden; k += kLanes) {
      const int64_t depth = hidden - k < kLanes ? hidden - k : kLanes;
      Floats x[kLanes] = {};
      for (int64_t l = 0; l < width; ++l) x[l] = load_some<Floats>(rows + l * hidden + k, depth);
      transpose(x);
      for (int64_t l = 0; l < depth; ++l) store(panel + ((k + l) * gates + q) * kLanes, x[l]);
    }
  }
}

template <class Level>
MTL_INLINE void pack_rows_of(const float* w, int64_t hidden, int64_t gates, float* panels) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  const int64_t inner = gates * hidden;
  for (int64_t column = 0, width; column < hidden; column += width) {
    width = column + 3 * kLanes < hidden ? 4 * kLanes : kLanes;
    float* panel = panels + column * inner;
    for (int64_t k = 0; k < inner; ++k) {
      for (int64_t l = 0; l < width; l += kLanes) {
        const int64_t left = hidden - column - l;
        store(panel + k * width + l, left > 0 ? load_some<Floats>(w + k * hidden + column + l, left) : Floats{});
      }
    }
  }
}

}  // namespace

namespace {
constexpr int64_t kBlocksWorthAThread = 8;

int64_t gate_blocks(int64_t hidden) {
  return at_level([=](auto level) { return in_blocks_of(hidden, decltype(level)::kLanes); });
}
// Blocks [begin, end) of kLanes units of w[G*H, H].
void pack_gate_blocks(const float* w, int64_t hidden, int64_t gates, Range blocks, float* panels) {
  at_level([=](auto level) MTL_BODY {
    for (int64_t b = blocks.begin; b < blocks.end; ++b) pack_gate_block<decltype(level)>(w, hidden, gates, b, panels);
  });
}
}  // namespace

size_t scan_workspace(const WorkspaceQuery& query, int64_t gates) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  return sizeof(float) * (padded(directions * gate_panel_floats(hidden, gates)) +
                          padded(scan_slots(query.spaces[0]->parent_rows, directions)));
}

const float* pack_panels(const KernelArgs& args, int64_t gates, int64_t operands) {
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  const int64_t panel_size = gate_panel_floats(hidden, gates), blocks = gate_blocks(hidden);
  const int64_t parts = parts_of(blocks, kBlocksWorthAThread);
  float* panels = Carver(args.workspace).floats(directions * panel_size);
  parallel_for(directions * parts, [&](int64_t part) {
    const int64_t d = part / parts;
    pack_gate_blocks(buffer<float>(args, operands * d + 1), hidden, gates, part_range(blocks, parts, part % parts),
                     panels + d * panel_size);
  });
  return panels;
}

void pack_row_panels(const float* w, int64_t hidden, int64_t gates, float* panels) {
  at_level([=](auto level) MTL_BODY { pack_rows_of<decltype(level)>(w, hidden, gates, panels); });
}

void previous_rows(const SpaceView& space, Range sequences, const float* h, int64_t stride, int64_t hidden,
                   bool reverse, float* previous) {
  const size_t bytes = static_cast<size_t>(hidden) * sizeof(float);
  for (int64_t p = sequences.begin; p < sequences.end; ++p) {
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
  for (int64_t d = 0; d < directions; ++d)
    pack_gate_blocks(w_hh[d], hidden, gates, {0, gate_blocks(hidden)}, panels + d * gate_panel_floats(hidden, gates));
}

}  // namespace mtl::runtime::kernels
