// The gradient of attention (attention.h).
//
//   D_i = dy_i . y_i;   ds_ij = p_ij (m_ij dy_i . v_j - D_i);   dq = scale ds k;   dk = scale ds^T q;   dv = (m p)^T dy
#include <cstring>

#include "runtime/core/kernels/attention.h"
#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {
namespace {

// Probabilities from scores and the saved log-sum-exp.
void probabilities_row(float* s, int64_t valid, int64_t n, float scale, float lse) {
  at_level([=](auto level) MTL_BODY {
    using Floats = typename decltype(level)::Floats;
    over_lanes<Floats>(valid, [&](int64_t j, auto width) MTL_BODY {
      store_some(s + j, exp(load_some<Floats>(s + j, width) * scale - lse), width);
    });
    for (int64_t j = valid; j < n; ++j) s[j] = 0.0f;
  });
}

float dot(const float* a, const float* b, int64_t n) {
  return at_level([=](auto level) MTL_BODY {
    using Floats = typename decltype(level)::Floats;
    Floats sums{};
    over_lanes<Floats>(n, [&](int64_t j, auto width)
                              MTL_BODY { sums += load_some<Floats>(a + j, width) * load_some<Floats>(b + j, width); });
    return sum_lanes(sums);
  });
}

// ds = scale p (dp - d)
void score_gradient_row(float* dp, const float* p, int64_t n, float d, float scale) {
  at_level([=](auto) MTL_BODY {
    MTL_INDEPENDENT
    for (int64_t j = 0; j < n; ++j) dp[j] = scale * p[j] * (dp[j] - d);
  });
}

struct Gradients {
  const float *dy, *q, *k, *v, *y, *lse;
  float *dq, *dk, *dv;
};

// Rows of one head of a segment set to zero.
void clear_head(float* x, int64_t begin, int64_t rows, int64_t stride, int64_t at, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    std::memset(x + (begin + r) * stride + at, 0, static_cast<size_t>(width) * sizeof(float));
  }
}

void clear_task(const Attention& a, const Gradients& g, const Task& t) {
  clear_head(g.dk, t.key, t.keys, a.key_stride(), t.head * a.key_width, a.key_width);
  clear_head(g.dv, t.key, t.keys, a.value_stride(), t.head * a.value_width, a.value_width);
  if (t.keys == 0) clear_head(g.dq, t.query, t.queries, a.key_stride(), t.head * a.key_width, a.key_width);
}

// p and dp are scratch of [kQueries, longest].
void gradient_block(const Attention& a, const Gradients& g, const Block& b, float* p, float* dp) {
  const int64_t ks = a.key_stride(), vs = a.value_stride(), ka = b.head * a.key_width, va = b.head * a.value_width;
  if (b.keys == 0) return;
  scores_of(g.q, g.k, ks, a.key_width, b, p);
  scores_of(g.dy, g.v, vs, a.value_width, b, dp);
  for (int64_t i = 0; i < b.count; ++i) {
    const int64_t row = b.row + i, valid = keys_seen(a, b, b.place + i);
    float *p_row = p + i * b.keys, *dp_row = dp + i * b.keys;
    const float d = dot(g.dy + row * vs + va, g.y + row * vs + va, a.value_width);
    probabilities_row(p_row, valid, b.keys, a.scale, g.lse[row * a.heads + b.head]);
    const uint64_t random = a.rate > 0 ? random_row(a.stream, a.queries.identity[row]) : 0;
    if (a.rate > 0) drop(dp_row, valid, random, first_element(b.head), a.rate);
    score_gradient_row(dp_row, p_row, b.keys, d, a.scale);
    if (a.rate > 0) drop(p_row, valid, random, first_element(b.head), a.rate);
  }
  gemm_serial(
      product_of(b.count, a.key_width, b.keys, {dp, b.keys}, {g.k + b.key * ks + ka, ks}, g.dq + b.row * ks + ka, ks));
  gemm_serial(product_of(b.keys, a.key_width, b.count, {dp, b.keys, true}, {g.q + b.row * ks + ka, ks},
                         g.dk + b.key * ks + ka, ks, true));
  gemm_serial(product_of(b.keys, a.value_width, b.count, {p, b.keys, true}, {g.dy + b.row * vs + va, vs},
                         g.dv + b.key * vs + va, vs, true));
}

}  // namespace

size_t attention_grad_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * static_cast<size_t>(query.threads) * 2 * padded(kQueries * query.spaces[1]->longest);
}

void attention_grad(const KernelArgs& args) {
  const Attention a = attention_of(args);
  const Gradients g{buffer<float>(args, 0), buffer<float>(args, 1), buffer<float>(args, 2),
                    buffer<float>(args, 3), buffer<float>(args, 4), buffer<float>(args, 5),
                    buffer<float>(args, 6), buffer<float>(args, 7), buffer<float>(args, 8)};
  const size_t block_size = padded(kQueries * a.keys.longest);
  for_each_block(
      a, [&](const Task& t) { clear_task(a, g, t); },
      [&](const Block& b) {
        float* scratch = static_cast<float*>(args.workspace) + static_cast<size_t>(thread_number()) * 2 * block_size;
        gradient_block(a, g, b, scratch, scratch + block_size);
      });
}

}  // namespace mtl::runtime::kernels
