// Matrix products on one thread, without a library: what packages have instead of runtime/gemm.cpp. Nothing is
// allocated; a panel of b lives on the stack.
//
// Two ways. Few rows of a, times b^T (weights as [N, K]): tiles of dot products, which read b once and as it lies.
// Everything else: 64 columns x 128 deep of b at a time are packed into a panel that stays in the first cache, and
// tiles of up to 6 rows are kept in registers while it streams past.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "runtime/gemm.h"
#include "runtime/vector.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MTL_GCC_X86 1
#else
#define MTL_GCC_X86 0
#endif

namespace mtl::runtime {
namespace single {

typedef float Floats8 __attribute__((vector_size(32)));
typedef float Floats4 __attribute__((vector_size(16)));
typedef int32_t Ints8 __attribute__((vector_size(32)));
typedef int32_t Ints4 __attribute__((vector_size(16)));

// Lane i of the result: of a (bit `distance` of i is 0) or of b, the lane plus its partner at that distance.
template <int kDistance>
MTL_INLINE Floats fold(const Floats& a, const Floats& b) {
  if constexpr (kDistance == 1)
    return __builtin_shufflevector(a, b, 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31) +
           __builtin_shufflevector(a, b, 1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30);
  else if constexpr (kDistance == 2)
    return __builtin_shufflevector(a, b, 0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31) +
           __builtin_shufflevector(a, b, 2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, 28, 29);
  else if constexpr (kDistance == 4)
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 28, 29, 30, 31) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26, 27);
  else
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31) +
           __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}
template <int kDistance>
MTL_INLINE Floats8 fold(const Floats8& a, const Floats8& b) {
  if constexpr (kDistance == 1)
    return __builtin_shufflevector(a, b, 0, 9, 2, 11, 4, 13, 6, 15) +
           __builtin_shufflevector(a, b, 1, 8, 3, 10, 5, 12, 7, 14);
  else if constexpr (kDistance == 2)
    return __builtin_shufflevector(a, b, 0, 1, 10, 11, 4, 5, 14, 15) +
           __builtin_shufflevector(a, b, 2, 3, 8, 9, 6, 7, 12, 13);
  else
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 8, 9, 10, 11);
}
template <int kDistance>
MTL_INLINE Floats4 fold(const Floats4& a, const Floats4& b) {
  if constexpr (kDistance == 1)
    return __builtin_shufflevector(a, b, 0, 5, 2, 7) + __builtin_shufflevector(a, b, 1, 4, 3, 6);
  else
    return __builtin_shufflevector(a, b, 0, 1, 6, 7) + __builtin_shufflevector(a, b, 2, 3, 4, 5);
}

// What an instruction set can hold: its vectors, the most rows x vectors of a tile of a panel, and the most rows of a
// in a tile of dot products.
struct LevelV4 {
  using Vector = Floats;
  using Bits = Ints;
  static constexpr int kLanes = 16, kRows = 6, kVectors = 4, kDotRows = 5;
};
struct LevelV3 {
  using Vector = Floats8;
  using Bits = Ints8;
  static constexpr int kLanes = 8, kRows = 6, kVectors = 2, kDotRows = 3;
};
struct LevelAny {
  using Vector = Floats4;
  using Bits = Ints4;
  static constexpr int kLanes = 4, kRows = 4, kVectors = 2, kDotRows = 2;
};

