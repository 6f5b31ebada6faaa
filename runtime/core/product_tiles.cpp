// Tiles of accumulators over packed panels: the one place where most arithmetic of products is done.
#include "runtime/core/product_tiles.h"

namespace mtl::runtime::tiles {
namespace {

constexpr int kFloatsOfLine = 16;

// kRows rows times kBlocks blocks that are kVectors wide. The next blocks are prefetched `ahead` floats on: they come
// from a far cache or from memory, and tiles of few rows would wait for them. (Nine rows times 12 MB of weights, on an
// EPYC 7003: 31 to 52 GFLOP/s without, 56 to 77 with it.)
template <class Level, int kRows, int kVectors, int kBlocks>
MTL_INLINE void multiply(const Tile& t, int64_t ahead) {
  using Floats = typename Level::Floats;
  constexpr int kLanes = Level::kLanes, kWidth = kVectors * kLanes, kColumns = kBlocks * kVectors;
  constexpr int kLines = kWidth > kFloatsOfLine ? kWidth / kFloatsOfLine : 1;
  const float* a[kRows];
  for (int r = 0; r < kRows; ++r) a[r] = t.a + r * t.row_step;
  Floats sum[kRows * kColumns];
  each<kRows * kColumns>([&](auto n) MTL_BODY { sum[n] = Floats{}; });
  const float* panel = t.panel;
  const int64_t block = t.depth * kWidth;
  int64_t at = 0;
  each<kRows>([&](auto r) MTL_BODY { __builtin_prefetch(t.c + r * t.ldc, 1); });  // they are far, and wanted at the end
#pragma GCC unroll 4
  for (int64_t d = 0; d < t.depth; ++d, at += t.depth_step, panel += kWidth) {
    Floats row[kColumns];
    each<kBlocks * kLines>(
        [&](auto n) MTL_BODY { __builtin_prefetch(panel + ahead + n / kLines * block + n % kLines * kFloatsOfLine); });
    each<kColumns>([&](auto q)
                       MTL_BODY { row[q] = load<Floats>(panel + q / kVectors * block + q % kVectors * kLanes); });
    each<kRows>([&](auto r) MTL_BODY {
      const Floats factor = broadcast<Floats>(a[r] + at);
      each<kColumns>([&](auto q) MTL_BODY { sum[r * kColumns + q] += factor * row[q]; });
    });
  }
  if (t.width >= kBlocks * kWidth) {
    each<kRows * kColumns>([&](auto n) MTL_BODY {
      float* c = t.c + n / kColumns * t.ldc + n % kColumns * kLanes;
      store(c, t.accumulate ? load<Floats>(c) + sum[n] : sum[n]);
    });
  } else {
    float lanes[kRows][kBlocks * kWidth];
    each<kRows * kColumns>([&](auto n) MTL_BODY { store(lanes[n / kColumns] + n % kColumns * kLanes, sum[n]); });
    for (int r = 0; r < kRows; ++r) put_part(t.c + r * t.ldc, lanes[r], t.width, t.accumulate);
  }
}

template <class Level, int kVectors>
MTL_INLINE void multiply_rows(const Tile& all, int64_t m) {
  by_tiles<Level::kRows>(m, all.full_tiles, [&](auto rows, int64_t i) MTL_BODY {
    Tile t = all;
    t.a += i * t.tile_step;
    t.c += i * t.ldc;
    multiply<Level, decltype(rows)::value, kVectors, 1>(t, i == 0 ? t.depth * kVectors * Level::kLanes : 0);
  });
}

template <class Level>
MTL_INLINE void multiply_blocks(const Tile& panel, int64_t m) {
  // One row leaves most registers idle and every product would wait for the one before: so it takes several blocks.
  constexpr int kWide = Level::kLanes * Level::kVectors, kBlocks = 8 / Level::kVectors;
  for (int64_t j = 0, width; j < panel.width; j += width) {
    Tile t = panel;
    t.panel += j * t.depth;
    t.c += j;
    t.width -= j;
    width = block_width<Level>(t.width);
    if (m == 1 && t.width >= kBlocks * kWide) {
      width = kBlocks * kWide;
      multiply<Level, 1, Level::kVectors, kBlocks>(t, t.depth * width);
    } else if (width > Level::kLanes) {
      multiply_rows<Level, Level::kVectors>(t, m);
    } else {
      multiply_rows<Level, 1>(t, m);
    }
  }
}

}  // namespace

void multiply_panel(const Tile& panel, int64_t m) {
  at_level([=](auto level) MTL_BODY { multiply_blocks<decltype(level)>(panel, m); });
}

}  // namespace mtl::runtime::tiles
