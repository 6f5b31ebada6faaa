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
        running, [&]<int kRows>(int64_t i) __attribute__((always_inline)) {
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

template <int kMost>
MTL_INLINE void backward_step(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows<kMost>(s.dgates, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
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
    scan_forward<Forward>(
        {chunk, hidden, directions * hidden, buffer<float>(args, 3 * d), buffer<float>(args, 3 * d + 2),
         panels + d * panel_size, h + d * hidden, saved + d * kSaved * hidden, rows + slot},
        kForward);
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
    scan_backward<Backward>(
        {chunk, hidden, stride, dh + d * hidden, h + d * hidden, saved + d * kSaved * hidden, panels + d * panel_size,
         buffer<float>(args, 3 + directions + d), dgates + d * all_rows * kGates * hidden, dh_next + slot * hidden,
         direct + slot * hidden, rows + slot},
        kBackward);
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
