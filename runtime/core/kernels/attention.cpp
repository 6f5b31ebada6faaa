// The attention kernel (attention.h).
#include "runtime/core/kernels/attention.h"

#include <cmath>
#include <cstring>

#include "runtime/core/vector.h"

namespace mtl::runtime::kernels {
namespace {

// Softmax of the first `valid` of n scores, times scale; zeros after them. Returns the log-sum-exp.
template <class Floats>
MTL_INLINE float softmax_of(float* s, int64_t valid, int64_t n, float scale) {
  float most = s[0] * scale;
  for (int64_t j = 0; j < valid; ++j) {
    s[j] *= scale;
    most = s[j] > most ? s[j] : most;
  }
  Floats sums{};
  over_lanes<Floats>(valid, [&](int64_t j, auto width) MTL_BODY {
    store_some(s + j, exp(load_some<Floats>(s + j, width) - most), width);
    sums += load_some<Floats>(s + j, width);
  });
  const float sum = sum_lanes(sums);
  const float factor = 1.0f / sum;
  for (int64_t j = 0; j < valid; ++j) s[j] *= factor;
  for (int64_t j = valid; j < n; ++j) s[j] = 0.0f;
  return most + std::log(sum);
}
float softmax_row(float* s, int64_t valid, int64_t n, float scale) {
  return at_level([=](auto level)
                      MTL_BODY { return softmax_of<typename decltype(level)::Floats>(s, valid, n, scale); });
}

}  // namespace

void drop(float* x, int64_t n, uint64_t row, uint32_t first_element, float rate) {
  const float factor = 1.0f / (1.0f - rate);
  at_level([=](auto) MTL_BODY {
    for (int64_t j = 0; j < n; ++j) {
      const uint32_t bits = random_bits(row, first_element + static_cast<uint32_t>(j));
      x[j] = random_unit(bits) >= rate ? x[j] * factor : 0.0f;
    }
  });
}

size_t attention_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * static_cast<size_t>(query.threads) * padded(kQueries * query.spaces[1]->longest);
}

void attention(const KernelArgs& args) {
  const Attention a = attention_of(args);
  const float *q = buffer<float>(args, 0), *k = buffer<float>(args, 1), *v = buffer<float>(args, 2);
  float *y = buffer<float>(args, 3), *lse = buffer<float>(args, 4);
  const size_t per_thread = padded(kQueries * a.keys.longest);
  const int64_t stride = a.value_stride();
  for_each_block(
      a, [](const Task&) {},
      [&](const Block& b) {
        float* scores = static_cast<float*>(args.workspace) + static_cast<size_t>(thread_number()) * per_thread;
        float* to = y + b.row * stride + b.head * a.value_width;
        if (b.keys == 0) {  // the sum of no values
          for (int64_t i = 0; i < b.count; ++i) {
            std::memset(to + i * stride, 0, static_cast<size_t>(a.value_width) * sizeof(float));
            lse[(b.row + i) * a.heads + b.head] = 0;
          }
          return;
        }
        scores_of(q, k, a.key_stride(), a.key_width, b, scores);
        for (int64_t i = 0; i < b.count; ++i) {
          const int64_t row = b.row + i, valid = keys_seen(a, b, b.place + i);
          float* s = scores + i * b.keys;
          lse[row * a.heads + b.head] = softmax_row(s, valid, b.keys, a.scale);
          if (a.rate > 0) drop(s, valid, random_row(a.stream, a.queries.identity[row]), first_element(b.head), a.rate);
        }
        gemm_serial(product_of(b.count, a.value_width, b.keys, {scores, b.keys},
                               {v + b.key * stride + b.head * a.value_width, stride}, to, stride));
      });
}

}  // namespace mtl::runtime::kernels
