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

// out[0..stride) = sum_i x[i] matrix[i][0..stride), for `tags` rows.
template <int kVectors>
MTL_INLINE void vector_times_columns(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  Floats acc[kVectors] = {};
  for (int64_t i = 0; i < tags; ++i) {
    for (int v = 0; v < kVectors; ++v) acc[v] += x[i] * load(matrix + i * stride + v * kLanes);
  }
  for (int v = 0; v < kVectors; ++v) store(out + v * kLanes, acc[v]);
}
MTL_INLINE void vector_times_matrix(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  int64_t j = 0;
  for (; j + 8 * kLanes <= stride; j += 8 * kLanes) vector_times_columns<8>(x, matrix + j, tags, stride, out + j);
  if (j + 4 * kLanes <= stride) {
    vector_times_columns<4>(x, matrix + j, tags, stride, out + j);
    j += 4 * kLanes;
  }
  switch ((stride - j) / kLanes) {
    case 3:
      return vector_times_columns<3>(x, matrix + j, tags, stride, out + j);
    case 2:
      return vector_times_columns<2>(x, matrix + j, tags, stride, out + j);
    case 1:
      return vector_times_columns<1>(x, matrix + j, tags, stride, out + j);
    default:
      return;
  }
}
MTL_INLINE float most_of(const float* x, int64_t n) {
  float most = x[0];
  for (int64_t j = 1; j < n; ++j) most = x[j] > most ? x[j] : most;
  return most;
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
