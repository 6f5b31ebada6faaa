// GRU over packed sequences, as PyTorch defines it (the reset gate acts after the product, "reset after").
//
//   r z = sigmoid(g + w_hh h_prev + b_hh);  hn = w_hn h_prev + b_hn;  n = tanh(g_n + r hn);  h = (1 - z) n + z h_prev
#include "runtime/gemm.h"
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

template <int kRows>
MTL_INLINE void forward_tile(const Forward& s, const int32_t* rows, bool first, int64_t block) {
  const int64_t hidden = s.hidden, j = block * kLanes, width = hidden - j, back = s.chunk.back() * s.stride;
  Floats acc[kRows][kGates];
  for (int q = 0; q < kGates; ++q) {
    const Floats bias = load_units(s.bias + q * hidden + j, width);
    for (int r = 0; r < kRows; ++r) acc[r][q] = bias;
  }
  if (!first) {
    const float* previous[kRows];
    for (int r = 0; r < kRows; ++r) previous[r] = s.h + rows[r] * s.stride + back;
    multiply_tile<kRows, kGates>(previous, s.panels + block * hidden * kGates * kLanes, hidden, acc);
  }
  for (int row = 0; row < kRows; ++row) {
    const int64_t at = rows[row] * s.stride + j;
    const float* g = s.g + rows[row] * kGates * hidden + j;
    float* saved = s.saved + rows[row] * s.stride * kSaved + j;
    const Floats r = sigmoid(load_units(g, width) + acc[row][0]);
    const Floats z = sigmoid(load_units(g + hidden, width) + acc[row][1]);
    const Floats n = tanh(load_units(g + 2 * hidden, width) + r * acc[row][2]);
    Floats h = n - z * n;
    if (!first) h += z * load_units(s.h + at + back, width);
    store_units(saved, r, width);
    store_units(saved + hidden, z, width);
    store_units(saved + 2 * hidden, n, width);
    store_units(saved + 3 * hidden, acc[row][2], width);
    store_units(s.h + at, h, width);
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
  const float *dh, *h, *saved;
  const float* panels;
  float* dg;                // derivatives of the input gates
  float* dgates;            // of w_hh h_prev + b_hh: as dg, but the n gate times r
  float *dh_next, *direct;  // scratch, by sequence: through w_hh, and through z h_prev
  int32_t* rows;
};

MTL_INLINE void backward_cell(const Backward& s, int64_t i, int64_t row, bool first, bool last) {
  const int64_t hidden = s.hidden, before = s.chunk.back() * s.stride;
  const float *saved = s.saved + row * s.stride * kSaved, *dh_row = s.dh + row * s.stride,
              *h_row = s.h + row * s.stride;
  float *dg = s.dg + row * kGates * hidden, *dgates = s.dgates + row * kGates * hidden;
  float *dh_next = s.dh_next + i * hidden, *direct = s.direct + i * hidden;
  for (int64_t j = 0; j < hidden; j += kLanes) {
    const int64_t width = hidden - j;
    const Floats r = load_units(saved + j, width), z = load_units(saved + hidden + j, width);
    const Floats n = load_units(saved + 2 * hidden + j, width), hn = load_units(saved + 3 * hidden + j, width);
    Floats dh = load_units(dh_row + j, width);
    if (!last) dh += load_units(dh_next + j, width) + load_units(direct + j, width);
    const Floats h_before = first ? Floats{} : load_units(h_row + before + j, width);
    const Floats dn = dh * (1.0f - z) * (1.0f - n * n);      // before tanh
    const Floats dr = dn * hn * r * (1.0f - r);              // before sigmoid
    const Floats dz = dh * (h_before - n) * z * (1.0f - z);  // before sigmoid
    store_units(dg + j, dr, width);
    store_units(dg + hidden + j, dz, width);
    store_units(dg + 2 * hidden + j, dn, width);
    store_units(dgates + j, dr, width);
    store_units(dgates + hidden + j, dz, width);
    store_units(dgates + 2 * hidden + j, dn * r, width);
    store_units(direct + j, dh * z, width);
  }
}

MTL_CLONES void backward_step(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows(s.dgates, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
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

// out[n] = sum of the rows of x[rows, n]
MTL_CLONES void sum_rows(const float* x, int64_t rows, int64_t n, float* out) {
  for (int64_t j = 0; j < n; j += kLanes) {
    Floats sum{};
    for (int64_t r = 0; r < rows; ++r) sum += load_units(x + r * n + j, n - j);
    store_units(out + j, sum, n - j);
  }
}

}  // namespace

size_t gru_scan_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  return sizeof(float) * (padded(directions * gate_panel_floats(hidden, kGates)) +
                          padded(scan_slots(query.spaces[0]->parent_rows, directions)));
}

void gru_scan(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1];
  float *h = buffer<float>(args, 3 * directions), *saved = buffer<float>(args, 3 * directions + 1);
  const int64_t panel_size = gate_panel_floats(hidden, kGates), blocks = blocks_of_16(hidden);
  Carver carver(args.workspace);
  float* panels = carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(scan_slots(space.parent_rows, directions)));
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    const Range range = part_range(blocks, 2, part % 2);
    for (int64_t block = range.begin; block < range.end; ++block) {
      pack_gate_panel(buffer<float>(args, 3 * d + 1), hidden, kGates, block, panels + d * panel_size);
    }
  });
  for_each_task(space, directions, args.ints[2] != 0, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    forward_scan({chunk, hidden, directions * hidden, buffer<float>(args, 3 * d), buffer<float>(args, 3 * d + 2),
                  panels + d * panel_size, h + d * hidden, saved + d * kSaved * hidden, rows + slot});
  });
}

