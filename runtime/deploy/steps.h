// What the generated steps of a package are written with: elementwise functions that compilers turn into vector code
// (no branches, no calls), rows of tables, and products. See compiler/aot/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/gemm.h"
#include "runtime/kernels.h"
#include "runtime/random.h"
#include "runtime/vector.h"

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

// The key of a layer's random numbers, as compiled loops take it.
inline void* key(uint64_t bits) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(bits));
}

// y[rows, outputs] = x[rows, inputs] w^T, with w[outputs, inputs] as PyTorch lays it out.
struct LinearShape {
  int64_t outputs, inputs;
};
inline void linear(int64_t rows, const float* x, const float* w, float* y, LinearShape shape) {
  Gemm product;
  product.transpose_b = true;
  product.m = rows;
  product.n = shape.outputs;
  product.k = shape.inputs;
  product.a = x;
  product.lda = shape.inputs;
  product.b = w;
  product.ldb = shape.inputs;
  product.c = y;
  product.ldc = shape.outputs;
  gemm_serial(product);
}

// Buffers begin at multiples of 64 bytes.
inline size_t padded_floats(int64_t count) {
  return (static_cast<size_t>(count) + 15) / 16 * 16;
}

}  // namespace mtl::runtime
