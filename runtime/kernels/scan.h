// What lstm and gru share: who runs when, packed recurrent weights, and products of a few rows with them.
//
// Sequences are taken by falling length, so that those still running at time t are always the first ones: no padding.
// A scan is cut into tasks (direction x chunk of sequences, every count-th one), which run whole on one thread.
// The recurrent weights are packed once per call so that the inner loop streams them; a task computes up to
// 6 rows x 64 columns in registers.
//
//   gate panels, forward:   [block of 16 units][k < H][gate][16]      (the gates of a unit meet in one tile)
//   row panels, backward:   [block of 64 columns][k < G*H][64], then blocks of 16 columns
#pragma once
#include <type_traits>

#include "runtime/kernels/all.h"
#include "runtime/parallel.h"
#include "runtime/vector.h"

namespace mtl::runtime::kernels {

inline int64_t blocks_of_16(int64_t n) {
  return (n + kLanes - 1) / kLanes;
}

// How many chunks of sequences: enough to give every thread work, few enough to keep tiles full.
inline int64_t scan_chunks(int64_t sequences, int64_t directions) {
  const int64_t by_size = parts_of(sequences, 16);
  return directions == 1 && by_size == 1 && sequences >= 4 ? 2 : by_size;
}

struct Chunk {
  const SpaceView* space = nullptr;
  int64_t index = 0, count = 1;
  bool reverse = false;

