// The gradient of gru.cpp.
#include "runtime/gemm.h"
#include "runtime/kernels/scan.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGates = 3;
constexpr int64_t kSaved = 4;

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
    gemm(product_of(kGates * hidden, hidden, all_rows, {dgates_d, kGates * hidden, true},
                    {previous + d * all_rows * hidden, hidden}, buffer<float>(args, 3 + 2 * directions + d), hidden));
  }
  parallel_for(directions, [&](int64_t d) {
    sum_rows(dgates + d * all_rows * kGates * hidden, all_rows, kGates * hidden,
             buffer<float>(args, 3 + 3 * directions + d));
  });
}

}  // namespace mtl::runtime::kernels