template <class Vector>
MTL_INLINE Vector load_vector(const float* p) {
  Vector x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
template <class Vector>
MTL_INLINE void store_vector(float* p, const Vector& x) {
  std::memcpy(p, &x, sizeof x);
}

// body(0), ... body(kCount - 1), the numbers as types: so that arrays of accumulators are registers from the start. Of
// loops GCC (12) makes them memory that is cleared, loaded and stored around the innermost loop.
template <int kCount, int kFirst = 0, class Body>
MTL_INLINE void each(Body&& body) {
  if constexpr (kFirst < kCount) {
    body(std::integral_constant<int, kFirst>());
    each<kCount, kFirst + 1>(body);
  }
}
#define MTL_BODY __attribute__((always_inline))

// Two instructions that GCC (12) has to be told. Keeps x in a register: it would rather load x again for every use, and
// more loads than products are too many.
template <class Vector>
MTL_INLINE void hold(Vector& x) {
#if MTL_GCC_X86
  asm("" : "+v"(x));
#else
  (void)x;
#endif
}
// *p in all lanes. Otherwise it builds the vector lane by lane, or (vector.h, splat) adds it to zeros.
template <class Vector>
MTL_INLINE Vector broadcast(const float* p) {
#if MTL_GCC_X86
  if constexpr (sizeof(Vector) > sizeof(Floats4)) {
    Vector x;
    asm("vbroadcastss %1, %0" : "=v"(x) : "m"(*p));
    return x;
  }
#endif
  return Vector{} + *p;
}

// Lane i of the result is the sum of x[i]. Overwrites x.
template <class Level, int kDistance = 1>
MTL_INLINE typename Level::Vector sums_of(typename Level::Vector* x) {
  if constexpr (kDistance == Level::kLanes) {
    return x[0];
  } else {
    for (int i = 0; i < Level::kLanes / kDistance / 2; ++i) x[i] = fold<kDistance>(x[2 * i], x[2 * i + 1]);
    return sums_of<Level, 2 * kDistance>(x);
  }
}

// The first `width` lanes of x go to c, or are added there.
template <class Vector>
MTL_INLINE void put(float* c, const Vector& x, int64_t width, bool accumulate) {
  constexpr int64_t kLanes = sizeof(Vector) / sizeof(float);
  if (width >= kLanes) return store_vector(c, accumulate ? load_vector<Vector>(c) + x : x);
  float lanes[kLanes];
  store_vector(lanes, x);
  for (int64_t w = 0; w < width; ++w) c[w] = accumulate ? c[w] + lanes[w] : lanes[w];
}

// body(a number of rows as a type, first row) over `count` rows, in tiles of nearly equal height, kMost at most.
template <int kMost, class Body>
MTL_INLINE void by_tiles(int64_t count, Body&& body) {
  const int64_t tiles = (count + kMost - 1) / kMost;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = count * tile / tiles, rows = count * (tile + 1) / tiles - begin;
    if (rows == 1) body(std::integral_constant<int, 1>(), begin);
    if constexpr (kMost >= 2) {
      if (rows == 2) body(std::integral_constant<int, 2>(), begin);
    }
    if constexpr (kMost >= 3) {
      if (rows == 3) body(std::integral_constant<int, 3>(), begin);
    }
    if constexpr (kMost >= 4) {
      if (rows == 4) body(std::integral_constant<int, 4>(), begin);
    }
    if constexpr (kMost >= 5) {
      if (rows == 5) body(std::integral_constant<int, 5>(), begin);
    }
    if constexpr (kMost >= 6) {
      if (rows == 6) body(std::integral_constant<int, 6>(), begin);
    }
  }
}

// ---- Dot products: c = a b^T, k >= kLanes.

constexpr int kQuad = 4;  // rows of b at a time

// The dot products of kRows rows of a with 4 rows of b, before the sum over lanes: sums[row of a * kLanes + row of b].
// `rest` keeps the lanes of the last vector of a row that no other vector has. `next`: how far on in b the rows are
// that the next tile reads; few rows wait for b more than for arithmetic (a transformer of 12 MB: 1.3 times faster so).
template <class Level, int kRows>
MTL_INLINE void dot_tile(const float* const* a, const float* const* b, int64_t k, int64_t next,
                         const typename Level::Bits& rest, typename Level::Vector* sums) {
  using Vector = typename Level::Vector;
  using Bits = typename Level::Bits;
  constexpr int kLanes = Level::kLanes;
  Vector sum[kRows * kQuad];
  each<kRows * kQuad>([&](auto n) MTL_BODY { sum[n] = Vector{}; });
  const int64_t whole = k / kLanes * kLanes;
  for (int64_t x = 0; x < whole; x += kLanes) {
    Vector left[kRows];
    each<kRows>([&](auto r) MTL_BODY { left[r] = load_vector<Vector>(a[r] + x); });
    each<kQuad>([&](auto w) MTL_BODY {
      Vector right = load_vector<Vector>(b[w] + x);
      __builtin_prefetch(b[w] + next + x);
      hold(right);
      each<kRows>([&](auto r) MTL_BODY { sum[r * kQuad + w] += left[r] * right; });
    });
  }
  if (whole < k) {
    each<kQuad>([&](auto w) MTL_BODY {
      const Vector right = load_vector<Vector>(b[w] + k - kLanes);
      each<kRows>([&](auto r) MTL_BODY {
        const Bits left = reinterpret_cast<Bits>(load_vector<Vector>(a[r] + k - kLanes)) & rest;
        sum[r * kQuad + w] += reinterpret_cast<Vector>(left) * right;
      });
    });
  }
  each<kRows * kQuad>([&](auto n) MTL_BODY { sums[n / kQuad * kLanes + n % kQuad] = sum[n]; });
}

