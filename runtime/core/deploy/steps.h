// What the generated steps of a package are written with: elementwise functions that compilers turn into vector code
// (no branches, no calls), rows of tables, and linear layers. See compiler/aot/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/core/deploy/linear.h"
#include "runtime/core/kernels.h"
#include "runtime/core/random.h"
#include "runtime/core/vector.h"

namespace mtl::runtime {

inline constexpr SpaceView kOneRow{};
// `progress`, the only number of a step that a prediction reads, is 1 when training is over.
inline constexpr float kScalars[] = {1.0f};
inline constexpr StepScalars kLastStep{0, 0, kScalars};

// exp(x) = 2^n exp(r), |r| <= log(2) / 2, as the vector form in vector.h: within 2 units in the last place; a NaN stays
// one. Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
inline float exp(float x) {
  constexpr float kRound = 12582912.0f;
  const float low = x < -87.3365f ? -87.3365f : x;
  const float clamped = low > 88.7228f ? 88.7228f : low;
  const float shifted = clamped * 1.44269504f + kRound, n = shifted - kRound;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  uint32_t bits, base;
  std::memcpy(&bits, &shifted, sizeof(bits));
  std::memcpy(&base, &kRound, sizeof(base));
  // In two factors, as 2^128 is no float.
  const uint32_t whole = bits - base, half = static_cast<uint32_t>(static_cast<int32_t>(whole) >> 1);
  const uint32_t first = (half + 127u) << 23, second = (whole - half + 127u) << 23;
  float a, b;
  std::memcpy(&a, &first, sizeof(a));
  std::memcpy(&b, &second, sizeof(b));
  return p * a * b;
}

inline float sigmoid(float x) {
  return 1.0f / (1.0f + exp(-x));
}

// An odd polynomial near 0, 1 - 2 / (exp(2 |x|) + 1) elsewhere (Cephes' tanhf, Moshier 1989).
inline float tanh(float x) {
  const float size = x < 0.0f ? -x : x, square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near = p * square * x + x, far = 1.0f - 2.0f / (exp(size + size) + 1.0f);
  return size < 0.625f ? near : x < 0.0f ? -far : size != size ? x : far;
}

// x p(x^2) below 0.97; above, 1 - exp(-q(x)), q a fit of -log(erfc(x)): the polynomials of compiler/codegen/math.cpp.
inline float erf(float x) {
  const float size = x < 0.0f ? -x : x, square = x * x, t = size > 4.0f ? 4.0f : size;
  float p = 7.853857722551111e-05f;
  p = p * square - 0.000801019252530064f;
  p = p * square + 0.005188327560497146f;
  p = p * square - 0.02685381186936197f;
  p = p * square + 0.11283585147037503f;
  p = p * square - 0.3761262582409408f;
  p = p * square + 1.1283791657266913f;
  float q = 2.149611362163736e-05f;
  q = q * t - 0.0004391063733337261f;
  q = q * t + 0.0041936110882840605f;
  q = q * t - 0.025178967803628324f;
  q = q * t + 0.10837247858585504f;
  q = q * t + 0.6332626121996822f;
  q = q * t + 1.1295568303870058f;
  q = q * t - 0.00018344414643478788f;
  const float far = 1.0f - exp(-q);
  return size < 0.97f ? x * p : x < 0.0f ? -far : far;
}

inline float sign(float x) {
  return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
}

// NaN wins, as in PyTorch.
template <class T>
T minimum(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
T maximum(T a, T b) {
  return a > b || a != a ? a : b;
}

// Row `id` of a table with rows of N; zeros where there is none (id < 0).
template <int64_t N, class T>
const T* row_or_zeros(const T* table, int64_t id) {
  static const T zeros[N] = {};
  return id < 0 ? zeros : table + id * N;
}

// Uniform in [0, 1): the same for the same row, whatever the batch.
inline float noise(uint64_t key, uint64_t row, int64_t element) {
  return random_unit(random_bits(random_row(random_stream(0, 0, key), row), static_cast<uint32_t>(element)));
}

template <class T>
void* operand(const T* p) {
  return const_cast<void*>(static_cast<const void*>(p));
}

// exp(score) over their sum.
inline void softmax_row(const float* scores, size_t width, float* out) {
  float most = scores[0], sum = 0.0f;
  for (size_t i = 1; i < width; ++i) most = maximum(most, scores[i]);
  for (size_t i = 0; i < width; ++i) sum += out[i] = exp(scores[i] - most);
  for (size_t i = 0; i < width; ++i) out[i] /= sum;
}

// The key of a layer's random numbers, as compiled loops take it.
inline void* key(uint64_t bits) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(bits));
}

// Buffers begin at multiples of 64 bytes.
inline size_t padded_floats(int64_t count) {
  return (static_cast<size_t>(count) + 15) / 16 * 16;
}

}  // namespace mtl::runtime
