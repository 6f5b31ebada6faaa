// LSTM over packed sequences (Hochreiter & Schmidhuber 1997; PyTorch's gate order i f g o).
//
//   i f o = sigmoid, g = tanh of (g row + w_hh h_prev);   c = f c_prev + i g;   h = o tanh(c)
#include "runtime/core/kernels/packed.h"
#include "runtime/core/kernels/scan.h"

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

// Where the kLanes units of one row are: in the buffers, or in scratch for the last, partial block.
struct Cell {
  const float *g, *c_before;  // c_before null: the first step
  float *gates, *c, *h;
};

// kRows running sequences x kBlocks blocks of units: the product with w_hh and the cell. Gates are `step` apart.
template <class Level, int kRows, int kBlocks>
MTL_INLINE void forward_tile(const Cell* cells, int64_t step, const float* const* previous, const float* panel,
                             int64_t hidden) {
  using Floats = typename Level::Floats;
  constexpr int kCells = kBlocks * kRows;
  Floats acc[kCells * kGates];
  each<kCells * kGates>([&](auto n) MTL_BODY { acc[n] = load<Floats>(cells[n / kGates].g + n % kGates * step); });
  if (cells[0].c_before != nullptr) multiply_tile<Floats, kRows, kGates, kBlocks>(previous, panel, hidden, acc);
  each<kCells>([&](auto n) MTL_BODY {
    const Cell& cell = cells[n];
    const Floats i = sigmoid(acc[n * kGates]), f = sigmoid(acc[n * kGates + 1]), g = tanh(acc[n * kGates + 2]);
    const Floats o = sigmoid(acc[n * kGates + 3]);
    Floats c = i * g;
    if (cell.c_before != nullptr) c += f * load<Floats>(cell.c_before);
    store(cell.gates, i);
    store(cell.gates + step, f);
    store(cell.gates + 2 * step, g);
    store(cell.gates + 3 * step, o);
    store(cell.c, c);
    store(cell.h, o * tanh(c));
  });
}

// Copies the units of a partial block into `scratch` (g, gates, c_before, c, h: 11 vectors) or the results back.
template <class Level>
MTL_INLINE void copy_in(const Cell& cell, int64_t hidden, int64_t width, float* scratch) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  for (int q = 0; q < kGates; ++q) store(scratch + q * kLanes, load_part<Floats>(cell.g + q * hidden, width));
  if (cell.c_before != nullptr) store(scratch + 8 * kLanes, load_part<Floats>(cell.c_before, width));
}
template <class Level>
MTL_INLINE void copy_out(const Cell& cell, int64_t hidden, int64_t width, const float* scratch) {
  constexpr int64_t kLanes = Level::kLanes;
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
  for (int q = 0; q < kGates; ++q) std::memcpy(cell.gates + q * hidden, scratch + (4 + q) * kLanes, bytes);
  std::memcpy(cell.c, scratch + 9 * kLanes, bytes);
  std::memcpy(cell.h, scratch + 10 * kLanes, bytes);
}

template <class Level>
MTL_INLINE void forward_blocks(const Forward& s, int64_t running, int64_t t) {
  constexpr int64_t kLanes = Level::kLanes;
  const int64_t hidden = s.hidden, back = s.chunk.back();
  by_blocks<Level, kGates>(running, hidden, [&](auto rows, auto blocks, int64_t i, int64_t j) MTL_BODY {
    constexpr int kRows = decltype(rows)::value, kBlocks = decltype(blocks)::value, kCells = kRows * kBlocks;
    const int64_t width = hidden - j;
    Cell cells[kCells];
    const float* previous[kRows];
    for (int n = 0; n < kCells; ++n) {
      const int64_t row = s.rows[i + n % kRows], unit = j + n / kRows * kLanes, at = row * s.stride + unit;
      cells[n] = {s.g + row * kGates * hidden + unit, t == 0 ? nullptr : s.c + at + back * s.stride,
                  s.gates + row * s.stride * kGates + unit, s.c + at, s.h + at};
      previous[n % kRows] = s.h + (row + back) * s.stride;
    }
    int64_t step = hidden;
    float scratch[kRows][11 * kLanes];
    Cell real[kRows] = {};
    if (kBlocks == 1 && width < kLanes) {
      for (int r = 0; r < kRows; ++r) {
        real[r] = cells[r];
        float* x = scratch[r];
        copy_in<Level>(real[r], hidden, width, x);
        cells[r] = {x, real[r].c_before == nullptr ? nullptr : x + 8 * kLanes, x + 4 * kLanes, x + 9 * kLanes,
                    x + 10 * kLanes};
      }
      step = kLanes;
    }
    forward_tile<Level, kRows, kBlocks>(cells, step, previous, s.panels + j * hidden * kGates, hidden);
    if (kBlocks == 1 && width < kLanes) {
      for (int r = 0; r < kRows; ++r) copy_out<Level>(real[r], hidden, width, scratch[r]);
    }
  });
}

void forward_step(const Forward& s, int64_t running, int64_t t) {
  at_level([=](auto level) MTL_BODY { forward_blocks<decltype(level)>(s, running, t); });
}

}  // namespace

size_t lstm_scan_workspace(const WorkspaceQuery& query) {
  return scan_workspace(query, kGates);
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
                          forward_step);
  });
}

}  // namespace

void lstm_scan_packed(const KernelArgs& args, const float* panels) {
  scan(args, panels);
}

void lstm_scan(const KernelArgs& args) {
  scan(args, pack_panels(args, kGates, 2));
}

}  // namespace mtl::runtime::kernels