// kRows rows of a from row i on, times the `columns` <= kLanes rows `b` from row j on.
template <class Level, int kRows>
MTL_INLINE void dot_rows(const Gemm& p, int64_t i, int64_t j, int64_t columns, const float* const* b,
                         const typename Level::Bits& rest) {
  using Vector = typename Level::Vector;
  constexpr int kLanes = Level::kLanes;
  const float* a[kRows];
  for (int r = 0; r < kRows; ++r) a[r] = p.a + (i + r) * p.lda;
  Vector sums[kRows * kLanes];
  for (int64_t w = 0; w < kLanes; w += kQuad) {
    if (w < columns) {
      dot_tile<Level, kRows>(a, b + w, p.k, kQuad * p.ldb, rest, sums + w);
    } else {
      for (int r = 0; r < kRows; ++r) std::fill_n(sums + r * kLanes + w, kQuad, Vector{});
    }
  }
  for (int r = 0; r < kRows; ++r)
    put(p.c + (i + r) * p.ldc + j, sums_of<Level>(sums + r * kLanes), columns, p.accumulate);
}

// A group of rows of b stays in a near cache while all rows of a meet it.
template <class Level>
MTL_INLINE void dot_products(const Gemm& p) {
  constexpr int kLanes = Level::kLanes;
  typename Level::Bits rest{};
  for (int lane = 0; lane < kLanes; ++lane) rest[lane] = lane >= kLanes - p.k % kLanes ? -1 : 0;
  for (int64_t j = 0; j < p.n; j += kLanes) {
    const int64_t columns = std::min<int64_t>(kLanes, p.n - j);
    const float* b[kLanes];
    for (int64_t w = 0; w < kLanes; ++w) b[w] = p.b + (j + std::min(w, columns - 1)) * p.ldb;
    by_tiles<Level::kDotRows>(
        p.m, [&](auto rows, int64_t i) MTL_BODY { dot_rows<Level, decltype(rows)::value>(p, i, j, columns, b, rest); });
  }
}

// ---- Panels: blocks of kLanes columns, [depth][kLanes] each, zeros behind the last column.

constexpr int64_t kDepth = 128, kColumns = 64;

// Rows of kLanes columns of b, at depth x and column j.
template <class Level>
MTL_INLINE void pack_rows(const Gemm& p, int64_t x, int64_t depth, int64_t j, int64_t width, float* panel) {
  constexpr int kLanes = Level::kLanes;
  for (int64_t d = 0; d < depth; ++d, panel += kLanes) {
    const float* b = p.b + (x + d) * p.ldb + j;
    if (width == kLanes) {
      store_vector(panel, load_vector<typename Level::Vector>(b));
    } else {
      for (int64_t w = 0; w < kLanes; ++w) panel[w] = w < width ? b[w] : 0.0f;
    }
  }
}

