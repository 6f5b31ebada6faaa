// What the kernels of the linear-chain CRF share (Lafferty, McCallum & Pereira 2001).
//
// Forward variables live in probability space, scaled to sum 1 at each position (Rabiner 1989): a step is one product
// of a vector with exp(transitions), and one exp a tag. That is exact to rounding while transitions differ by less
// than kSafeRange; beyond (forbidden transitions of -1e4, say) the kernels work in log space, slowly.
#pragma once
#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {

// A probability below e^-87 is lost, but a tag that is so unlikely can gain at most e^range on its rivals later.
constexpr float kSafeRange = 60.0f;

inline int64_t padded_tags(int64_t tags) {
  return (tags + kMostLanes - 1) / kMostLanes * kMostLanes;
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

// out[0..kVectors * kLanes) = sum_i x[i] matrix[i][0..kVectors * kLanes). Several chains of sums hide the latency of
// the adds.
template <class Floats, int kVectors, int kChains>
MTL_INLINE void vector_times_columns(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  constexpr int kLanes = lanes_of<Floats>;
  Floats acc[kChains * kVectors];
  each<kChains * kVectors>([&](auto n) MTL_BODY { acc[n] = Floats{}; });
  int64_t i = 0;
  for (; i + kChains <= tags; i += kChains) {
    each<kChains>([&](auto c) MTL_BODY {
      const Floats factor = broadcast<Floats>(x + i + c);
      each<kVectors>([&](auto v) MTL_BODY {
        acc[c * kVectors + v] += factor * load<Floats>(matrix + (i + c) * stride + v * kLanes);
      });
    });
  }
  for (; i < tags; ++i) {
    const Floats factor = broadcast<Floats>(x + i);
    each<kVectors>([&](auto v) MTL_BODY { acc[v] += factor * load<Floats>(matrix + i * stride + v * kLanes); });
  }
  each<kVectors>([&](auto v) MTL_BODY {
    Floats sum = acc[v];
    for (int c = 1; c < kChains; ++c) sum += acc[c * kVectors + v];
    store(out + v * kLanes, sum);
  });
}
// out[0..stride) = sum_i x[i] matrix[i][0..stride), for `tags` rows.
template <class Floats>
MTL_INLINE void vector_times_matrix(const float* x, const float* matrix, int64_t tags, int64_t stride, float* out) {
  constexpr int64_t kLanes = lanes_of<Floats>, kMost = 8;
  int64_t j = 0;
  for (; j + kMost * kLanes <= stride; j += kMost * kLanes)
    vector_times_columns<Floats, kMost, 1>(x, matrix + j, tags, stride, out + j);
  if (j == stride) return;
  with_count<kMost - 1>((stride - j) / kLanes, [&](auto vectors) MTL_BODY {
    constexpr int kVectors = decltype(vectors)::value, kChains = kVectors <= 2 ? 4 : kVectors <= 4 ? 2 : 1;
    vector_times_columns<Floats, kVectors, kChains>(x, matrix + j, tags, stride, out + j);
  });
}
template <class Floats>
MTL_INLINE float most_of(const float* x, int64_t n) {
  constexpr int64_t kLanes = lanes_of<Floats>;
  if (n < kLanes) {
    float most = x[0];
    for (int64_t j = 1; j < n; ++j) most = x[j] > most ? x[j] : most;
    return most;
  }
  Floats most = load<Floats>(x + n - kLanes);
  for (int64_t j = 0; j + kLanes <= n; j += kLanes) most = max(most, load<Floats>(x + j));
  return max_lanes(most);
}
// sum_j a[j] b[j]
template <class Floats>
MTL_INLINE float dot_of(const float* a, const float* b, int64_t n) {
  Floats sums{};
  over_lanes<Floats>(n, [&](int64_t j, auto width)
                            MTL_BODY { sums += load_some<Floats>(a + j, width) * load_some<Floats>(b + j, width); });
  return sum_lanes(sums);
}
template <class Floats>
MTL_INLINE float sum_of(const float* x, int64_t n) {
  Floats sums{};
  over_lanes<Floats>(n, [&](int64_t j, auto width) MTL_BODY { sums += load_some<Floats>(x + j, width); });
  return sum_lanes(sums);
}
// out[j] = factor[j] exp(x[j] - most); reads n of x, factor and out have whole vectors. Returns the sum.
template <class Floats>
MTL_INLINE float times_exp(const float* factor, const float* x, float most, int64_t n, float* out) {
  Floats sums{};
  over_lanes<Floats>(n, [&](int64_t j, auto width) MTL_BODY {
    const Floats product = load<Floats>(factor + j) * exp(load_some<Floats>(x + j, width) - most);
    if constexpr (std::is_same_v<decltype(width), int64_t>) store(out + j, Floats{});
    store_some(out + j, product, width);
    sums += load<Floats>(out + j);
  });
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
