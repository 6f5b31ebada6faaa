// GRU over packed sequences, as PyTorch defines it (the reset gate acts after the product, "reset after").
//
//   r z = sigmoid(g + w_hh h_prev + b_hh);  hn = w_hn h_prev + b_hn;  n = tanh(g_n + r hn);  h = (1 - z) n + z h_prev
#include "runtime/core/kernels/packed.h"
#include "runtime/core/kernels/scan.h"

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

// Where the kLanes units of one row are: in the buffers, or in scratch for the last, partial block.
struct Cell {
  const float *g, *h_before;  // h_before null: the first step
  float *saved, *h;
};

// kRows running sequences x kBlocks blocks of units: the product with w_hh and the cell. Gates are `step` apart, those
// of the biases kLanes.
template <class Level, int kRows, int kBlocks>
MTL_INLINE void forward_tile(const Cell* cells, int64_t step, const float* bias, const float* const* previous,
                             const float* panel, int64_t hidden) {
  using Floats = typename Level::Floats;
  constexpr int kCells = kBlocks * kRows;
  Floats acc[kCells * kGates];
  each<kCells * kGates>([&](auto n) MTL_BODY {
    acc[n] = load<Floats>(bias + (n / kGates / kRows * kGates + n % kGates) * Level::kLanes);
  });
  if (cells[0].h_before != nullptr) multiply_tile<Floats, kRows, kGates, kBlocks>(previous, panel, hidden, acc);
  each<kCells>([&](auto at) MTL_BODY {
    const Cell& cell = cells[at];
    const Floats* of_gates = acc + at * kGates;
    const Floats r = sigmoid(load<Floats>(cell.g) + of_gates[0]),
                 z = sigmoid(load<Floats>(cell.g + step) + of_gates[1]);
    const Floats n = tanh(load<Floats>(cell.g + 2 * step) + r * of_gates[2]);
    Floats h = n - z * n;
    if (cell.h_before != nullptr) h += z * load<Floats>(cell.h_before);
    store(cell.saved, r);
    store(cell.saved + step, z);
    store(cell.saved + 2 * step, n);
    store(cell.saved + 3 * step, of_gates[2]);
    store(cell.h, h);
  });
}

// Copies the units of a partial block into `scratch` (g, saved, h_before, h: 9 vectors) or the results back.
template <class Level>
MTL_INLINE void copy_in(const Cell& cell, int64_t hidden, int64_t width, float* scratch) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  for (int q = 0; q < kGates; ++q) store(scratch + q * kLanes, load_part<Floats>(cell.g + q * hidden, width));
  if (cell.h_before != nullptr) store(scratch + 7 * kLanes, load_part<Floats>(cell.h_before, width));
}
template <class Level>
MTL_INLINE void copy_out(const Cell& cell, int64_t hidden, int64_t width, const float* scratch) {
  constexpr int64_t kLanes = Level::kLanes;
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
  for (int q = 0; q < kSaved; ++q) std::memcpy(cell.saved + q * hidden, scratch + (3 + q) * kLanes, bytes);
  std::memcpy(cell.h, scratch + 8 * kLanes, bytes);
}

template <class Level>
MTL_INLINE void forward_blocks(const Forward& s, int64_t running, int64_t t) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  const int64_t hidden = s.hidden, back = s.chunk.back() * s.stride;
  by_blocks<Level, kGates>(running, hidden, [&](auto rows, auto blocks, int64_t i, int64_t j) MTL_BODY {
    constexpr int kRows = decltype(rows)::value, kBlocks = decltype(blocks)::value, kCells = kRows * kBlocks;
    const int64_t width = hidden - j;
    float bias[kBlocks * kGates * kLanes];
    for (int n = 0; n < kBlocks * kGates; ++n) {
      const int64_t unit = j + n / kGates * kLanes;
      store(bias + n * kLanes, load_some<Floats>(s.bias + n % kGates * hidden + unit, hidden - unit));
    }
    Cell cells[kCells];
    const float* previous[kRows];
    for (int n = 0; n < kCells; ++n) {
      const int64_t row = s.rows[i + n % kRows], unit = j + n / kRows * kLanes, at = row * s.stride + unit;
      cells[n] = {s.g + row * kGates * hidden + unit, t == 0 ? nullptr : s.h + at + back,
                  s.saved + row * s.stride * kSaved + unit, s.h + at};
      previous[n % kRows] = s.h + row * s.stride + back;
    }
    int64_t step = hidden;
    float scratch[kRows][9 * kLanes];
    Cell real[kRows] = {};
    if (kBlocks == 1 && width < kLanes) {
      for (int r = 0; r < kRows; ++r) {
        real[r] = cells[r];
        float* x = scratch[r];
        copy_in<Level>(real[r], hidden, width, x);
        cells[r] = {x, real[r].h_before == nullptr ? nullptr : x + 7 * kLanes, x + 3 * kLanes, x + 8 * kLanes};
      }
      step = kLanes;
    }
    forward_tile<Level, kRows, kBlocks>(cells, step, bias, previous, s.panels + j * hidden * kGates, hidden);
    if (kBlocks == 1 && width < kLanes) {
      for (int r = 0; r < kRows; ++r) copy_out<Level>(real[r], hidden, width, scratch[r]);
    }
  });
}

void forward_step(const Forward& s, int64_t running, int64_t t) {
  at_level([=](auto level) MTL_BODY { forward_blocks<decltype(level)>(s, running, t); });
}

}  // namespace

size_t gru_scan_workspace(const WorkspaceQuery& query) {
  return scan_workspace(query, kGates);
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
        forward_step);
  });
}

}  // namespace

void gru_scan_packed(const KernelArgs& args, const float* panels) {
  scan(args, panels);
}

void gru_scan(const KernelArgs& args) {
  scan(args, pack_panels(args, kGates, 3));
}

}  // namespace mtl::runtime::kernels
