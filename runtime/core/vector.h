// Arithmetic of the kernels' inner loops, at the width of each level of instruction sets (cpu_level.h).
//
// A loop is written once, over a Level: Level::Floats is a vector as wide as that level's registers, and tiles of
// accumulators are as large as its registers hold. at_level() runs it at the level in use:
//
//   void scale(float* x, int64_t n, float factor) {
//     at_level([=](auto level) MTL_BODY { scale_at<decltype(level)>(x, n, factor); });
//   }
//
// The body has everything that it works on by value, and helpers are always inlined, so they are compiled for whoever
// calls them. Bodies hold no parallel regions and call no other kernel.
//
// Accuracy: exp, sigmoid and tanh are within 2 units in the last place; a NaN stays a NaN.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "runtime/core/cpu_level.h"

// Wide vectors are passed between inlined functions alone, so what their ABI would be is of no interest. (They are
// passed by reference because GCC has a note on their ABI that no pragma silences.)
#pragma GCC diagnostic ignored "-Wpsabi"

#if MTL_DISPATCH
#define MTL_TARGET_V4 __attribute__((target("arch=x86-64-v4")))
#define MTL_TARGET_V3 __attribute__((target("arch=x86-64-v3")))
#else
#define MTL_TARGET_V4
#define MTL_TARGET_V3
#endif
// In front of a loop: its iterations do not depend on each other. (Clang finds out when the loop runs.)
#if defined(__clang__)
#define MTL_INDEPENDENT
#else
#define MTL_INDEPENDENT _Pragma("GCC ivdep")
#endif
#define MTL_INLINE inline __attribute__((always_inline))
#define MTL_BODY __attribute__((always_inline))  // of a lambda, in front of its braces
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MTL_GCC_X86 1
#else
#define MTL_GCC_X86 0
#endif

namespace mtl::runtime {

typedef float Floats16 __attribute__((vector_size(64)));
typedef int32_t Ints16 __attribute__((vector_size(64)));
typedef float Floats8 __attribute__((vector_size(32)));
typedef int32_t Ints8 __attribute__((vector_size(32)));
typedef float Floats4 __attribute__((vector_size(16)));
typedef int32_t Ints4 __attribute__((vector_size(16)));

// What a level can hold: its vectors; the most rows x vectors of a tile of accumulators beside what a step of it loads;
// the most rows of a tile of dot products with 4 others.
struct LevelV4 {  // 32 registers
  using Floats = Floats16;
  using Ints = Ints16;
  static constexpr int kLanes = 16, kRows = 6, kVectors = 4, kDotRows = 5;
};
struct LevelV3 {  // 16 registers
  using Floats = Floats8;
  using Ints = Ints8;
  static constexpr int kLanes = 8, kRows = 6, kVectors = 2, kDotRows = 3;
};
struct LevelAny {  // 16 registers without fused products on x86-64; 32 with them on AArch64
  using Floats = Floats4;
  using Ints = Ints4;
#if defined(__aarch64__)
  static constexpr int kLanes = 4, kRows = 6, kVectors = 4, kDotRows = 5;
#else
  static constexpr int kLanes = 4, kRows = 4, kVectors = 2, kDotRows = 2;
#endif
};
// Layouts that are shared by levels are in units of so many floats: the widest vector.
constexpr int kMostLanes = 16;

#if MTL_DISPATCH
template <class Body>
MTL_TARGET_V4 __attribute__((noinline)) auto at_v4(Body body) {
  return body(LevelV4());
}
template <class Body>
MTL_TARGET_V3 __attribute__((noinline)) auto at_v3(Body body) {
  return body(LevelV3());
}
template <class Body>
__attribute__((noinline)) auto at_any(Body body) {
  return body(LevelAny());
}
template <class Body>
auto at_level(Body body) {
  const CpuLevel level = cpu_level();
  return level == CpuLevel::v4 ? at_v4(body) : level == CpuLevel::v3 ? at_v3(body) : at_any(body);
}
#else
template <class Body>
auto at_level(Body body) {
  using V3OrAny = std::conditional_t<cpu_level() == CpuLevel::v3, LevelV3, LevelAny>;
  return body(std::conditional_t<cpu_level() == CpuLevel::v4, LevelV4, V3OrAny>());
}
#endif

// body(0), ... body(kCount - 1), the numbers as types: so that arrays of accumulators are registers from the start. Of
// loops GCC (12) makes them memory that is cleared, loaded and stored around the innermost loop.
template <int kCount, int kFirst = 0, class Body>
MTL_INLINE void each(Body&& body) {
  if constexpr (kFirst < kCount) {
    body(std::integral_constant<int, kFirst>());
    each<kCount, kFirst + 1>(body);
  }
}

// body(count as a type) for a count from 1 to kMost.
template <int kMost, class Body>
MTL_INLINE void with_count(int64_t count, Body&& body) {
  if constexpr (kMost > 1) {
    if (count < kMost) return with_count<kMost - 1>(count, body);
  }
  body(std::integral_constant<int, kMost>());
}

// body(a number of rows as a type, first row) over `count` rows, in tiles of kMost rows at most: of nearly equal
// height, or `full` ones and what is left.
template <int kMost, class Body>
MTL_INLINE void by_tiles(int64_t count, bool full, Body&& body) {
  const int64_t tiles = (count + kMost - 1) / kMost;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = full ? tile * kMost : count * tile / tiles;
    const int64_t end = full ? begin + kMost : count * (tile + 1) / tiles;
    with_count<kMost>((end < count ? end : count) - begin, [&](auto rows) MTL_BODY { body(rows, begin); });
  }
}
template <int kMost, class Body>
MTL_INLINE void by_tiles(int64_t count, Body&& body) {
  by_tiles<kMost>(count, false, body);
}

