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

// kRows running sequences x 16 units: the product with w_hh and the cell.
template <int kRows>
MTL_INLINE void forward_tile(const Forward& s, const int32_t* rows, bool first, int64_t block) {
  const int64_t hidden = s.hidden, j = block * kLanes, width = hidden - j, back = s.chunk.back();
  Floats acc[kRows][kGates];
  for (int r = 0; r < kRows; ++r) {
    for (int q = 0; q < kGates; ++q) acc[r][q] = load_units(s.g + (rows[r] * kGates + q) * hidden + j, width);
  }
  if (!first) {
    const float* previous[kRows];
    for (int r = 0; r < kRows; ++r) previous[r] = s.h + (rows[r] + back) * s.stride;
    multiply_tile<kRows, kGates>(previous, s.panels + block * hidden * kGates * kLanes, hidden, acc);
  }
  for (int r = 0; r < kRows; ++r) {
    const int64_t at = rows[r] * s.stride + j;
    float* gates = s.gates + rows[r] * s.stride * kGates + j;
    const Floats i = sigmoid(acc[r][0]), f = sigmoid(acc[r][1]), g = tanh(acc[r][2]), o = sigmoid(acc[r][3]);
    Floats c = i * g;
    if (!first) c += f * load_units(s.c + at + back * s.stride, width);
    store_units(gates, i, width);
    store_units(gates + hidden, f, width);
    store_units(gates + 2 * hidden, g, width);
    store_units(gates + 3 * hidden, o, width);
    store_units(s.c + at, c, width);
    store_units(s.h + at, o * tanh(c), width);
  }
}

MTL_CLONES void forward_step(const Forward& s, int64_t running, bool first) {
  for (int64_t block = 0; block < blocks_of_16(s.hidden); ++block) {
    int64_t i = 0;
    for (; i + 6 <= running; i += 6) forward_tile<6>(s, s.rows + i, first, block);
    switch (running - i) {
      case 5:
        forward_tile<5>(s, s.rows + i, first, block);
        break;
      case 4:
        forward_tile<4>(s, s.rows + i, first, block);
        break;
      case 3:
        forward_tile<3>(s, s.rows + i, first, block);
        break;
      case 2:
        forward_tile<2>(s, s.rows + i, first, block);
        break;
      case 1:
        forward_tile<1>(s, s.rows + i, first, block);
        break;
      default:
        break;
    }
  }
}

void forward_scan(const Forward& s) {
  int64_t running = s.chunk.sequences();
  for (int64_t t = 0; (running = s.chunk.running(t, running)) > 0; ++t) {
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    forward_step(s, running, t == 0);
  }
}

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

MTL_CLONES void backward_step(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows(s.dg, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
}

void backward_scan(const Backward& s) {
  const int64_t sequences = s.chunk.sequences();
  int64_t running = 0;
  for (int64_t t = sequences > 0 ? s.chunk.length(0) - 1 : -1; t >= 0; --t) {
    while (running < sequences && s.chunk.length(running) > t) ++running;
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    backward_step(s, running, t);
  }
}

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
    forward_scan({chunk, hidden, directions * hidden, buffer<float>(args, 2 * d), panels + d * panel_size,
                  h + d * hidden, c + d * hidden, gates + d * kGates * hidden, rows + slot});
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
    backward_scan({chunk, hidden, stride, dh + d * hidden, c + d * hidden, gates + d * kGates * hidden,
                   panels + d * panel_size, buffer<float>(args, 4 + directions + d), dh_next + slot * hidden,
                   dc_next + slot * hidden, rows + slot});
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
