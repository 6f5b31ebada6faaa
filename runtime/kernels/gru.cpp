// GRU over packed sequences, as PyTorch defines it (the reset gate acts after the product, "reset after").
//
//   r z = sigmoid(g + w_hh h_prev + b_hh);  hn = w_hn h_prev + b_hn;  n = tanh(g_n + r hn);  h = (1 - z) n + z h_prev
#include "runtime/kernels/packed.h"
#include "runtime/kernels/scan.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGates = 3;
constexpr int64_t kSaved = 4;

struct Forward {
  Chunk chunk;
  int64_t hidden, stride;  // stride: rows of h; those of saved are 4 stride apart
  const float *g, *bias;
  const float* panels;
  float *h, *saved;
  int32_t* rows;
};

// Where the 16 units of one row are: in the buffers, or in scratch for the last, partial block.
struct Cell {
  const float *g, *h_before;  // h_before null: the first step
  float *saved, *h;
};

// kRows running sequences x 16 units: the product with w_hh and the cell. Gates are `step` apart, biases 16.
template <int kRows>
MTL_INLINE void forward_tile(const Cell* cells, int64_t step, const float* bias, const float* const* previous,
                             const float* panel, int64_t hidden) {
  Floats acc[kRows][kGates];
  for (int q = 0; q < kGates; ++q) {
    for (int r = 0; r < kRows; ++r) acc[r][q] = load(bias + q * kLanes);
  }
  if (cells[0].h_before != nullptr) multiply_tile<kRows, kGates>(previous, panel, hidden, acc);
  for (int row = 0; row < kRows; ++row) {
    const Cell& cell = cells[row];
    const Floats r = sigmoid(load(cell.g) + acc[row][0]), z = sigmoid(load(cell.g + step) + acc[row][1]);
    const Floats n = tanh(load(cell.g + 2 * step) + r * acc[row][2]);
    Floats h = n - z * n;
    if (cell.h_before != nullptr) h += z * load(cell.h_before);
    store(cell.saved, r);
    store(cell.saved + step, z);
    store(cell.saved + 2 * step, n);
    store(cell.saved + 3 * step, acc[row][2]);
    store(cell.h, h);
  }
}

// Copies the units of a partial block into `scratch` (g, saved, h_before, h: 9 vectors) or the results back.
void copy_in(const Cell& cell, int64_t hidden, int64_t width, float* scratch) {
  for (int q = 0; q < kGates; ++q) store(scratch + q * kLanes, load_part(cell.g + q * hidden, width));
  if (cell.h_before != nullptr) store(scratch + 7 * kLanes, load_part(cell.h_before, width));
}
void copy_out(const Cell& cell, int64_t hidden, int64_t width, const float* scratch) {
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
  for (int q = 0; q < kSaved; ++q) std::memcpy(cell.saved + q * hidden, scratch + (3 + q) * kLanes, bytes);
  std::memcpy(cell.h, scratch + 8 * kLanes, bytes);
}

template <int kMost>
MTL_INLINE void forward_blocks(const Forward& s, int64_t running, int64_t t) {
  const int64_t hidden = s.hidden, back = s.chunk.back() * s.stride;
  for (int64_t block = 0; block < blocks_of_16(hidden); ++block) {
    const int64_t j = block * kLanes, width = hidden - j;
    const float* panel = s.panels + block * hidden * kGates * kLanes;
    float bias[kGates * kLanes];
    for (int q = 0; q < kGates; ++q) store(bias + q * kLanes, load_units(s.bias + q * hidden + j, width));
    by_rows<kMost>(
        running, [&](auto rows_now, int64_t i) __attribute__((always_inline)) {
          constexpr int kRows = decltype(rows_now)::value;
          Cell cells[kRows];
          const float* previous[kRows];
          for (int r = 0; r < kRows; ++r) {
            const int64_t row = s.rows[i + r], at = row * s.stride + j;
            cells[r] = {s.g + row * kGates * hidden + j, t == 0 ? nullptr : s.h + at + back,
                        s.saved + row * s.stride * kSaved + j, s.h + at};
            previous[r] = s.h + row * s.stride + back;
          }
          int64_t step = hidden;
          float scratch[kRows][9 * kLanes];
          Cell real[kRows];
          if (width < kLanes) {
            for (int r = 0; r < kRows; ++r) {
              real[r] = cells[r];
              float* x = scratch[r];
              copy_in(real[r], hidden, width, x);
              cells[r] = {x, real[r].h_before == nullptr ? nullptr : x + 7 * kLanes, x + 3 * kLanes, x + 8 * kLanes};
            }
            step = kLanes;
          }
          forward_tile<kRows>(cells, step, bias, previous, panel, hidden);
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

size_t gru_scan_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  return sizeof(float) * (padded(directions * gate_panel_floats(hidden, kGates)) +
                          padded(scan_slots(query.spaces[0]->parent_rows, directions)));
}

namespace {

// With panels at `panels` and scratch for rows behind where they stand in the workspace.
void scan(const KernelArgs& args, const float* panels) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  float *h = buffer<float>(args, 3 * directions), *saved = buffer<float>(args, 3 * directions + 1);
  const int64_t panel_size = gate_panel_floats(hidden, kGates);
  Carver carver(args.workspace);
  carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(scan_slots(space.parent_rows, directions)));
  for_each_task(space, directions, args.ints[2] != 0, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_forward<Forward>(
        {chunk, hidden, directions * hidden, buffer<float>(args, 3 * d), buffer<float>(args, 3 * d + 2),
         panels + d * panel_size, h + d * hidden, saved + d * kSaved * hidden, rows + slot},
        kForward);
  });
}

}  // namespace

void gru_scan_packed(const KernelArgs& args, const float* panels) {
  scan(args, panels);
}

void gru_scan(const KernelArgs& args) {
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  const int64_t panel_size = gate_panel_floats(hidden, kGates), blocks = blocks_of_16(hidden);
  float* panels = Carver(args.workspace).floats(directions * panel_size);
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    const Range range = part_range(blocks, 2, part % 2);
    for (int64_t block = range.begin; block < range.end; ++block) {
      pack_gate_panel(buffer<float>(args, 3 * d + 1), hidden, kGates, block, panels + d * panel_size);
    }
  });
  scan(args, panels);
}

}  // namespace mtl::runtime::kernels
