// LSTM over packed sequences (Hochreiter & Schmidhuber 1997; PyTorch's gate order i f g o).
//
//   i f o = sigmoid, g = tanh of (g row + w_hh h_prev);   c = f c_prev + i g;   h = o tanh(c)
#include "runtime/kernels/packed.h"
#include "runtime/kernels/scan.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGates = 4;

struct Forward {
  Chunk chunk;
  int64_t hidden, stride;  // stride: rows of h and c; those of gates are 4 stride apart
  const float* g;
  const float* panels;
  float *h, *c, *gates;  // of this direction
  int32_t* rows;         // scratch: rows of the running sequences
};

// Where the 16 units of one row are: in the buffers, or in scratch for the last, partial block.
struct Cell {
  const float *g, *c_before;  // c_before null: the first step
  float *gates, *c, *h;
};

// kRows running sequences x 16 units: the product with w_hh and the cell. Gates are `step` apart.
template <int kRows>
MTL_INLINE void forward_tile(const Cell* cells, int64_t step, const float* const* previous, const float* panel,
                             int64_t hidden) {
  Floats acc[kRows][kGates];
  for (int r = 0; r < kRows; ++r) {
    for (int q = 0; q < kGates; ++q) acc[r][q] = load(cells[r].g + q * step);
  }
  if (cells[0].c_before != nullptr) multiply_tile<kRows, kGates>(previous, panel, hidden, acc);
  for (int r = 0; r < kRows; ++r) {
    const Cell& cell = cells[r];
    const Floats i = sigmoid(acc[r][0]), f = sigmoid(acc[r][1]), g = tanh(acc[r][2]), o = sigmoid(acc[r][3]);
    Floats c = i * g;
    if (cell.c_before != nullptr) c += f * load(cell.c_before);
    store(cell.gates, i);
    store(cell.gates + step, f);
    store(cell.gates + 2 * step, g);
    store(cell.gates + 3 * step, o);
    store(cell.c, c);
    store(cell.h, o * tanh(c));
  }
}

// Copies the units of a partial block into `scratch` (g, gates, c_before, c, h: 11 vectors) or the results back.
void copy_in(const Cell& cell, int64_t hidden, int64_t width, float* scratch) {
  for (int q = 0; q < kGates; ++q) store(scratch + q * kLanes, load_part(cell.g + q * hidden, width));
  if (cell.c_before != nullptr) store(scratch + 8 * kLanes, load_part(cell.c_before, width));
}
void copy_out(const Cell& cell, int64_t hidden, int64_t width, const float* scratch) {
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
  for (int q = 0; q < kGates; ++q) std::memcpy(cell.gates + q * hidden, scratch + (4 + q) * kLanes, bytes);
  std::memcpy(cell.c, scratch + 9 * kLanes, bytes);
  std::memcpy(cell.h, scratch + 10 * kLanes, bytes);
}

template <int kMost>
MTL_INLINE void forward_blocks(const Forward& s, int64_t running, int64_t t) {
  const int64_t hidden = s.hidden, back = s.chunk.back();
  for (int64_t block = 0; block < blocks_of_16(hidden); ++block) {
    const int64_t j = block * kLanes, width = hidden - j;
    const float* panel = s.panels + block * hidden * kGates * kLanes;
    by_rows<kMost>(
        running, [&](auto rows_now, int64_t i) __attribute__((always_inline)) {
          constexpr int kRows = decltype(rows_now)::value;
          Cell cells[kRows];
          const float* previous[kRows];
          for (int r = 0; r < kRows; ++r) {
            const int64_t row = s.rows[i + r], at = row * s.stride + j;
            cells[r] = {s.g + row * kGates * hidden + j, t == 0 ? nullptr : s.c + at + back * s.stride,
                        s.gates + row * s.stride * kGates + j, s.c + at, s.h + at};
            previous[r] = s.h + (row + back) * s.stride;
          }
          int64_t step = hidden;
          float scratch[kRows][11 * kLanes];
          Cell real[kRows];
          if (width < kLanes) {
            for (int r = 0; r < kRows; ++r) {
              real[r] = cells[r];
              float* x = scratch[r];
              copy_in(real[r], hidden, width, x);
              cells[r] = {x, real[r].c_before == nullptr ? nullptr : x + 8 * kLanes, x + 4 * kLanes, x + 9 * kLanes,
                          x + 10 * kLanes};
            }
            step = kLanes;
          }
          forward_tile<kRows>(cells, step, previous, panel, hidden);
          if (width < kLanes) {
            for (int r = 0; r < kRows; ++r) copy_out(real[r], hidden, width, scratch[r]);
          }
        });
  }
}

MTL_TARGET_V4 void forward_v4(const Forward& s, int64_t running, int64_t t) {
  forward_blocks<kRowsV4>(s, running, t);
}
MTL_TARGET_V3 void forward_v3(const Forward& s, int64_t running, int64_t t) {
  forward_blocks<kRowsV3>(s, running, t);
}
void forward_any(const Forward& s, int64_t running, int64_t t) {
  forward_blocks<kRowsAny>(s, running, t);
}
constexpr Steps<Forward> kForward = {forward_v4, forward_v3, forward_any};

}  // namespace

size_t lstm_scan_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  return sizeof(float) * (padded(directions * gate_panel_floats(hidden, kGates)) +
                          padded(scan_slots(query.spaces[0]->parent_rows, directions)));
}

namespace {

// With panels at `panels` and scratch for rows behind where they stand in the workspace.
void scan(const KernelArgs& args, const float* panels) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  float *h = buffer<float>(args, 2 * directions), *c = buffer<float>(args, 2 * directions + 1);
  float* gates = buffer<float>(args, 2 * directions + 2);
  const int64_t panel_size = gate_panel_floats(hidden, kGates);
  Carver carver(args.workspace);
  carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(scan_slots(space.parent_rows, directions)));
  for_each_task(space, directions, args.ints[2] != 0, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_forward<Forward>({chunk, hidden, directions * hidden, buffer<float>(args, 2 * d), panels + d * panel_size,
                           h + d * hidden, c + d * hidden, gates + d * kGates * hidden, rows + slot},
                          kForward);
  });
}

}  // namespace

void lstm_scan_packed(const KernelArgs& args, const float* panels) {
  scan(args, panels);
}

void lstm_scan(const KernelArgs& args) {
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  const int64_t panel_size = gate_panel_floats(hidden, kGates), blocks = blocks_of_16(hidden);
  float* panels = Carver(args.workspace).floats(directions * panel_size);
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    const Range range = part_range(blocks, 2, part % 2);
    for (int64_t block = range.begin; block < range.end; ++block) {
      pack_gate_panel(buffer<float>(args, 2 * d + 1), hidden, kGates, block, panels + d * panel_size);
    }
  });
  scan(args, panels);
}

}  // namespace mtl::runtime::kernels
