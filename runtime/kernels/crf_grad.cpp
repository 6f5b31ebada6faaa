// The gradients of the CRF's score of given tags, and of its log partition: expected counts, by forward-backward.
//
//   d logz / d scores[t, j]      = P(tag_t = j)
//   d logz / d transitions[i, j] = sum_t P(tag_t-1 = i, tag_t = j) = exp(T_ij) sum_t a_t-1(i) b_t(j) / Z_t,
// where b_t = exp(scores_t) o beta_t. The sum over t of outer products is one matrix product over all rows.
#include <cmath>

#include "runtime/core/gemm.h"
#include "runtime/core/kernels/crf.h"

namespace mtl::runtime::kernels {
namespace {

struct Sequence {
  const float *scores, *alpha;
  int64_t length;
  float weight;
  float *dscores, *left, *right;  // rows of the outer products: left_t = weight alpha_t-1 / Z_t, right_t = b_t
};

// wide: scratch of 3 x stride.
template <class Floats>
MTL_INLINE void backward_pass(const Potentials& p, const Sequence& s, float* wide) {
  const int64_t tags = p.tags;
  float *beta = wide, *b = wide + p.stride, *q = wide + 2 * p.stride;
  for (int64_t j = 0; j < p.stride; ++j) beta[j] = p.final[j];
  for (int64_t t = s.length - 1; t >= 0; --t) {
    const float *alpha = s.alpha + t * tags, *scores = s.scores + t * tags;
    float *dscores = s.dscores + t * tags, *left = s.left + t * tags, *right = s.right + t * tags;
    const float marginal = s.weight / dot_of<Floats>(alpha, beta, tags);
    for (int64_t j = 0; j < tags; ++j) dscores[j] = marginal * (alpha[j] * beta[j]);
    if (t == 0) {
      for (int64_t j = 0; j < tags; ++j) left[j] = right[j] = 0.0f;
      break;
    }
    times_exp<Floats>(beta, scores, most_of<Floats>(scores, tags), tags, b);
    const float shrink = 1.0f / most_of<Floats>(b, tags);
    for (int64_t j = 0; j < tags; ++j) right[j] = b[j] *= shrink;
    vector_times_matrix<Floats>(b, p.step_transposed, tags, p.stride, q);
    const float* before = alpha - tags;
    const float factor = s.weight / dot_of<Floats>(before, q, tags), scale = 1.0f / sum_of<Floats>(q, tags);
    for (int64_t j = 0; j < tags; ++j) left[j] = factor * before[j];
    for (int64_t j = 0; j < p.stride; ++j) beta[j] = q[j] * scale;
  }
}
void backward_sequence(const Potentials& p, const Sequence& s, float* wide) {
  at_level([=](auto level) MTL_BODY { backward_pass<typename decltype(level)::Floats>(p, s, wide); });
}

struct Buffers {
  const float *dlogz, *scores, *alpha;
  float *dscores, *dtransitions, *dstart, *dend;
};
Buffers buffers_of(const KernelArgs& args) {
  return {buffer<float>(args, 0), buffer<float>(args, 1), buffer<float>(args, 5), buffer<float>(args, 6),
          buffer<float>(args, 7), buffer<float>(args, 8), buffer<float>(args, 9)};
}

// The edges' gradients are those of the first and last rows, added in the order of sequences.
void edge_gradients(const SpaceView& space, int64_t tags, const Buffers& b) {
  for (int64_t j = 0; j < tags; ++j) b.dstart[j] = b.dend[j] = 0.0f;
  for (int64_t parent = 0; parent < space.parent_rows; ++parent) {
    const int64_t begin = space.offsets[parent], end = space.offsets[parent + 1];
    if (begin == end) continue;
    for (int64_t j = 0; j < tags; ++j) {
      b.dstart[j] += b.dscores[begin * tags + j];
      b.dend[j] += b.dscores[(end - 1) * tags + j];
    }
  }
}

void log_space_sequence(const Potentials& p, const Buffers& b, int64_t begin, int64_t length, float weight,
                        double* wide) {
  const int64_t tags = p.tags;
  double *beta = wide, *ahead = wide + tags, *terms = wide + 2 * tags;
  for (int64_t j = 0; j < tags; ++j) beta[j] = p.end[j];
  for (int64_t t = length - 1; t >= 0; --t) {
    const int64_t at = (begin + t) * tags;
    for (int64_t j = 0; j < tags; ++j) terms[j] = b.alpha[at + j] + beta[j];
    const double sum = log_sum_exp(terms, tags);
    for (int64_t j = 0; j < tags; ++j) b.dscores[at + j] = static_cast<float>(weight * std::exp(terms[j] - sum));
    if (t == 0) return;
    for (int64_t j = 0; j < tags; ++j) ahead[j] = b.scores[at + j] + beta[j];
    for (int64_t i = 0; i < tags; ++i) {
      for (int64_t j = 0; j < tags; ++j) terms[j] = p.transitions[i * tags + j] + ahead[j];
      beta[i] = log_sum_exp(terms, tags);
    }
    const float* before = b.alpha + at - tags;
    for (int64_t i = 0; i < tags; ++i) terms[i] = before[i] + beta[i];
    const double pairs = log_sum_exp(terms, tags);
    for (int64_t i = 0; i < tags; ++i) {
      for (int64_t j = 0; j < tags; ++j) {
        const double log_pair = before[i] + p.transitions[i * tags + j] + ahead[j] - pairs;
        b.dtransitions[i * tags + j] += static_cast<float>(weight * std::exp(log_pair));
      }
    }
  }
}

}  // namespace

void crf_log_space_grad(const KernelArgs& args, const Potentials& p) {
  const SpaceView& space = *args.spaces[0];
  const Buffers b = buffers_of(args);
  double* wide = static_cast<double*>(args.workspace);  // the padded potentials are not in use
  std::memset(b.dtransitions, 0, static_cast<size_t>(p.tags * p.tags) * sizeof(float));
  for (int64_t parent = 0; parent < space.parent_rows; ++parent) {
    const int64_t begin = space.offsets[parent];
    log_space_sequence(p, b, begin, space.offsets[parent + 1] - begin, b.dlogz[parent], wide);
  }
  edge_gradients(space, p.tags, b);
}

size_t crf_logpartition_grad_workspace(const WorkspaceQuery& query) {
  const int64_t tags = query.ints[0], rows = query.spaces[0]->rows;
  return sizeof(float) * (potentials_floats(tags, true) + log_space_floats(tags) + 2 * padded(rows * tags) +
                          static_cast<size_t>(query.threads) * padded(3 * padded_tags(tags))) +
         gemm_workspace(tags, tags, rows);
}

void crf_logpartition_grad(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t tags = args.ints[0];
  const Buffers b = buffers_of(args);
  Carver carver(args.workspace);
  const Potentials p =
      make_potentials(tags, buffer<float>(args, 2), buffer<float>(args, 3), buffer<float>(args, 4), true, carver);
  if (!p.safe) return crf_log_space_grad(args, p);
  void* product_workspace = carver.floats(static_cast<int64_t>(gemm_workspace(tags, tags, space.rows) / sizeof(float)));
  float *left = carver.floats(space.rows * tags), *right = carver.floats(space.rows * tags);
  float* scratch = carver.floats(0);
  parallel_for(space.parent_rows, [&](int64_t i) {
    const int64_t parent = space.order[i], begin = space.offsets[parent], length = space.offsets[parent + 1] - begin;
    if (length == 0) return;
    const int64_t at = begin * tags;
    backward_sequence(p, {b.scores + at, b.alpha + at, length, b.dlogz[parent], b.dscores + at, left + at, right + at},
                      scratch + static_cast<size_t>(thread_number()) * padded(3 * p.stride));
  });
  gemm(product_of(tags, tags, space.rows, {left, tags, true}, {right, tags}, b.dtransitions, tags), product_workspace);
  for (int64_t i = 0; i < tags; ++i) {
    for (int64_t j = 0; j < tags; ++j) b.dtransitions[i * tags + j] *= p.step[i * p.stride + j];
  }
  edge_gradients(space, tags, b);
}

size_t crf_score_grad_workspace(const WorkspaceQuery&) {
  return 0;
}

void crf_score_grad(const KernelArgs& args) {
  const SpaceView& space = *args.spaces[0];
  const int64_t tags = args.ints[0];
  const float* dscore = buffer<float>(args, 0);
  const int32_t* given = buffer<int32_t>(args, 1);
  float *dscores = buffer<float>(args, 2), *dtransitions = buffer<float>(args, 3);
  float *dstart = buffer<float>(args, 4), *dend = buffer<float>(args, 5);
  const auto clear = [](float* x, int64_t n) { std::memset(x, 0, static_cast<size_t>(n) * sizeof(float)); };
  clear(dscores, space.rows * tags);
  clear(dtransitions, tags * tags);
  clear(dstart, tags);
  clear(dend, tags);
  for (int64_t parent = 0; parent < space.parent_rows; ++parent) {
    const int64_t begin = space.offsets[parent], end = space.offsets[parent + 1];
    const float weight = dscore[parent];
    for (int64_t r = begin; r < end; ++r) {
      if (given[r] < 0) continue;
      dscores[r * tags + given[r]] = weight;
      if (r == begin)
        dstart[given[r]] += weight;
      else if (given[r - 1] >= 0)
        dtransitions[given[r - 1] * tags + given[r]] += weight;
      if (r == end - 1) dend[given[r]] += weight;
    }
  }
}

}  // namespace mtl::runtime::kernels
