// Our own products of matrices on one thread, at a level of instruction sets: what packages have, and what training has
// where oneDNN's are not the fastest (gemm.cpp). Nothing is allocated.
//
// Two ways. Few rows of a, times b^T (weights as [N, K]): tiles of dot products, which read b once and as it lies.
// Everything else: columns of b are packed into panels that a near cache holds, and tiles of accumulators stay in
// registers while a panel streams past. Sums over k are made in the same order whatever the tile (Goto & van de Geijn
// 2008, "Anatomy of high-performance matrix multiplication").
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "runtime/core/gemm.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::tiles {

template <class V>
MTL_INLINE void put(float* c, const V& x, int64_t width, bool accumulate) {
  if (width >= lanes_of<V>) return store(c, accumulate ? load<V>(c) + x : x);
  float lanes[lanes_of<V>];
  store(lanes, x);
  put_part(c, lanes, width, accumulate);
}

// ---- Dot products: c = a b^T, k >= kLanes.

constexpr int kQuad = 4;  // rows of b at a time

// The dot products of kRows rows of a with 4 rows of b, before the sum over lanes: sums[row of a * kLanes + row of b].
// `rest` keeps the lanes of the last vector of a row that no other vector has. `next`: how far on in b the rows are
// that the next tile reads; few rows wait for b more than for arithmetic (a transformer of 12 MB: 1.3 times faster so).
template <class Level, int kRows>
MTL_INLINE void dot_tile(const float* const* a, const float* const* b, int64_t k, int64_t next,
                         const typename Level::Ints& rest, typename Level::Floats* sums) {
  using Floats = typename Level::Floats;
  using Bits = typename Level::Ints;
  constexpr int kLanes = Level::kLanes;
  Floats sum[kRows * kQuad];
  each<kRows * kQuad>([&](auto n) MTL_BODY { sum[n] = Floats{}; });
  const int64_t whole = k / kLanes * kLanes;
  for (int64_t x = 0; x < whole; x += kLanes) {
    Floats left[kRows];
    each<kRows>([&](auto r) MTL_BODY { left[r] = load<Floats>(a[r] + x); });
    each<kQuad>([&](auto w) MTL_BODY {
      Floats right = load<Floats>(b[w] + x);
      __builtin_prefetch(b[w] + next + x);
      hold(right);
      each<kRows>([&](auto r) MTL_BODY { sum[r * kQuad + w] += left[r] * right; });
    });
  }
  if (whole < k) {
    each<kQuad>([&](auto w) MTL_BODY {
      const Floats right = load<Floats>(b[w] + k - kLanes);
      each<kRows>([&](auto r) MTL_BODY {
        const Bits left = reinterpret_cast<Bits>(load<Floats>(a[r] + k - kLanes)) & rest;
        sum[r * kQuad + w] += reinterpret_cast<Floats>(left) * right;
      });
    });
  }
  each<kRows * kQuad>([&](auto n) MTL_BODY { sums[n / kQuad * kLanes + n % kQuad] = sum[n]; });
}

// kRows rows of a from row i on, times the `columns` <= kLanes rows `b` from row j on.
template <class Level, int kRows>
MTL_INLINE void dot_rows(const Gemm& p, int64_t i, int64_t j, int64_t columns, const float* const* b,
                         const typename Level::Ints& rest) {
  using Floats = typename Level::Floats;
  constexpr int kLanes = Level::kLanes;
  const float* a[kRows];
  for (int r = 0; r < kRows; ++r) a[r] = p.a + (i + r) * p.lda;
  Floats sums[kRows * kLanes];
  for (int64_t w = 0; w < kLanes; w += kQuad) {
    if (w < columns) {
      dot_tile<Level, kRows>(a, b + w, p.k, kQuad * p.ldb, rest, sums + w);
    } else {
      for (int r = 0; r < kRows; ++r) std::fill_n(sums + r * kLanes + w, kQuad, Floats{});
    }
  }
  for (int r = 0; r < kRows; ++r) put(p.c + (i + r) * p.ldc + j, sums_of(sums + r * kLanes), columns, p.accumulate);
}

// A group of rows of b stays in a near cache while all rows of a meet it.
template <class Level>
MTL_INLINE void dot_products(const Gemm& p) {
  constexpr int kLanes = Level::kLanes;
  typename Level::Ints rest{};
  for (int lane = 0; lane < kLanes; ++lane) rest[lane] = lane >= kLanes - p.k % kLanes ? -1 : 0;
  for (int64_t j = 0; j < p.n; j += kLanes) {
    const int64_t columns = std::min<int64_t>(kLanes, p.n - j);
    const float* b[kLanes];
    for (int64_t w = 0; w < kLanes; ++w) b[w] = p.b + (j + std::min(w, columns - 1)) * p.ldb;
    by_tiles<Level::kDotRows>(
        p.m, [&](auto rows, int64_t i) MTL_BODY { dot_rows<Level, decltype(rows)::value>(p, i, j, columns, b, rest); });
  }
}

// ---- Panels: blocks of columns of b, [depth][width of the block] each, zeros behind the last column.

constexpr int64_t kDepth = 128, kColumns = 64;

