// Log partition, score of given tags and Viterbi decoding of a linear-chain CRF. Gradients are in crf_grad.cpp.
#include "runtime/core/kernels/crf.h"

#include <cmath>

namespace mtl::runtime::kernels {
namespace {

// Zeros behind the last of n.
void exponentiate(const float* x, float most, int64_t n, float* out) {
  at_level([=](auto level) MTL_BODY {
    using Floats = typename decltype(level)::Floats;
    over_lanes<Floats>(n, [&](int64_t j, auto width)
                              MTL_BODY { store_some(out + j, exp(load_some<Floats>(x + j, width) - most), width); });
    for (int64_t j = n; j < padded_tags(n); ++j) out[j] = 0.0f;
  });
}
float most_of_all(const float* x, int64_t n) {
  return at_level([=](auto level) MTL_BODY { return most_of<typename decltype(level)::Floats>(x, n); });
}

// alpha[t, K] of one sequence, each row scaled to sum 1; returns log z. `wide` is scratch of 2 x stride.
template <class Floats>
MTL_INLINE float forward_pass(const Potentials& p, const float* scores, int64_t length, float* alpha, float* wide) {
  const int64_t tags = p.tags;
  float *current = wide, *product = wide + p.stride;
  float first_most = p.start[0] + scores[0];
  for (int64_t j = 0; j < tags; ++j) {
    const float s = p.start[j] + scores[j];
    product[j] = s;
    first_most = s > first_most ? s : first_most;
  }
  for (int64_t j = 0; j < p.stride; ++j) current[j] = 1.0f;
  float sum = times_exp<Floats>(current, product, first_most, tags, current);
  double log_z = static_cast<double>(first_most) + std::log(static_cast<double>(sum));
  for (int64_t t = 0;; ++t) {
    const float factor = 1.0f / sum;
    for (int64_t j = 0; j < tags; ++j) alpha[t * tags + j] = current[j] *= factor;
    if (t + 1 == length) break;
    const float* s = scores + (t + 1) * tags;
    const float most = most_of<Floats>(s, tags);
    vector_times_matrix<Floats>(current, p.step, tags, p.stride, product);
    sum = times_exp<Floats>(product, s, most, tags, current);
    log_z += static_cast<double>(most) + p.most_transition + std::log(static_cast<double>(sum));
  }
  const float last = dot_of<Floats>(current, p.final, tags);
  return static_cast<float>(log_z + p.most_end + std::log(static_cast<double>(last)));
}
float forward_sequence(const Potentials& p, const float* scores, int64_t length, float* alpha, float* wide) {
  return at_level([=](auto level) MTL_BODY {
    return forward_pass<typename decltype(level)::Floats>(p, scores, length, alpha, wide);
  });
}

// The same in log space: alpha rows are logarithms, each row less its log-sum-exp.
float forward_sequence_log(const Potentials& p, const float* scores, int64_t length, float* alpha, double* wide) {
  const int64_t tags = p.tags;
  double *current = wide, *terms = wide + tags, *next = wide + 2 * tags;
  double log_z = 0;
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t j = 0; j < tags; ++j) {
      double into = p.start[j];
      if (t > 0) {
        for (int64_t i = 0; i < tags; ++i) terms[i] = current[i] + p.transitions[i * tags + j];
        into = log_sum_exp(terms, tags);
      }
      next[j] = into + scores[t * tags + j];
    }
    const double sum = log_sum_exp(next, tags);
    log_z += sum;
    for (int64_t j = 0; j < tags; ++j) {
      current[j] = next[j] - sum;
      alpha[t * tags + j] = static_cast<float>(current[j]);
    }
  }
  for (int64_t j = 0; j < tags; ++j) terms[j] = current[j] + p.end[j];
  return static_cast<float>(log_z + log_sum_exp(terms, tags));
}

// product[j] = max_i (delta[i] + transitions[i][j])
template <class Floats, int kVectors>
MTL_INLINE void max_plus_columns(const float* delta, const float* matrix, int64_t tags, int64_t stride, float* out) {
  constexpr int kLanes = lanes_of<Floats>;
  Floats best[kVectors];
  each<kVectors>([&](auto v) MTL_BODY { best[v] = broadcast<Floats>(delta) + load<Floats>(matrix + v * kLanes); });
  for (int64_t i = 1; i < tags; ++i) {
    const Floats from = broadcast<Floats>(delta + i);
    each<kVectors>([&](auto v)
                       MTL_BODY { best[v] = max(best[v], from + load<Floats>(matrix + i * stride + v * kLanes)); });
  }
  each<kVectors>([&](auto v) MTL_BODY { store(out + v * kLanes, best[v]); });
}

