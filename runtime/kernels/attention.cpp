// The attention kernel (attention.h).
#include "runtime/kernels/attention.h"

#include <cmath>

#include "runtime/vector.h"

namespace mtl::runtime::kernels {
namespace {

// Softmax of the first `valid` of n scores, times scale; zeros after them. Returns the log-sum-exp.
MTL_CLONES float softmax_row(float* s, int64_t valid, int64_t n, float scale) {
  float most = s[0] * scale;
  for (int64_t j = 0; j < valid; ++j) {
    s[j] *= scale;
    most = s[j] > most ? s[j] : most;
  }
  Floats sums{};
  for (int64_t j = 0; j < valid; j += kLanes) {
    const int64_t width = valid - j;
    if (width >= kLanes) {
      const Floats p = exp(load(s + j) - most);
      store(s + j, p);
      sums += p;
    } else {
      const Floats p = exp(load_part(s + j, width) - most);
      store_part(s + j, p, width);
      sums += load_part(s + j, width);
    }
  }
  const float sum = sum_lanes(sums);
  const float factor = 1.0f / sum;
  for (int64_t j = 0; j < valid; ++j) s[j] *= factor;
  for (int64_t j = valid; j < n; ++j) s[j] = 0.0f;
  return most + std::log(sum);
}

}  // namespace

MTL_CLONES void drop(float* x, int64_t n, uint64_t row, uint32_t first_element, float rate) {
  const float factor = 1.0f / (1.0f - rate);
  for (int64_t j = 0; j < n; ++j) {
    const uint32_t bits = random_bits(row, first_element + static_cast<uint32_t>(j));
    x[j] = random_unit(bits) >= rate ? x[j] * factor : 0.0f;
  }
}

size_t attention_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * static_cast<size_t>(query.threads) * padded(kQueries * query.spaces[0]->longest);
}

void attention(const KernelArgs& args) {
  const Attention a = attention_of(args);
  const float *q = buffer<float>(args, 0), *k = buffer<float>(args, 1), *v = buffer<float>(args, 2);
  float *y = buffer<float>(args, 3), *lse = buffer<float>(args, 4);
  const size_t per_thread = padded(kQueries * a.space.longest);
  for_each_block(a, [&](const Block& b) {
    float* scores = static_cast<float*>(args.workspace) + static_cast<size_t>(thread_number()) * per_thread;
    scores_of(q, k, a.key_stride(), a.key_width, b, scores);
    for (int64_t i = 0; i < b.count; ++i) {
      const int64_t place = b.first + i, row = b.begin + place, valid = a.causal ? place + 1 : b.keys;
      float* s = scores + i * b.keys;
      lse[row * a.heads + b.head] = softmax_row(s, valid, b.keys, a.scale);
      if (a.rate > 0) drop(s, valid, random_row(a.stream, a.space.identity[row]), first_element(b.head), a.rate);
    }
    const int64_t stride = a.value_stride(), at = b.head * a.value_width;
    gemm_serial(product_of(b.count, a.value_width, b.keys, {scores, b.keys}, {v + b.begin * stride + at, stride},
                           y + (b.begin + b.first) * stride + at, stride));
  });
}

}  // namespace mtl::runtime::kernels
