// LSTM over packed sequences (Hochreiter & Schmidhuber 1997; PyTorch's gate order i f g o).
//
//   i f o = sigmoid, g = tanh of (g row + w_hh h_prev);   c = f c_prev + i g;   h = o tanh(c)
#include "runtime/gemm.h"
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
        running, [&]<int kRows>(int64_t i) __attribute__((always_inline)) {
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

struct Backward {
  Chunk chunk;
  int64_t hidden, stride;
  const float *dh, *c, *gates;
  const float* panels;
  float* dg;
  float *dh_next, *dc_next;  // scratch, by sequence: what flows back from the time after
  int32_t* rows;
};

// dc = dh o (1 - tanh(c)^2) + dc_next f_next; the gates' derivatives are written before their activations.
MTL_INLINE void backward_cell(const Backward& s, int64_t i, int64_t row, bool first, bool last) {
  const int64_t hidden = s.hidden, before = s.chunk.back() * s.stride;
  const float *gates = s.gates + row * s.stride * kGates, *dh_row = s.dh + row * s.stride,
              *c_row = s.c + row * s.stride;
  float *dg = s.dg + row * kGates * hidden, *dh_next = s.dh_next + i * hidden, *dc_next = s.dc_next + i * hidden;
  for (int64_t j = 0; j < hidden; j += kLanes) {
    const int64_t width = hidden - j;
    const Floats in = load_units(gates + j, width), f = load_units(gates + hidden + j, width);
    const Floats g = load_units(gates + 2 * hidden + j, width), o = load_units(gates + 3 * hidden + j, width);
    const Floats tanh_c = tanh(load_units(c_row + j, width));
    Floats dh = load_units(dh_row + j, width), dc{};
    if (!last) {
      dh += load_units(dh_next + j, width);
      dc = load_units(dc_next + j, width);
    }
    dc += dh * o * (1.0f - tanh_c * tanh_c);
    const Floats c_before = first ? Floats{} : load_units(c_row + before + j, width);
    store_units(dg + j, dc * g * in * (1.0f - in), width);
    store_units(dg + hidden + j, dc * c_before * f * (1.0f - f), width);
    store_units(dg + 2 * hidden + j, dc * in * (1.0f - g * g), width);
    store_units(dg + 3 * hidden + j, dh * tanh_c * o * (1.0f - o), width);
    store_units(dc_next + j, dc * f, width);
  }
}

template <int kMost>
MTL_INLINE void backward_step(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows<kMost>(s.dg, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
}
MTL_TARGET_V4 void backward_v4(const Backward& s, int64_t running, int64_t t) {
  backward_step<kRowsV4>(s, running, t);
}
MTL_TARGET_V3 void backward_v3(const Backward& s, int64_t running, int64_t t) {
  backward_step<kRowsV3>(s, running, t);
}
void backward_any(const Backward& s, int64_t running, int64_t t) {
  backward_step<kRowsAny>(s, running, t);
}
constexpr Steps<Backward> kBackward = {backward_v4, backward_v3, backward_any};

}  // namespace

size_t lstm_scan_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  return sizeof(float) * (padded(directions * gate_panel_floats(hidden, kGates)) +
                          padded(scan_slots(query.spaces[0]->parent_rows, directions)));
}

void lstm_scan(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  float *h = buffer<float>(args, 2 * directions), *c = buffer<float>(args, 2 * directions + 1);
  float* gates = buffer<float>(args, 2 * directions + 2);
  const int64_t panel_size = gate_panel_floats(hidden, kGates), blocks = blocks_of_16(hidden);
  Carver carver(args.workspace);
  float* panels = carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(scan_slots(space.parent_rows, directions)));
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    const Range range = part_range(blocks, 2, part % 2);
    for (int64_t block = range.begin; block < range.end; ++block) {
      pack_gate_panel(buffer<float>(args, 2 * d + 1), hidden, kGates, block, panels + d * panel_size);
    }
  });
  for_each_task(space, directions, args.ints[2] != 0, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_forward<Forward>({chunk, hidden, directions * hidden, buffer<float>(args, 2 * d), panels + d * panel_size,
                           h + d * hidden, c + d * hidden, gates + d * kGates * hidden, rows + slot},
                          kForward);
  });
}

size_t lstm_scan_grad_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  const int64_t slots = scan_slots(query.spaces[0]->parent_rows, directions);
  return sizeof(float) * (padded(directions * row_panel_floats(hidden, kGates)) + padded(slots) +
                          2 * padded(slots * hidden) + padded(directions * query.spaces[0]->rows * hidden));
}

void lstm_scan_grad(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1], stride = directions * hidden;
  const bool reverse = args.ints[2] != 0;
  const float *dh = buffer<float>(args, 0), *h = buffer<float>(args, 1), *c = buffer<float>(args, 2);
  const float* gates = buffer<float>(args, 3);
  const int64_t panel_size = row_panel_floats(hidden, kGates), slots = scan_slots(space.parent_rows, directions);
  Carver carver(args.workspace);
  float* panels = carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(slots));
  float *dh_next = carver.floats(slots * hidden), *dc_next = carver.floats(slots * hidden);
  float* previous = carver.floats(directions * space.rows * hidden);
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    if (part % 2 == 0) {
      pack_row_panels(buffer<float>(args, 4 + d), hidden, kGates, panels + d * panel_size);
    } else {
      previous_rows(space, h + d * hidden, stride, hidden, directions == 2 ? d == 1 : reverse,
                    previous + d * space.rows * hidden);
    }
  });
  for_each_task(space, directions, reverse, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_backward<Backward>(
        {chunk, hidden, stride, dh + d * hidden, c + d * hidden, gates + d * kGates * hidden, panels + d * panel_size,
         buffer<float>(args, 4 + directions + d), dh_next + slot * hidden, dc_next + slot * hidden, rows + slot},
        kBackward);
  });
  for (int64_t d = 0; d < directions; ++d) {
    gemm({.transpose_a = true,
          .m = kGates * hidden,
          .n = hidden,
          .k = space.rows,
          .a = buffer<float>(args, 4 + directions + d),
          .lda = kGates * hidden,
          .b = previous + d * space.rows * hidden,
          .ldb = hidden,
          .c = buffer<float>(args, 4 + 2 * directions + d),
          .ldc = hidden});
  }
}

}  // namespace mtl::runtime::kernels
