// What lstm and gru share: who runs when, packed recurrent weights, and products of a few rows with them.
//
// Sequences are taken by falling length, so that those still running at time t are always the first ones: no padding.
// A scan is cut into tasks (direction x chunk of sequences), which run whole on one thread. Sequences of a chunk are of
// similar length, so tiles stay full until its end; the chunks of the longest ones are taken first.
// The recurrent weights are packed once per call so that the inner loop streams them; a task computes as many rows x
// vectors as the level's registers hold.
//
//   gate panels, forward:   [block of kLanes units][k < H][gate][kLanes]    (the gates of a unit meet in one tile)
//   row panels, backward:   [block of 4 vectors of columns][k < G*H][4 kLanes], then blocks of one vector
//
// Both are laid out for the level in use; their sizes are those of the widest one.
#pragma once
#include <type_traits>

#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {

constexpr int64_t in_blocks_of(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

// Sequences of a chunk: enough to fill tiles and to share what is read of the weights.
constexpr int64_t kChunk = 8;

struct Chunk {
  const SpaceView* space = nullptr;
  Range places{};  // in space->order
  bool reverse = false;

  int64_t sequences() const { return places.end - places.begin; }
  int64_t parent(int64_t i) const { return space->order[places.begin + i]; }
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

// One pass over tasks of all directions and chunks: body(direction, chunk, its first slot), where every sequence of a
// direction has a slot.
template <class Body>
void for_each_task(const SpaceView& space, int64_t directions, bool reverse, Body&& body) {
  const int64_t sequences = space.parent_rows, chunks = parts_of(sequences, kChunk);
  parallel_for(directions * chunks, [&](int64_t task) {
    const int64_t direction = task % directions;
    const Chunk chunk{&space, part_range(sequences, chunks, task / directions),
                      directions == 2 ? direction == 1 : reverse};
    body(direction, chunk, direction * sequences + chunk.places.begin);
  });
}
inline int64_t scan_slots(int64_t sequences, int64_t directions) {
  return directions * sequences;
}

inline int64_t gate_panel_floats(int64_t hidden, int64_t gates) {
  return in_blocks_of(hidden, kMostLanes) * kMostLanes * hidden * gates;
}
// Of a forward scan with ints {H, directions, ...}: its workspace has the gate panels of all directions, then
// scan_slots.
size_t scan_workspace(const WorkspaceQuery& query, int64_t gates);
// Packs the recurrent weights w[G*H, H] of all directions, on all threads, to the front of the workspace. Of `operands`
// buffers for each direction they are the second.
const float* pack_panels(const KernelArgs& args, int64_t gates, int64_t operands);
inline int64_t row_panel_floats(int64_t hidden, int64_t gates) {
  return in_blocks_of(hidden, kMostLanes) * kMostLanes * gates * hidden;
}
// Packs w[G*H, H] into row panels.
void pack_row_panels(const float* w, int64_t hidden, int64_t gates, float* panels);
// previous[R, H] = h at the time before (h: rows `stride` apart), zeros at the start of each sequence; of some
// sequences.
void previous_rows(const SpaceView& space, Range sequences, const float* h, int64_t stride, int64_t hidden,
                   bool reverse, float* previous);

// How many rows of tiles of 3 or 4 vectors a level holds in registers.
template <class Level, int kVectors>
constexpr int kTileRows = Level::kRows* Level::kVectors / kVectors;

// acc[(b * kRows + r) * kVectors + q] += a[r][0..k) panel[k][q][kLanes] of block b. What there are fewer of, rows or
// vectors, waits in registers for the others.
template <class Floats, int kRows, int kVectors, int kBlocks = 1>
MTL_INLINE void multiply_tile(const float* const* a, const float* panel, int64_t k, Floats* acc) {
  constexpr int kLanes = lanes_of<Floats>;
  const int64_t block = k * kVectors * kLanes;
  for (int64_t x = 0; x < k; ++x, panel += kVectors * kLanes) {
    if constexpr (kRows < kVectors) {
      Floats factor[kRows];
      each<kRows>([&](auto r) MTL_BODY { factor[r] = broadcast<Floats>(a[r] + x); });
      each<kBlocks * kVectors>([&](auto n) MTL_BODY {
        constexpr int kBlock = n / kVectors, kVector = n % kVectors;
        Floats column = load<Floats>(panel + kBlock * block + kVector * kLanes);
        hold(column);
        each<kRows>([&](auto r) MTL_BODY { acc[(kBlock * kRows + r) * kVectors + kVector] += factor[r] * column; });
      });
    } else {
      static_assert(kBlocks == 1);
      Floats column[kVectors];
      each<kVectors>([&](auto q) MTL_BODY { column[q] = load<Floats>(panel + q * kLanes); });
      each<kRows>([&](auto r) MTL_BODY {
        const Floats factor = broadcast<Floats>(a[r] + x);
        each<kVectors>([&](auto q) MTL_BODY { acc[r * kVectors + q] += factor * column[q]; });
      });
    }
  }
}

// Blocks of units of a forward step: tile(rows as a type, blocks as a type, first row, first unit). One row takes two
// blocks at a time, where every product would wait for the one before. Units may begin in the last, partial block.
template <class Level, int kGates, class Tile>
MTL_INLINE void by_blocks(int64_t running, int64_t hidden, Tile&& tile) {
  constexpr int64_t kLanes = Level::kLanes;
  using One = std::integral_constant<int, 1>;
  int64_t j = 0;
  if (running == 1) {
    for (; j + 2 * kLanes <= hidden; j += 2 * kLanes) tile(One(), std::integral_constant<int, 2>(), int64_t{0}, j);
  }
  for (; j < hidden; j += kLanes) {
    by_tiles<kTileRows<Level, kGates>>(running, [&](auto rows, int64_t i) MTL_BODY { tile(rows, One(), i, j); });
  }
}

// Runs steps forwards, step(task, running sequences, time): `s.rows` gets the rows of the sequences that run.
template <class Task, class Step>
void scan_forward(const Task& s, Step&& step) {
  int64_t running = s.chunk.sequences();
  for (int64_t t = 0; (running = s.chunk.running(t, running)) > 0; ++t) {
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    step(s, running, t);
  }
}
template <class Task, class Step>
void scan_backward(const Task& s, Step&& step) {
  const int64_t sequences = s.chunk.sequences();
  int64_t running = 0;
  for (int64_t t = sequences > 0 ? s.chunk.length(0) - 1 : -1; t >= 0; --t) {
    while (running < sequences && s.chunk.length(running) > t) ++running;
    for (int64_t i = 0; i < running; ++i) s.rows[i] = static_cast<int32_t>(s.chunk.row(i, t));
    step(s, running, t);
  }
}

// out[i, H] = d[rows[i], 0..inner) w for the first `count` rows, w in row panels; out has rows of `hidden`. A panel is
// taken kRowDepth of `inner` at a time, which a near cache holds while all rows meet it.
constexpr int64_t kRowDepth = 128;

template <class Level, int kVectors>
MTL_INLINE void multiply_columns(const float* d, const int32_t* rows, int64_t count, int64_t inner, const float* panel,
                                 int64_t hidden, int64_t column, float* out) {
  using Floats = typename Level::Floats;
  for (int64_t x = 0; x < inner; x += kRowDepth, panel += kRowDepth * kVectors * Level::kLanes) {
    by_tiles<kTileRows<Level, 4>>(count, [&](auto rows_now, int64_t i) MTL_BODY {
      constexpr int kRows = decltype(rows_now)::value;
      const float* a[kRows];
      for (int r = 0; r < kRows; ++r) a[r] = d + rows[i + r] * inner + x;
      Floats acc[kRows * kVectors];
      each<kRows * kVectors>([&](auto n) MTL_BODY { acc[n] = Floats{}; });
      multiply_tile<Floats, kRows, kVectors>(a, panel, inner - x < kRowDepth ? inner - x : kRowDepth, acc);
      float* to = out + i * hidden + column;
      if (column + kVectors * Level::kLanes <= hidden) {
        each<kRows * kVectors>([&](auto n) MTL_BODY {
          float* at = to + n / kVectors * hidden + n % kVectors * Level::kLanes;
          store(at, x == 0 ? acc[n] : acc[n] + load<Floats>(at));
        });
      } else {
        float sums[kRows][kVectors * Level::kLanes];
        each<kRows * kVectors>([&](auto n)
                                   MTL_BODY { store(sums[n / kVectors] + n % kVectors * Level::kLanes, acc[n]); });
        for (int r = 0; r < kRows; ++r) put_part(to + r * hidden, sums[r], hidden - column, x > 0);
      }
    });
  }
}
template <class Level>
MTL_INLINE void multiply_rows(const float* d, const int32_t* rows, int64_t count, int64_t inner, const float* panels,
                              int64_t hidden, float* out) {
  constexpr int64_t kLanes = Level::kLanes;
  int64_t column = 0;
  for (; column + 3 * kLanes < hidden; column += 4 * kLanes) {
    multiply_columns<Level, 4>(d, rows, count, inner, panels + column * inner, hidden, column, out);
  }
  for (; column < hidden; column += kLanes) {
    multiply_columns<Level, 1>(d, rows, count, inner, panels + column * inner, hidden, column, out);
  }
}

}  // namespace mtl::runtime::kernels