// The same of b^T. Squares of kLanes are transposed in registers: rounds of interleaving x[i] with x[i + kLanes / 2].
MTL_INLINE Floats interleave_low(const Floats& a, const Floats& b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
MTL_INLINE Floats interleave_high(const Floats& a, const Floats& b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
MTL_INLINE Floats8 interleave_low(const Floats8& a, const Floats8& b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
MTL_INLINE Floats8 interleave_high(const Floats8& a, const Floats8& b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
MTL_INLINE Floats4 interleave_low(const Floats4& a, const Floats4& b) {
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
MTL_INLINE Floats4 interleave_high(const Floats4& a, const Floats4& b) {
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}
template <class Level>
MTL_INLINE void transpose(typename Level::Vector* x) {
  constexpr int kHalf = Level::kLanes / 2;
  typename Level::Vector y[Level::kLanes];
  for (int size = 1; size < Level::kLanes; size *= 2) {
    for (int i = 0; i < kHalf; ++i) {
      y[2 * i] = interleave_low(x[i], x[i + kHalf]);
      y[2 * i + 1] = interleave_high(x[i], x[i + kHalf]);
    }
    for (int i = 0; i < Level::kLanes; ++i) x[i] = y[i];
  }
}

template <class Level>
MTL_INLINE void pack_transposed(const Gemm& p, int64_t x, int64_t depth, int64_t j, int64_t width, float* panel) {
  using Vector = typename Level::Vector;
  constexpr int kLanes = Level::kLanes;
  const float* b = p.b + j * p.ldb + x;
  int64_t d = 0;
  for (; d + kLanes <= depth; d += kLanes) {
    Vector square[kLanes];
    for (int w = 0; w < kLanes; ++w) square[w] = w < width ? load_vector<Vector>(b + w * p.ldb + d) : Vector{};
    transpose<Level>(square);
    for (int w = 0; w < kLanes; ++w) store_vector(panel + (d + w) * kLanes, square[w]);
  }
  for (; d < depth; ++d) {
    for (int64_t w = 0; w < kLanes; ++w) panel[d * kLanes + w] = w < width ? b[w * p.ldb + d] : 0.0f;
  }
}

// Where a tile is: rows of a from `a` on, its columns of c, and whether c is added to.
struct Tile {
  const float* a;
  int64_t row_step, depth_step;  // of a
  const float* panel;
  int64_t depth;
  float* c;
  int64_t ldc, width;  // width: how many of the columns are in c
  bool accumulate;
};

template <class Level, int kRows, int kVectors>
MTL_INLINE void multiply(const Tile& t) {
  using Vector = typename Level::Vector;
  constexpr int kLanes = Level::kLanes;
  const float* a[kRows];
  for (int r = 0; r < kRows; ++r) a[r] = t.a + r * t.row_step;
  Vector sum[kRows * kVectors];
  each<kRows * kVectors>([&](auto n) MTL_BODY { sum[n] = Vector{}; });
  const float* panel = t.panel;
  int64_t at = 0;
  for (int64_t d = 0; d < t.depth; ++d, at += t.depth_step, panel += kLanes) {
    Vector row[kVectors];
    each<kVectors>([&](auto q) MTL_BODY { row[q] = load_vector<Vector>(panel + q * t.depth * kLanes); });
    each<kRows>([&](auto r) MTL_BODY {
      const Vector factor = broadcast<Vector>(a[r] + at);
      each<kVectors>([&](auto q) MTL_BODY { sum[r * kVectors + q] += factor * row[q]; });
    });
  }
  each<kRows * kVectors>([&](auto n) MTL_BODY {
    constexpr int kRow = n / kVectors, kColumn = n % kVectors * kLanes;
    put(t.c + kRow * t.ldc + kColumn, sum[n], t.width - kColumn, t.accumulate);
  });
}

template <class Level, int kVectors>
MTL_INLINE void multiply_rows(const Tile& all, int64_t m) {
  by_tiles<Level::kRows>(m, [&](auto rows, int64_t i) MTL_BODY {
    Tile t = all;
    t.a += i * t.row_step;
    t.c += i * t.ldc;
    multiply<Level, decltype(rows)::value, kVectors>(t);
  });
}

// The columns of a panel, as many vectors at a time as tiles are wide, and one at a time what is left: every kind of
// tile is compiled for each instruction set, and under a sanitizer that takes GCC (12) minutes.
template <class Level>
MTL_INLINE void multiply_panel(const Tile& panel, int64_t m) {
  constexpr int64_t kWide = Level::kLanes * Level::kVectors;
  for (int64_t j = 0; j < panel.width;) {
    Tile t = panel;
    t.panel += j * t.depth;
    t.c += j;
    t.width -= j;
    if (t.width > kWide - Level::kLanes) {
      multiply_rows<Level, Level::kVectors>(t, m);
      j += kWide;
    } else {
      multiply_rows<Level, 1>(t, m);
      j += Level::kLanes;
    }
  }
}

template <class Level>
MTL_INLINE void panel_product(const Gemm& p) {
  alignas(64) float panel[kDepth * kColumns];
  for (int64_t j = 0; j < p.n; j += kColumns) {
    const int64_t width = std::min(kColumns, p.n - j);
    for (int64_t x = 0; x == 0 || x < p.k; x += kDepth) {  // of no depth: zeros
      const int64_t depth = std::min(kDepth, p.k - x);
      for (int64_t w = 0; w < width; w += Level::kLanes) {
        const int64_t columns = std::min<int64_t>(Level::kLanes, width - w);
        if (p.transpose_b)
          pack_transposed<Level>(p, x, depth, j + w, columns, panel + w * depth);
        else
          pack_rows<Level>(p, x, depth, j + w, columns, panel + w * depth);
      }
      const int64_t row_step = p.transpose_a ? 1 : p.lda, depth_step = p.transpose_a ? p.lda : 1;
      multiply_panel<Level>(
          {p.a + x * depth_step, row_step, depth_step, panel, depth, p.c + j, p.ldc, width, p.accumulate || x > 0},
          p.m);
    }
  }
}

// ---- The way and the instruction set.

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

#if MTL_DISPATCH
MTL_TARGET_V4 void product_v4(const Gemm& p) {
  product<LevelV4>(p);
}
MTL_TARGET_V3 void product_v3(const Gemm& p) {
  product<LevelV3>(p);
}
void product_any(const Gemm& p) {
  product<LevelAny>(p);
}
void product_here(const Gemm& p) {
  const CpuLevel level = cpu_level();
  if (level == CpuLevel::v4) return product_v4(p);
  if (level == CpuLevel::v3) return product_v3(p);
  product_any(p);
}
#else
void product_here(const Gemm& p) {
  using V3OrAny = std::conditional_t<cpu_level() == CpuLevel::v3, LevelV3, LevelAny>;
  using Level = std::conditional_t<cpu_level() == CpuLevel::v4, LevelV4, V3OrAny>;
  product<Level>(p);
}
#endif

}  // namespace single

void gemm_serial(const Gemm& p) {
  if (p.m > 0 && p.n > 0) single::product_here(p);
}

void gemm(const Gemm& p) {
  gemm_serial(p);
}

}  // namespace mtl::runtime
