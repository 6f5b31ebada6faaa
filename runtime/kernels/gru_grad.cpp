// The gradient of gru.cpp.
#include "runtime/core/gemm.h"
#include "runtime/core/kernels/scan.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGates = 3, kFloatsWorthAThread = 16384;
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

template <class Level>
MTL_INLINE void backward_cell(const Backward& s, int64_t i, int64_t row, bool first, bool last) {
  using Floats = typename Level::Floats;
  const int64_t hidden = s.hidden, before = s.chunk.back() * s.stride;
  const float *saved = s.saved + row * s.stride * kSaved, *dh_row = s.dh + row * s.stride,
              *h_row = s.h + row * s.stride;
  float *dg = s.dg + row * kGates * hidden, *dgates = s.dgates + row * kGates * hidden;
  float *dh_next = s.dh_next + i * hidden, *direct = s.direct + i * hidden;
  over_lanes<Floats>(hidden, [&](int64_t j, auto width) MTL_BODY {
    const Floats r = load_some<Floats>(saved + j, width), z = load_some<Floats>(saved + hidden + j, width);
    const Floats n = load_some<Floats>(saved + 2 * hidden + j, width),
                 hn = load_some<Floats>(saved + 3 * hidden + j, width);
    Floats dh = load_some<Floats>(dh_row + j, width);
    if (!last) dh += load_some<Floats>(dh_next + j, width) + load_some<Floats>(direct + j, width);
    const Floats h_before = first ? Floats{} : load_some<Floats>(h_row + before + j, width);
    const Floats dn = dh * (1.0f - z) * (1.0f - n * n);      // before tanh
    const Floats dr = dn * hn * r * (1.0f - r);              // before sigmoid
    const Floats dz = dh * (h_before - n) * z * (1.0f - z);  // before sigmoid
    store_some(dg + j, dr, width);
    store_some(dg + hidden + j, dz, width);
    store_some(dg + 2 * hidden + j, dn, width);
    store_some(dgates + j, dr, width);
    store_some(dgates + hidden + j, dz, width);
    store_some(dgates + 2 * hidden + j, dn * r, width);
    store_some(direct + j, dh * z, width);
  });
}

template <class Level>
MTL_INLINE void backward_rows(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell<Level>(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows<Level>(s.dgates, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
}
void backward_step(const Backward& s, int64_t running, int64_t t) {
  at_level([=](auto level) MTL_BODY { backward_rows<decltype(level)>(s, running, t); });
}

// out[j] = sum of x[., j] over rows, for columns of [rows, n].
void sum_rows(const float* x, int64_t rows, int64_t n, Range columns, float* out) {
  at_level([=](auto level) MTL_BODY {
    using Floats = typename decltype(level)::Floats;
    over_lanes<Floats>(columns.end - columns.begin, [&](int64_t j, auto width) MTL_BODY {
      const float* from = x + columns.begin + j;
      Floats sum{};
      for (int64_t r = 0; r < rows; ++r) sum += load_some<Floats>(from + r * n, width);
      store_some(out + columns.begin + j, sum, width);
    });
  });
}

}  // namespace

size_t gru_scan_grad_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1], all_rows = query.spaces[0]->rows;
  const int64_t slots = scan_slots(query.spaces[0]->parent_rows, directions);
  return sizeof(float) *
             (padded(directions * row_panel_floats(hidden, kGates)) + padded(slots) + 2 * padded(slots * hidden) +
              padded(directions * all_rows * hidden) + padded(directions * all_rows * kGates * hidden)) +
         static_cast<size_t>(directions) * gemm_workspace(kGates * hidden, hidden, all_rows);
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
  void* product_workspace = carver.floats(0);
  const int64_t copies = parts_of(space.rows * hidden, kFloatsWorthAThread), parts = 1 + copies;
  parallel_for(directions * parts, [&](int64_t part) {
    const int64_t d = part / parts, copy = part % parts - 1;
    if (copy < 0) {
      pack_row_panels(buffer<float>(args, 3 + d), hidden, kGates, panels + d * panel_size);
    } else {
      previous_rows(space, part_range(space.parent_rows, copies, copy), h + d * hidden, stride, hidden,
                    directions == 2 ? d == 1 : reverse, previous + d * all_rows * hidden);
    }
  });
  for_each_task(space, directions, reverse, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_backward<Backward>(
        {chunk, hidden, stride, dh + d * hidden, h + d * hidden, saved + d * kSaved * hidden, panels + d * panel_size,
         buffer<float>(args, 3 + directions + d), dgates + d * all_rows * kGates * hidden, dh_next + slot * hidden,
         direct + slot * hidden, rows + slot},
        backward_step);
  });
  Gemm products[2];
  for (int64_t d = 0; d < directions; ++d) {
    products[d] =
        product_of(kGates * hidden, hidden, all_rows, {dgates + d * all_rows * kGates * hidden, kGates * hidden, true},
                   {previous + d * all_rows * hidden, hidden}, buffer<float>(args, 3 + 2 * directions + d), hidden);
  }
  gemm(products, static_cast<int>(directions), product_workspace);
  const int64_t columns = kGates * hidden, bands = parts_of(columns * all_rows, kFloatsWorthAThread);
  parallel_for(directions * bands, [&](int64_t part) {
    const int64_t d = part / bands;
    sum_rows(dgates + d * all_rows * columns, all_rows, columns, part_range(columns, bands, part % bands),
             buffer<float>(args, 3 + 3 * directions + d));
  });
}

}  // namespace mtl::runtime::kernels