// A block is as wide as a tile, or one vector where a vector holds the columns that are left: every kind of tile is
// compiled for each level, and under a sanitizer that takes GCC (12) minutes.
template <class Level>
constexpr int64_t block_width(int64_t columns) {
  constexpr int64_t kWide = Level::kLanes * Level::kVectors;
  return columns > kWide - Level::kLanes ? kWide : Level::kLanes;
}

// The depth from x on of `columns` columns of b from j on, to blocks one behind the other. Rows of b are read a few
// blocks wide, so that lines of the cache are met once and in order.
template <class Level>
MTL_INLINE void pack_rows(const Gemm& p, int64_t x, int64_t depth, int64_t j, int64_t columns, float* panel) {
  constexpr int64_t kLanes = Level::kLanes;
  for (int64_t first = 0; first < columns; first += kColumns) {
    const int64_t end = std::min(columns, first + kColumns);
    for (int64_t d = 0; d < depth; ++d) {
      const float* b = p.b + (x + d) * p.ldb + j;
      for (int64_t at = first, width; at < end; at += width) {
        width = block_width<Level>(columns - at);
        float* to = panel + at * depth + d * width;
        for (int64_t w = 0; w < width; w += kLanes) {
          if (at + w + kLanes <= columns)
            store(to + w, load<typename Level::Floats>(b + at + w));
          else
            for (int64_t l = w; l < w + kLanes; ++l) to[l] = at + l < columns ? b[at + l] : 0.0f;
        }
      }
    }
  }
}
// The same of b^T, by squares of kLanes.
template <class Level>
MTL_INLINE void pack_transposed(const Gemm& p, int64_t x, int64_t depth, int64_t j, int64_t columns, float* panel) {
  using Floats = typename Level::Floats;
  constexpr int64_t kLanes = Level::kLanes;
  for (int64_t at = 0, width; at < columns; at += width, panel += depth * width) {
    width = block_width<Level>(columns - at);
    for (int64_t w = 0; w < width; w += kLanes) {
      const float* b = p.b + (j + at + w) * p.ldb + x;
      const int64_t left = columns - at - w;
      int64_t d = 0;
      for (; d + kLanes <= depth; d += kLanes) {
        Floats square[kLanes];
        for (int64_t l = 0; l < kLanes; ++l) square[l] = l < left ? load<Floats>(b + l * p.ldb + d) : Floats{};
        transpose(square);
        for (int64_t l = 0; l < kLanes; ++l) store(panel + (d + l) * width + w, square[l]);
      }
      for (; d < depth; ++d) {
        for (int64_t l = 0; l < kLanes; ++l) panel[d * width + w + l] = l < left ? b[l * p.ldb + d] : 0.0f;
      }
    }
  }
}
template <class Level>
MTL_INLINE void pack_columns(const Gemm& p, int64_t x, int64_t depth, int64_t j, int64_t columns, float* panel) {
  if (p.transpose_b)
    pack_transposed<Level>(p, x, depth, j, columns, panel);
  else
    pack_rows<Level>(p, x, depth, j, columns, panel);
}

// Where tiles are: rows of a from `a` on, their columns of c, and whether c is added to.
struct Tile {
  const float* a;
  int64_t row_step, depth_step;  // of a, inside of a tile
  int64_t tile_step;             // of a: for each row that a tile begins behind `a`
  bool full_tiles;               // as a was packed
  const float* panel;            // blocks of columns, one behind the other
  int64_t depth;
  float* c;
  int64_t ldc, width;  // width: how many of the columns are in c
  bool accumulate;
};

// m rows times all blocks of a panel, at the level in use.
void multiply_panel(const Tile& panel, int64_t m);

template <class Level>
MTL_INLINE void panel_product(const Gemm& p) {
  alignas(64) float panel[kDepth * kColumns];
  const int64_t row_step = p.transpose_a ? 1 : p.lda, depth_step = p.transpose_a ? p.lda : 1;
  for (int64_t j = 0; j < p.n; j += kColumns) {
    const int64_t width = std::min(kColumns, p.n - j);
    for (int64_t x = 0; x == 0 || x < p.k; x += kDepth) {  // of no depth: zeros
      const int64_t depth = std::min(kDepth, p.k - x);
      pack_columns<Level>(p, x, depth, j, width, panel);
      multiply_panel({p.a + x * depth_step, row_step, depth_step, row_step, false, panel, depth, p.c + j, p.ldc, width,
                      p.accumulate || x > 0},
                     p.m);
    }
  }
}

// Dot products pay until packing is shared by many rows; their sums over lanes cost less the longer they are. Without
// fused products (4 lanes) a panel never pays. Measured.
template <class Level>
MTL_INLINE int64_t most_dot_rows(int64_t k) {
  return Level::kLanes == 4 ? INT64_MAX : std::min<int64_t>(24, 4 + k / 16);
}
template <class Level>
MTL_INLINE void product(const Gemm& p) {
  const bool dots = !p.transpose_a && p.transpose_b && p.k >= Level::kLanes && p.m <= most_dot_rows<Level>(p.k);
  if (dots)
    dot_products<Level>(p);
  else
    panel_product<Level>(p);
}

}  // namespace mtl::runtime::tiles