  int64_t sequences() const { return (space->parent_rows - index + count - 1) / count; }
  int64_t parent(int64_t i) const { return space->order[index + i * count]; }
  int64_t length(int64_t i) const { return space->offsets[parent(i) + 1] - space->offsets[parent(i)]; }
  int64_t row(int64_t i, int64_t t) const {
    return reverse ? space->offsets[parent(i) + 1] - 1 - t : space->offsets[parent(i)] + t;
  }
  int64_t back() const { return reverse ? 1 : -1; }  // from a row to that of the time before
  // How many sequences are longer than t, given that no more than `most` are.
  int64_t running(int64_t t, int64_t most) const {
    while (most > 0 && length(most - 1) <= t) --most;
    return most;
  }
};

// One pass over tasks of all directions and chunks: body(direction, chunk, index of its first sequence slot).
template <class Body>
void for_each_task(const SpaceView& space, int64_t directions, bool reverse, Body&& body) {
  const int64_t chunks = scan_chunks(space.parent_rows, directions);
  parallel_for(directions * chunks, [&](int64_t task) {
    const int64_t direction = task % directions, index = task / directions;
    const Chunk chunk{&space, index, chunks, directions == 2 ? direction == 1 : reverse};
    // Slots: chunk by chunk, at most ceil(parent_rows / chunks) each.
    const int64_t slots = (space.parent_rows + chunks - 1) / chunks;
    body(direction, chunk, (direction * chunks + index) * slots);
  });
}
inline int64_t scan_slots(int64_t sequences, int64_t directions) {
  // Bounds directions x chunks x ceil(sequences / chunks) for any number of at most `sequences`.
  return directions * (sequences + 16);
}

inline int64_t gate_panel_floats(int64_t hidden, int64_t gates) {
  return blocks_of_16(hidden) * hidden * gates * kLanes;
}
// Packs block `block` of w[G*H, H] into gate panels.
void pack_gate_panel(const float* w, int64_t hidden, int64_t gates, int64_t block, float* panels);
inline int64_t row_panel_floats(int64_t hidden, int64_t gates) {
  return blocks_of_16(hidden) * kLanes * gates * hidden;
}
// Packs w[G*H, H] into row panels.
void pack_row_panels(const float* w, int64_t hidden, int64_t gates, float* panels);
// previous[R, H] = h at the time before (h: rows `stride` apart), zeros at the start of each sequence.
void previous_rows(const SpaceView& space, const float* h, int64_t stride, int64_t hidden, bool reverse,
                   float* previous);

// acc[r][q] += a[r][0..k) panel[k][q][16]
template <int kRows, int kVectors>
MTL_INLINE void multiply_tile(const float* const* a, const float* panel, int64_t k, Floats (*acc)[kVectors]) {
  for (int64_t x = 0; x < k; ++x, panel += kVectors * kLanes) {
    Floats column[kVectors];
    for (int q = 0; q < kVectors; ++q) column[q] = load(panel + q * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Floats factor = splat(a[r][x]);
      for (int q = 0; q < kVectors; ++q) acc[r][q] += factor * column[q];
    }
  }
}

// How many rows of 4 vectors each instruction set holds in registers.
constexpr int kRowsV4 = 6, kRowsV3 = 2, kRowsAny = 1;

// A number of rows as a type.
template <int kRows>
using RowCount = std::integral_constant<int, kRows>;

// body(RowCount<kRows>(), first row) over `count` rows, kMost at a time and then what is left.
template <int kMost, class Body>
MTL_INLINE void by_rows(int64_t count, Body&& body) {
  int64_t i = 0;
  for (; i + kMost <= count; i += kMost) body(RowCount<kMost>(), i);
  if constexpr (kMost > 3) {
    if (i + 3 <= count) {
      body(RowCount<3>(), i);
      i += 3;
    }
  }
  if constexpr (kMost > 2) {
    if (i + 2 <= count) {
      body(RowCount<2>(), i);
      i += 2;
    }
  }
  if constexpr (kMost > 1) {
    if (i < count) body(RowCount<1>(), i);
  }
}

// A step of a scan in the three instruction sets: step(task, running sequences, time).
template <class Task>
struct Steps {
  using Step = void (*)(const Task&, int64_t, int64_t);
  Step v4, v3, any;
  Step pick() const {
    const CpuLevel level = cpu_level();
    return level == CpuLevel::v4 ? v4 : level == CpuLevel::v3 ? v3 : any;
  }
};

// Runs the steps forwards: `s.rows` gets the rows of the sequences that run at each time.
template <class Task>
void scan_forward(const Task& s, const Steps<Task>& steps) {
  const auto step = steps.pick();
  int64_t running = s.chunk.sequences();
  for (int64_t t = 0; (running = s.chunk.running(t, running)) > 0; ++t) {
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    step(s, running, t);
  }
}
template <class Task>
void scan_backward(const Task& s, const Steps<Task>& steps) {
  const auto step = steps.pick();
  const int64_t sequences = s.chunk.sequences();
  int64_t running = 0;
  for (int64_t t = sequences > 0 ? s.chunk.length(0) - 1 : -1; t >= 0; --t) {
    while (running < sequences && s.chunk.length(running) > t) ++running;
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    step(s, running, t);
  }
}

// Loads and stores of a block of units that may be the last, partial one.
MTL_INLINE Floats load_units(const float* p, int64_t width) {
  return width >= kLanes ? load(p) : load_part(p, width);
}
MTL_INLINE void store_units(float* p, const Floats& x, int64_t width) {
  if (width >= kLanes)
    store(p, x);
  else
    store_part(p, x, width);
}

// out[i, H] = d[rows[i], 0..inner) w for the first `count` rows, w in row panels; out has rows of `hidden`.
template <int kMost, int kVectors>
MTL_INLINE void multiply_columns(const float* d, const int32_t* rows, int64_t count, int64_t inner, const float* panel,
                                 int64_t hidden, int64_t column, float* out) {
  by_rows<kMost>(
      count, [&](auto rows_now, int64_t i) __attribute__((always_inline)) {
        constexpr int kRows = decltype(rows_now)::value;
        const float* a[kRows];
        for (int r = 0; r < kRows; ++r) a[r] = d + rows[i + r] * inner;
        Floats acc[kRows][kVectors] = {};
        multiply_tile<kRows, kVectors>(a, panel, inner, acc);
        for (int r = 0; r < kRows; ++r) {
          for (int q = 0; q < kVectors; ++q) {
            const int64_t j = column + q * kLanes;
            store_units(out + (i + r) * hidden + j, acc[r][q], hidden - j);
          }
        }
      });
}
template <int kMost>
MTL_INLINE void multiply_rows(const float* d, const int32_t* rows, int64_t count, int64_t inner, const float* panels,
                              int64_t hidden, float* out) {
  const int64_t padded_columns = blocks_of_16(hidden) * kLanes;
  int64_t column = 0;
  for (; column + 64 <= padded_columns; column += 64) {
    multiply_columns<kMost, 4>(d, rows, count, inner, panels + column * inner, hidden, column, out);
  }
  for (; column < padded_columns; column += kLanes) {
    multiply_columns<kMost, 1>(d, rows, count, inner, panels + column * inner, hidden, column, out);
  }
}

}  // namespace mtl::runtime::kernels