size_t gru_scan_grad_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1], all_rows = query.spaces[0]->rows;
  const int64_t slots = scan_slots(query.spaces[0]->parent_rows, directions);
  return sizeof(float) *
         (padded(directions * row_panel_floats(hidden, kGates)) + padded(slots) + 2 * padded(slots * hidden) +
          padded(directions * all_rows * hidden) + padded(directions * all_rows * kGates * hidden));
}

void gru_scan_grad(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t hidden = args.ints[0], directions = args.ints[1], stride = directions * hidden, all_rows = space.rows;
  const bool reverse = args.ints[2] != 0;
  const float *dh = buffer<float>(args, 0), *h = buffer<float>(args, 1), *saved = buffer<float>(args, 2);
  const int64_t panel_size = row_panel_floats(hidden, kGates), slots = scan_slots(space.parent_rows, directions);
  Carver carver(args.workspace);
  float* panels = carver.floats(directions * panel_size);
  int32_t* rows = reinterpret_cast<int32_t*>(carver.floats(slots));
  float *dh_next = carver.floats(slots * hidden), *direct = carver.floats(slots * hidden);
  float* previous = carver.floats(directions * all_rows * hidden);
  float* dgates = carver.floats(directions * all_rows * kGates * hidden);
  parallel_for(directions * 2, [&](int64_t part) {
    const int64_t d = part / 2;
    if (part % 2 == 0) {
      pack_row_panels(buffer<float>(args, 3 + d), hidden, kGates, panels + d * panel_size);
    } else {
      previous_rows(space, h + d * hidden, stride, hidden, directions == 2 ? d == 1 : reverse,
                    previous + d * all_rows * hidden);
    }
  });
  for_each_task(space, directions, reverse, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    backward_scan({chunk, hidden, stride, dh + d * hidden, h + d * hidden, saved + d * kSaved * hidden,
                   panels + d * panel_size, buffer<float>(args, 3 + directions + d),
                   dgates + d * all_rows * kGates * hidden, dh_next + slot * hidden, direct + slot * hidden,
                   rows + slot});
  });
  for (int64_t d = 0; d < directions; ++d) {
    const float* dgates_d = dgates + d * all_rows * kGates * hidden;
    gemm({.transpose_a = true,
          .m = kGates * hidden,
          .n = hidden,
          .k = all_rows,
          .a = dgates_d,
          .lda = kGates * hidden,
          .b = previous + d * all_rows * hidden,
          .ldb = hidden,
          .c = buffer<float>(args, 3 + 2 * directions + d),
          .ldc = hidden});
  }
  parallel_for(directions, [&](int64_t d) {
    sum_rows(dgates + d * all_rows * kGates * hidden, all_rows, kGates * hidden,
             buffer<float>(args, 3 + 3 * directions + d));
  });
}

}  // namespace mtl::runtime::kernels
