// What the kernels of the linear-chain CRF share (Lafferty, McCallum & Pereira 2001).
//
// Forward variables live in probability space, scaled to sum 1 at each position (Rabiner 1989): a step is one product
// of a vector with exp(transitions), and one exp a tag. That is exact to rounding while transitions differ by less
// than kSafeRange; beyond (forbidden transitions of -1e4, say) the kernels work in log space, slowly.
#pragma once
#include "runtime/kernels/all.h"
#include "runtime/parallel.h"
#include "runtime/vector.h"

namespace mtl::runtime::kernels {

// A probability below e^-87 is lost, but a tag that is so unlikely can gain at most e^range on its rivals later.
constexpr float kSafeRange = 60.0f;

inline int64_t padded_tags(int64_t tags) {
  return (tags + kLanes - 1) / kLanes * kLanes;
}

struct Potentials {
  int64_t tags, stride;  // stride: padded_tags
  const float *transitions, *start, *end;
  float most_transition, most_end;
  bool safe;  // the range allows probability space
  // exp(transitions - most), exp(end - most) with zeros in the padding; valid if safe.
  float *step, *final;
  float* step_transposed;  // null unless asked for
};

inline size_t potentials_floats(int64_t tags, bool transposed) {
  return padded(tags * padded_tags(tags)) * (transposed ? 2 : 1) + padded(padded_tags(tags));
}
Potentials make_potentials(int64_t tags, const float* transitions, const float* start, const float* end,
                           bool transposed, Carver& carver);

// out[0..kVectors * 16) = sum_i x[i] matrix[i][0..kVectors * 16). Several chains of sums hide the latency of the adds.
template <int kVectors, int kChains>
MTL_INLINE void vector_times_columns(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  Floats acc[kChains][kVectors] = {};
  int64_t i = 0;
  for (; i + kChains <= tags; i += kChains) {
    for (int c = 0; c < kChains; ++c) {
      const Floats factor = splat(x[i + c]);
      for (int v = 0; v < kVectors; ++v) acc[c][v] += factor * load(matrix + (i + c) * stride + v * kLanes);
    }
  }
  for (; i < tags; ++i) {
    const Floats factor = splat(x[i]);
    for (int v = 0; v < kVectors; ++v) acc[0][v] += factor * load(matrix + i * stride + v * kLanes);
  }
  for (int v = 0; v < kVectors; ++v) {
    Floats sum = acc[0][v];
    for (int c = 1; c < kChains; ++c) sum += acc[c][v];
    store(out + v * kLanes, sum);
  }
}
// out[0..stride) = sum_i x[i] matrix[i][0..stride), for `tags` rows.
MTL_INLINE void vector_times_matrix(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  int64_t j = 0;
  for (; j + 8 * kLanes <= stride; j += 8 * kLanes) vector_times_columns<8, 1>(x, matrix + j, tags, stride, out + j);
  switch ((stride - j) / kLanes) {
    case 7:
      return vector_times_columns<7, 1>(x, matrix + j, tags, stride, out + j);
    case 6:
      return vector_times_columns<6, 1>(x, matrix + j, tags, stride, out + j);
    case 5:
      return vector_times_columns<5, 1>(x, matrix + j, tags, stride, out + j);
    case 4:
      return vector_times_columns<4, 2>(x, matrix + j, tags, stride, out + j);
    case 3:
      return vector_times_columns<3, 2>(x, matrix + j, tags, stride, out + j);
    case 2:
      return vector_times_columns<2, 4>(x, matrix + j, tags, stride, out + j);
    case 1:
      return vector_times_columns<1, 4>(x, matrix + j, tags, stride, out + j);
    default:
      return;
  }
}
MTL_INLINE float most_of(const float* x, int64_t n) {
  if (n < kLanes) {
    float most = x[0];
    for (int64_t j = 1; j < n; ++j) most = x[j] > most ? x[j] : most;
    return most;
  }
  Floats most = load(x + n - kLanes);
  for (int64_t j = 0; j + kLanes <= n; j += kLanes) most = max(most, load(x + j));
  return max_lanes(most);
}
// sum_j a[j] b[j]
MTL_INLINE float dot_of(const float* a, const float* b, int64_t n) {
  Floats sums{};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) sums += load(a + j) * load(b + j);
  if (j < n) sums += load_part(a + j, n - j) * load_part(b + j, n - j);
  return sum_lanes(sums);
}
MTL_INLINE float sum_of(const float* x, int64_t n) {
  Floats sums{};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) sums += load(x + j);
  if (j < n) sums += load_part(x + j, n - j);
  return sum_lanes(sums);
}
// out[j] = factor[j] exp(x[j] - most); reads n of x, factor and out have whole vectors. Returns the sum.
MTL_INLINE float times_exp(const float* factor, const float* x, float most, int64_t n, float* out) {
  Floats sums{};
  for (int64_t j = 0; j < n; j += kLanes) {
    const int64_t width = n - j;
    const Floats value = width >= kLanes ? load(x + j) : load_part(x + j, width);
    Floats product = load(factor + j) * exp(value - most);
    if (width < kLanes) {
      float lanes[kLanes];
      store(lanes, product);
      product = load_part(lanes, width);
    }
    store(out + j, product);
    sums += product;
  }
  return sum_lanes(sums);
}

// log sum_i exp(x[i]), in double.
double log_sum_exp(const double* x, int64_t n);
// The gradient in log space, on one thread.
void crf_log_space_grad(const KernelArgs& args, const Potentials& potentials);
inline size_t log_space_floats(int64_t tags) {
  return padded(8 * tags);
}

}  // namespace mtl::runtime::kernels