// delta: scratch [length, stride]. transitions are padded to rows of `stride`.
template <class Floats>
MTL_INLINE void best_scores(const float* transitions, const float* start, int64_t tags, int64_t stride,
                            const float* scores, int64_t length, float* delta) {
  constexpr int64_t kLanes = lanes_of<Floats>;
  for (int64_t j = 0; j < tags; ++j) delta[j] = start[j] + scores[j];
  for (int64_t t = 1; t < length; ++t) {
    const float* before = delta + (t - 1) * stride;
    float* now = delta + t * stride;
    int64_t j = 0;
    for (; j + 4 * kLanes <= stride; j += 4 * kLanes)
      max_plus_columns<Floats, 4>(before, transitions + j, tags, stride, now + j);
    for (; j < stride; j += kLanes) max_plus_columns<Floats, 1>(before, transitions + j, tags, stride, now + j);
    for (j = 0; j < tags; ++j) now[j] += scores[t * tags + j];
    const float most = most_of<Floats>(now, tags);  // keeps delta small, and so exact
    for (j = 0; j < tags; ++j) now[j] -= most;
  }
}

// Ties go to the lower tag.
void viterbi(const float* transitions, const float* start, const float* end, int64_t tags, int64_t stride,
             const float* scores, int64_t length, float* delta, int32_t* path) {
  at_level([=](auto level) MTL_BODY {
    best_scores<typename decltype(level)::Floats>(transitions, start, tags, stride, scores, length, delta);
  });
  int32_t best = 0;
  const float* last = delta + (length - 1) * stride;
  for (int64_t j = 1; j < tags; ++j) {
    if (last[j] + end[j] > last[best] + end[best]) best = static_cast<int32_t>(j);
  }
  path[length - 1] = best;
  // Where a tag came from is found again from delta: the same sums, so the same winner.
  for (int64_t t = length - 1; t > 0; --t) {
    const float* before = delta + (t - 1) * stride;
    int32_t from = 0;
    for (int64_t i = 1; i < tags; ++i) {
      if (before[i] + transitions[i * stride + best] > before[from] + transitions[from * stride + best]) {
        from = static_cast<int32_t>(i);
      }
    }
    best = from;
    path[t - 1] = best;
  }
}

}  // namespace

double log_sum_exp(const double* x, int64_t n) {
  double most = x[0];
  for (int64_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  if (std::isinf(most)) return most;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - most);
  return most + std::log(sum);
}

Potentials make_potentials(int64_t tags, const float* transitions, const float* start, const float* end,
                           bool transposed, Carver& carver) {
  Potentials p{};
  p.tags = tags;
  p.stride = padded_tags(tags);
  p.transitions = transitions;
  p.start = start;
  p.end = end;
  p.step = carver.floats(tags * p.stride);
  p.step_transposed = transposed ? carver.floats(tags * p.stride) : nullptr;
  p.final = carver.floats(p.stride);
  p.most_transition = most_of_all(transitions, tags * tags);
  p.most_end = most_of_all(end, tags);
  float least_transition = transitions[0], least_end = end[0];
  for (int64_t i = 0; i < tags * tags; ++i) least_transition = std::fmin(least_transition, transitions[i]);
  for (int64_t i = 0; i < tags; ++i) least_end = std::fmin(least_end, end[i]);
  p.safe = p.most_transition - least_transition <= kSafeRange && p.most_end - least_end <= kSafeRange;
  if (!p.safe) return p;
  for (int64_t i = 0; i < tags; ++i) {
    exponentiate(transitions + i * tags, p.most_transition, tags, p.step + i * p.stride);
  }
  exponentiate(end, p.most_end, tags, p.final);
  if (!transposed) return p;
  for (int64_t i = 0; i < tags; ++i) {
    for (int64_t j = 0; j < tags; ++j) p.step_transposed[j * p.stride + i] = p.step[i * p.stride + j];
  }
  for (int64_t j = 0; j < tags; ++j) {
    for (int64_t i = tags; i < p.stride; ++i) p.step_transposed[j * p.stride + i] = 0.0f;
  }
  return p;
}

