// Products whose operands are packed whole before tiles are computed, so that threads share the panels and a product
// can be cut into as many parts as there are tiles. For each kPackedDepth of k:
//
//   a: [tile of kRows rows][depth][kRows]        b: [block of columns][depth][width of the block]
//
// A block of b stays in the first cache while tiles of a, from the second, meet it. Sums over k are added to c once for
// each kPackedDepth, in order, so they do not depend on how c is cut.
#pragma once
#include "runtime/core/product_tiles.h"

namespace mtl::runtime::tiles {

constexpr int64_t kPackedDepth = 256;

constexpr int64_t up_to_multiple(int64_t count, int64_t size) {
  return (count + size - 1) / size * size;
}
// Rows of a and columns of b with what is left of the last tile or vector.
template <class Level>
constexpr int64_t packed_rows(int64_t m) {
  return up_to_multiple(m, Level::kRows);
}
template <class Level>
constexpr int64_t packed_columns(int64_t n) {
  return up_to_multiple(n, Level::kLanes * Level::kVectors);
}

// Packs the depth from x on of the tile of a whose first row is i. Squares are stored whole: lanes behind kRows are
// overwritten by what follows, but for the last ones.
template <class Level>
MTL_INLINE void pack_tile(const Gemm& p, int64_t x, int64_t depth, int64_t i, float* panel) {
  using Floats = typename Level::Floats;
  constexpr int64_t kRows = Level::kRows, kLanes = Level::kLanes;
  static_assert(kRows <= kLanes);
  const int64_t rows = std::min(kRows, p.m - i);
  const auto keep = [&](int64_t d, const Floats& column) MTL_BODY {
    if (kRows == kLanes || d + 1 < depth)
      store(panel + d * kRows, column);
    else
      store_part(panel + d * kRows, column, kRows);
  };
  int64_t d = 0;
  if (p.transpose_a && i + kLanes <= p.m) {
    for (; d < depth; ++d) keep(d, load<Floats>(p.a + (x + d) * p.lda + i));
  } else if (!p.transpose_a) {
    for (; d + kLanes <= depth; d += kLanes) {
      Floats square[kLanes];
      for (int64_t r = 0; r < kLanes; ++r)
        square[r] = r < rows ? load<Floats>(p.a + (i + r) * p.lda + x + d) : Floats{};
      transpose(square);
      for (int64_t l = 0; l < kLanes; ++l) keep(d + l, square[l]);
    }
  }
  for (; d < depth; ++d) {
    for (int64_t r = 0; r < kRows; ++r) {
      const float* a = p.transpose_a ? p.a + (x + d) * p.lda + i + r : p.a + (i + r) * p.lda + x + d;
      panel[d * kRows + r] = r < rows ? *a : 0.0f;
    }
  }
}

// The same of a transposed, of the tiles from row i to `end` that have whole vectors. A few steps of depth at a time,
// so that lines of the cache are met by all their tiles while they are near. Returns how much of the depth is packed.
template <class Level>
MTL_INLINE int64_t pack_slabs(const Gemm& p, int64_t x, int64_t depth, int64_t i, int64_t end, float* panel) {
  using Floats = typename Level::Floats;
  constexpr int64_t kRows = Level::kRows, kLanes = Level::kLanes, kSlab = 8, kBehind = (kLanes - 1) / kRows;
  int64_t d = 0;
  for (; d + kSlab + kBehind <= depth; d += kSlab) {
    const float* a = p.a + (x + d) * p.lda + i;
    float* to = panel + d * kRows;
    for (int64_t row = i; row < end; row += kRows, a += kRows, to += depth * kRows)
      each<kSlab>([&](auto l) MTL_BODY { store(to + l * kRows, load<Floats>(a + l * p.lda)); });
  }
  return d;
}

// Rows [i, end) of a and columns [j, end) of b, each from a whole tile or block on, into the panels of all.
template <class Level>
MTL_INLINE void pack_a(const Gemm& p, int64_t i, int64_t end, float* panels) {
  constexpr int64_t kRows = Level::kRows;
  // In later tiles a whole vector would read past the end of the row.
  const int64_t whole = p.m < Level::kLanes ? 0 : (p.m - Level::kLanes) / kRows * kRows + kRows;
  for (int64_t x = 0; x < p.k; x += kPackedDepth) {
    const int64_t depth = std::min(kPackedDepth, p.k - x), inner = std::clamp(whole, i, end);
    float* panel = panels + x * packed_rows<Level>(p.m);
    const int64_t done = p.transpose_a ? pack_slabs<Level>(p, x, depth, i, inner, panel + i * depth) : 0;
    for (int64_t row = i; row < end; row += kRows) {
      const int64_t d = row < inner ? done : 0;
      pack_tile<Level>(p, x + d, depth - d, row, panel + row * depth + d * kRows);
    }
  }
}
template <class Level>
MTL_INLINE void pack_b(const Gemm& p, int64_t j, int64_t end, float* panels) {
  for (int64_t x = 0; x < p.k; x += kPackedDepth) {
    const int64_t depth = std::min(kPackedDepth, p.k - x);
    pack_columns<Level>(p, x, depth, j, end - j, panels + x * packed_columns<Level>(p.n) + j * depth);
  }
}

// Whether a is read as it lies: its rows are, unless they are so far apart that they meet in the same sets of a cache.
inline bool is_read_in_place(const Gemm& p) {
  return !p.transpose_a && p.lda % 1024 != 0;
}

// Rows [i, last) and columns [j, end) of c. A null `a` is read in place.
template <class Level>
MTL_INLINE void packed_part(const Gemm& p, const float* a, const float* b, int64_t i, int64_t last, int64_t j,
                            int64_t end) {
  for (int64_t x = 0; x < p.k; x += kPackedDepth) {
    const int64_t depth = std::min(kPackedDepth, p.k - x);
    Tile tile;
    tile.a = a == nullptr ? p.a + i * p.lda + x : a + x * packed_rows<Level>(p.m) + i * depth;
    tile.row_step = a == nullptr ? p.lda : 1;
    tile.depth_step = a == nullptr ? 1 : Level::kRows;
    tile.tile_step = a == nullptr ? p.lda : depth;
    tile.full_tiles = a != nullptr;
    tile.panel = b + x * packed_columns<Level>(p.n) + j * depth;
    tile.depth = depth;
    tile.c = p.c + i * p.ldc + j;
    tile.ldc = p.ldc;
    tile.width = end - j;
    tile.accumulate = p.accumulate || x > 0;
    multiply_panel(tile, last - i);
  }
}

}  // namespace mtl::runtime::tiles
