// Arithmetic of the kernels' inner loops: 16 floats at a time, with inline exponentials. Functions marked MTL_CLONES
// are compiled for AVX-512, AVX2 and plain x86-64 and chosen when the program is loaded; helpers are always inlined,
// so they are compiled for whoever calls them. Parallel regions stay outside of cloned functions (the bodies that
// OpenMP outlines would not be cloned).
//
// Accuracy: exp, sigmoid and tanh are within 2 units in the last place; a NaN stays a NaN.
#pragma once
#include <cstdint>
#include <cstring>

// Vectors of 64 bytes are passed between inlined functions alone, so what their ABI would be is of no interest. (They
// are passed by reference because GCC has a note on their ABI that no pragma silences.)
#pragma GCC diagnostic ignored "-Wpsabi"

// Whether functions may be compiled for several instruction sets. Only from plain x86-64 on: a helper that is compiled
// for more (-march=native) cannot be inlined into a function for less, and needs not be. Not with Clang (14), which
// refuses vectors as arguments of helpers there; -march says what it may use.
#if defined(__x86_64__) && !defined(__SSE3__) && defined(__GNUC__) && !defined(__clang__)
#define MTL_DISPATCH 1
#else
#define MTL_DISPATCH 0
#endif
// Clones are chosen by a resolver, which needs glibc, and runs before a sanitizer is ready.
#if MTL_DISPATCH && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MTL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MTL_CLONES
#endif
// Tiles of register accumulators depend on how many registers there are, so they name their instruction set themselves
// and are chosen by cpu_level() when they are called.
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

namespace mtl::runtime {

enum class CpuLevel { any, v3, v4 };
#if MTL_DISPATCH
inline CpuLevel cpu_level() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq")) {
    return CpuLevel::v4;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CpuLevel::v3;
  return CpuLevel::any;
}
#else
constexpr CpuLevel cpu_level() {
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
  return CpuLevel::v4;
#elif defined(__AVX2__) && defined(__FMA__)
  return CpuLevel::v3;
#else
  return CpuLevel::any;
#endif
}
#endif

constexpr int kLanes = 16;
typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef float FloatsAnywhere __attribute__((vector_size(64), aligned(4)));

MTL_INLINE Floats load(const float* p) {
  return *reinterpret_cast<const FloatsAnywhere*>(p);
}
MTL_INLINE void store(float* p, const Floats& x) {
  *reinterpret_cast<FloatsAnywhere*>(p) = x;
}
// x in all lanes. The addition makes the compiler (GCC 12) load x once: from a scalar in memory it would otherwise
// build the vector lane by lane. So scalars from memory meet vectors through splat.
MTL_INLINE Floats splat(float x) {
  return Floats{} + x;
}
// The first n < 16 floats; zeros after them.
MTL_INLINE Floats load_part(const float* p, int64_t n) {
  Floats x{};
  std::memcpy(&x, p, static_cast<size_t>(n) * sizeof(float));
  return x;
}
MTL_INLINE void store_part(float* p, const Floats& x, int64_t n) {
  std::memcpy(p, &x, static_cast<size_t>(n) * sizeof(float));
}

// [a0+a1, a2+a3, ..., b0+b1, ...]
MTL_INLINE Floats add_pairs(const Floats& a, const Floats& b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
// Lane i of the result is the sum of x[i]. Overwrites x.
MTL_INLINE Floats sums_of_16(Floats* x) {
  for (int n = 8; n >= 1; n /= 2) {
    for (int i = 0; i < n; ++i) x[i] = add_pairs(x[2 * i], x[2 * i + 1]);
  }
  return x[0];
}
// Transposes 16 x 16 floats in place: four rounds of interleaving x[i] with x[i + 8].
MTL_INLINE void transpose_16(Floats* x) {
  Floats y[kLanes];
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      y[2 * i] = __builtin_shufflevector(x[i], x[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      y[2 * i + 1] =
          __builtin_shufflevector(x[i], x[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}
MTL_INLINE float sum_lanes(const Floats& x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int n = 8; n >= 1; n /= 2) {
    for (int i = 0; i < n; ++i) lanes[i] += lanes[i + n];
  }
  return lanes[0];
}
MTL_INLINE float max_lanes(const Floats& x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int n = 8; n >= 1; n /= 2) {
    for (int i = 0; i < n; ++i) lanes[i] = lanes[i] > lanes[i + n] ? lanes[i] : lanes[i + n];
  }
  return lanes[0];
}
MTL_INLINE Floats max(const Floats& a, const Floats& b) {
  return a > b ? a : b;
}

// exp(x) = 2^n exp(r), |r| <= log(2) / 2; minimax polynomial of Cephes' expf (Moshier 1989).
MTL_INLINE Floats exp(const Floats& value) {
  Floats x = value < -87.33654f ? splat(-87.33654f) : value;
  x = x > 88.37626f ? splat(88.37626f) : x;
  const Floats n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  Floats r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
  return p * reinterpret_cast<Floats>(exponent);
}
MTL_INLINE Floats sigmoid(const Floats& x) {
  return 1.0f / (1.0f + exp(-x));
}
// Odd polynomial near 0 (Cephes' tanhf), 1 - 2 / (exp(2|x|) + 1) elsewhere.
MTL_INLINE Floats tanh(const Floats& x) {
  const Ints sign = reinterpret_cast<Ints>(x) & static_cast<int32_t>(0x80000000u);
  const Floats magnitude = reinterpret_cast<Floats>(reinterpret_cast<Ints>(x) & 0x7FFFFFFF);
  const Floats far = 1.0f - 2.0f / (exp(magnitude + magnitude) + 1.0f);
  const Floats z = x * x;
  Floats p = z * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const Floats near = p * z * x + x;
  return magnitude < 0.625f ? near : reinterpret_cast<Floats>(reinterpret_cast<Ints>(far) | sign);
}

}  // namespace mtl::runtime
