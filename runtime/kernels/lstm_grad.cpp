// The gradient of lstm.cpp.
#include "runtime/core/gemm.h"
#include "runtime/core/kernels/scan.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kGates = 4, kFloatsWorthAThread = 16384;

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
template <class Level>
MTL_INLINE void backward_cell(const Backward& s, int64_t i, int64_t row, bool first, bool last) {
  using Floats = typename Level::Floats;
  const int64_t hidden = s.hidden, before = s.chunk.back() * s.stride;
  const float *gates = s.gates + row * s.stride * kGates, *dh_row = s.dh + row * s.stride,
              *c_row = s.c + row * s.stride;
  float *dg = s.dg + row * kGates * hidden, *dh_next = s.dh_next + i * hidden, *dc_next = s.dc_next + i * hidden;
  over_lanes<Floats>(hidden, [&](int64_t j, auto width) MTL_BODY {
    const Floats in = load_some<Floats>(gates + j, width), f = load_some<Floats>(gates + hidden + j, width);
    const Floats g = load_some<Floats>(gates + 2 * hidden + j, width),
                 o = load_some<Floats>(gates + 3 * hidden + j, width);
    const Floats tanh_c = tanh(load_some<Floats>(c_row + j, width));
    Floats dh = load_some<Floats>(dh_row + j, width), dc{};
    if (!last) {
      dh += load_some<Floats>(dh_next + j, width);
      dc = load_some<Floats>(dc_next + j, width);
    }
    dc += dh * o * (1.0f - tanh_c * tanh_c);
    const Floats c_before = first ? Floats{} : load_some<Floats>(c_row + before + j, width);
    store_some(dg + j, dc * g * in * (1.0f - in), width);
    store_some(dg + hidden + j, dc * c_before * f * (1.0f - f), width);
    store_some(dg + 2 * hidden + j, dc * in * (1.0f - g * g), width);
    store_some(dg + 3 * hidden + j, dh * tanh_c * o * (1.0f - o), width);
    store_some(dc_next + j, dc * f, width);
  });
}

template <class Level>
MTL_INLINE void backward_rows(const Backward& s, int64_t running, int64_t t) {
  for (int64_t i = 0; i < running; ++i) backward_cell<Level>(s, i, s.rows[i], t == 0, t + 1 == s.chunk.length(i));
  if (t > 0) multiply_rows<Level>(s.dg, s.rows, running, kGates * s.hidden, s.panels, s.hidden, s.dh_next);
}
void backward_step(const Backward& s, int64_t running, int64_t t) {
  at_level([=](auto level) MTL_BODY { backward_rows<decltype(level)>(s, running, t); });
}

}  // namespace

size_t lstm_scan_grad_workspace(const WorkspaceQuery& query) {
  const int64_t hidden = query.ints[0], directions = query.ints[1];
  const int64_t slots = scan_slots(query.spaces[0]->parent_rows, directions);
  return sizeof(float) * (padded(directions * row_panel_floats(hidden, kGates)) + padded(slots) +
                          2 * padded(slots * hidden) + padded(directions * query.spaces[0]->rows * hidden)) +
         static_cast<size_t>(directions) * gemm_workspace(kGates * hidden, hidden, query.spaces[0]->rows);
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
  void* product_workspace = carver.floats(0);
  const int64_t copies = parts_of(space.rows * hidden, kFloatsWorthAThread), parts = 1 + copies;
  parallel_for(directions * parts, [&](int64_t part) {
    const int64_t d = part / parts, copy = part % parts - 1;
    if (copy < 0) {
      pack_row_panels(buffer<float>(args, 4 + d), hidden, kGates, panels + d * panel_size);
    } else {
      previous_rows(space, part_range(space.parent_rows, copies, copy), h + d * hidden, stride, hidden,
                    directions == 2 ? d == 1 : reverse, previous + d * space.rows * hidden);
    }
  });
  for_each_task(space, directions, reverse, [&](int64_t d, const Chunk& chunk, int64_t slot) {
    scan_backward<Backward>(
        {chunk, hidden, stride, dh + d * hidden, c + d * hidden, gates + d * kGates * hidden, panels + d * panel_size,
         buffer<float>(args, 4 + directions + d), dh_next + slot * hidden, dc_next + slot * hidden, rows + slot},
        backward_step);
  });
  Gemm products[2];
  for (int64_t d = 0; d < directions; ++d) {
    products[d] = product_of(
        kGates * hidden, hidden, space.rows, {buffer<float>(args, 4 + directions + d), kGates * hidden, true},
        {previous + d * space.rows * hidden, hidden}, buffer<float>(args, 4 + 2 * directions + d), hidden);
  }
  gemm(products, static_cast<int>(directions), product_workspace);
}

}  // namespace mtl::runtime::kernels