// ---- Loads, stores, lanes.

template <class V>
constexpr int lanes_of = sizeof(V) / sizeof(float);
template <class V>
using IntsOf = std::conditional_t<lanes_of<V> == 16, Ints16, std::conditional_t<lanes_of<V> == 8, Ints8, Ints4>>;

template <class V>
MTL_INLINE V load(const float* p) {
  V x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
template <class V>
MTL_INLINE void store(float* p, const V& x) {
  std::memcpy(p, &x, sizeof x);
}
// The first n floats, n below the number of lanes; zeros after them.
template <class V>
MTL_INLINE V load_part(const float* p, int64_t n) {
  V x{};
  std::memcpy(&x, p, static_cast<size_t>(n) * sizeof(float));
  return x;
}
template <class V>
MTL_INLINE void store_part(float* p, const V& x, int64_t n) {
  const V copy = x;  // whose address may be taken: x stays in a register
  std::memcpy(p, &copy, static_cast<size_t>(n) * sizeof(float));
}
// Of a place with `width` floats left, which may be fewer than a vector has.
template <class V>
MTL_INLINE V load_some(const float* p, int64_t width) {
  return width >= lanes_of<V> ? load<V>(p) : load_part<V>(p, width);
}
template <class V>
MTL_INLINE void store_some(float* p, const V& x, int64_t width) {
  if (width >= lanes_of<V>)
    store(p, x);
  else
    store_part(p, x, width);
}

// The first `width` of some sums go to c, or are added there.
__attribute__((noinline)) inline void put_part(float* c, const float* sums, int64_t width, bool accumulate) {
  for (int64_t w = 0; w < width; ++w) c[w] = accumulate ? c[w] + sums[w] : sums[w];
}

// body(place, width) for whole vectors of n floats, whose width is a type, and for what is left: load_some and
// store_some take both. So the loop has nothing of the rest in it.
template <class V, class Body>
MTL_INLINE void over_lanes(int64_t n, Body&& body) {
  int64_t j = 0;
  for (; j + lanes_of<V> <= n; j += lanes_of<V>) body(j, std::integral_constant<int64_t, lanes_of<V>>());
  if (j < n) body(j, n - j);
}

// Instructions that GCC (12) has to be told. Keeps x in a register: it would rather load x again for every use, and
// more loads than products are too many.
template <class V>
MTL_INLINE void hold(V& x) {
#if MTL_GCC_X86
  asm("" : "+v"(x));
#else
  (void)x;
#endif
}
// *p in all lanes. From a scalar GCC would build the vector lane by lane, or (splat) add it to zeros.
template <class V>
MTL_INLINE V broadcast(const float* p) {
#if MTL_GCC_X86
  if constexpr (lanes_of < V >> 4) {
    V x;
    asm("vbroadcastss %1, %0" : "=v"(x) : "m"(*p));
    return x;
  }
#endif
  return V{} + *p;
}
template <class V>
MTL_INLINE V splat(float x) {
  return V{} + x;
}
template <class V>
MTL_INLINE V sqrt(const V& x) {
  V y;
#if MTL_GCC_X86
  if constexpr (lanes_of < V >> 4)
    asm("vsqrtps %1, %0" : "=v"(y) : "v"(x));
  else
    asm("sqrtps %1, %0" : "=x"(y) : "x"(x));
#else
  for (int i = 0; i < lanes_of<V>; ++i) y[i] = __builtin_sqrtf(x[i]);
#endif
  return y;
}

// Lane i of the result: of a (bit `distance` of i is 0) or of b, the lane plus its partner at that distance.
template <int kDistance>
MTL_INLINE Floats16 fold(const Floats16& a, const Floats16& b) {
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
// Lane i of the result is the sum of x[i], of as many vectors as there are lanes. Overwrites x.
template <class V, int kDistance = 1>
MTL_INLINE V sums_of(V* x) {
  if constexpr (kDistance == lanes_of<V>) {
    return x[0];
  } else {
    for (int i = 0; i < lanes_of<V> / kDistance / 2; ++i) x[i] = fold<kDistance>(x[2 * i], x[2 * i + 1]);
    return sums_of<V, 2 * kDistance>(x);
  }
}

// Squares are transposed in registers, in place: rounds of interleaving x[i] with x[i + half of the lanes].
MTL_INLINE Floats16 interleave_low(const Floats16& a, const Floats16& b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
MTL_INLINE Floats16 interleave_high(const Floats16& a, const Floats16& b) {
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
template <class V>
MTL_INLINE void transpose(V* x) {
  constexpr int kLanes = lanes_of<V>, kHalf = kLanes / 2;
  V y[kLanes];
  for (int size = 1; size < kLanes; size *= 2) {
    for (int i = 0; i < kHalf; ++i) {
      y[2 * i] = interleave_low(x[i], x[i + kHalf]);
      y[2 * i + 1] = interleave_high(x[i], x[i + kHalf]);
    }
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}

template <class V>
MTL_INLINE float sum_lanes(const V& x) {
  float lanes[lanes_of<V>];
  store(lanes, x);
  for (int n = lanes_of<V> / 2; n >= 1; n /= 2) {
    for (int i = 0; i < n; ++i) lanes[i] += lanes[i + n];
  }
  return lanes[0];
}
template <class V>
MTL_INLINE float max_lanes(const V& x) {
  float lanes[lanes_of<V>];
  store(lanes, x);
  for (int n = lanes_of<V> / 2; n >= 1; n /= 2) {
    for (int i = 0; i < n; ++i) lanes[i] = lanes[i] > lanes[i + n] ? lanes[i] : lanes[i + n];
  }
  return lanes[0];
}
// Whether every lane is below; a NaN is not.
template <class V>
MTL_INLINE bool all_below(const V& x, float bound) {
  return sum_lanes(x < bound ? V{} : splat<V>(1.0f)) == 0.0f;
}

// ---- Functions of all lanes.

template <class V>
MTL_INLINE V max(const V& a, const V& b) {
  return a > b ? a : b;
}

// exp(x) = 2^n exp(r), |r| <= log(2) / 2; minimax polynomial of Cephes' expf (Moshier 1989).
template <class V>
MTL_INLINE V exp(const V& value) {
  using Ints = IntsOf<V>;
  V x = value < -87.33654f ? splat<V>(-87.33654f) : value;
  x = x > 88.37626f ? splat<V>(88.37626f) : x;
  const V n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  V r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
  return p * reinterpret_cast<V>(exponent);
}
template <class V>
MTL_INLINE V sigmoid(const V& x) {
  return 1.0f / (1.0f + exp(-x));
}
// Odd polynomial near 0 (Cephes' tanhf), 1 - 2 / (exp(2|x|) + 1) elsewhere.
template <class V>
MTL_INLINE V tanh(const V& x) {
  using Ints = IntsOf<V>;
  const Ints sign = reinterpret_cast<Ints>(x) & static_cast<int32_t>(0x80000000u);
  const V magnitude = reinterpret_cast<V>(reinterpret_cast<Ints>(x) & 0x7FFFFFFF);
  const V far = 1.0f - 2.0f / (exp(magnitude + magnitude) + 1.0f);
  const V z = x * x;
  V p = z * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const V near = p * z * x + x;
  return magnitude < 0.625f ? near : reinterpret_cast<V>(reinterpret_cast<Ints>(far) | sign);
}

}  // namespace mtl::runtime