size_t crf_logpartition_workspace(const WorkspaceQuery& query) {
  const int64_t tags = query.ints[0];
  return sizeof(float) *
         (potentials_floats(tags, false) +
          static_cast<size_t>(query.threads) * (padded(2 * padded_tags(tags)) + log_space_floats(tags)));
}

void crf_logpartition(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t tags = args.ints[0];
  const float* scores = buffer<float>(args, 0);
  float *log_z = buffer<float>(args, 4), *alpha = buffer<float>(args, 5);
  Carver carver(args.workspace);
  const Potentials p =
      make_potentials(tags, buffer<float>(args, 1), buffer<float>(args, 2), buffer<float>(args, 3), false, carver);
  float* scratch = carver.floats(0);
  const size_t wide = padded(2 * p.stride), per_thread = wide + log_space_floats(tags);
  parallel_for(space.parent_rows, [&](int64_t i) {
    const int64_t parent = space.order[i], begin = space.offsets[parent], length = space.offsets[parent + 1] - begin;
    float* mine = scratch + static_cast<size_t>(thread_number()) * per_thread;
    if (length == 0) {
      log_z[parent] = 0.0f;
    } else if (p.safe) {
      log_z[parent] = forward_sequence(p, scores + begin * tags, length, alpha + begin * tags, mine);
    } else {
      log_z[parent] = forward_sequence_log(p, scores + begin * tags, length, alpha + begin * tags,
                                           reinterpret_cast<double*>(mine + wide));
    }
  });
}

size_t crf_score_workspace(const WorkspaceQuery&) {
  return 0;
}

void crf_score(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t tags = args.ints[0];
  const float *scores = buffer<float>(args, 0), *transitions = buffer<float>(args, 2), *start = buffer<float>(args, 3);
  const float* end_scores = buffer<float>(args, 4);
  const int32_t* given = buffer<int32_t>(args, 1);
  float* out = buffer<float>(args, 5);
  for (int64_t parent = 0; parent < space.parent_rows; ++parent) {
    const int64_t begin = space.offsets[parent], end = space.offsets[parent + 1];
    double sum = 0;
    for (int64_t r = begin; r < end; ++r) {
      if (given[r] < 0) continue;
      sum += scores[r * tags + given[r]];
      if (r == begin)
        sum += start[given[r]];
      else if (given[r - 1] >= 0)
        sum += transitions[given[r - 1] * tags + given[r]];
      if (r == end - 1) sum += end_scores[given[r]];
    }
    out[parent] = static_cast<float>(sum);
  }
}

size_t crf_decode_workspace(const WorkspaceQuery& query) {
  const int64_t tags = query.ints[0], stride = padded_tags(tags);
  return sizeof(float) *
         (padded(tags * stride) + static_cast<size_t>(query.threads) * padded(query.spaces[0]->longest * stride));
}

void crf_decode(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t tags = args.ints[0], stride = padded_tags(tags);
  const float *scores = buffer<float>(args, 0), *transitions = buffer<float>(args, 1);
  const float *start = buffer<float>(args, 2), *end = buffer<float>(args, 3);
  int32_t* path = buffer<int32_t>(args, 4);
  Carver carver(args.workspace);
  float* wide = carver.floats(tags * stride);
  float* scratch = carver.floats(0);
  for (int64_t i = 0; i < tags; ++i) {
    for (int64_t j = 0; j < stride; ++j) wide[i * stride + j] = j < tags ? transitions[i * tags + j] : 0.0f;
  }
  const size_t per_thread = padded(space.longest * stride);
  parallel_for(space.parent_rows, [&](int64_t i) {
    const int64_t parent = space.order[i], begin = space.offsets[parent], length = space.offsets[parent + 1] - begin;
    if (length == 0) return;
    float* delta = scratch + static_cast<size_t>(thread_number()) * per_thread;
    viterbi(wide, start, end, tags, stride, scores + begin * tags, length, delta, path + begin);
  });
}

}  // namespace mtl::runtime::kernels
