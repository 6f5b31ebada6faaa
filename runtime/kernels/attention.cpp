// Attention of segments to themselves (Vaswani et al. 2017), a task for each (segment, head).
//
// Probabilities are never kept: a task goes through its queries in blocks of kQueries and holds their scores against
// all keys; the gradient computes them again from the saved log-sum-exp (Dao et al. 2022, FlashAttention):
//
//   D_i = dy_i . y_i;   ds_ij = p_ij (m_ij dy_i . v_j - D_i);   dq = scale ds k;   dk = scale ds^T q;   dv = (m p)^T dy
#include <cmath>

#include "runtime/gemm.h"
#include "runtime/kernels/all.h"
#include "runtime/parallel.h"
#include "runtime/random.h"
#include "runtime/vector.h"

namespace mtl::runtime::kernels {
namespace {

constexpr int64_t kQueries = 64;

struct Attention {
  const SpaceView& space;
  int64_t heads, key_width, value_width;
  bool causal;
  float scale, rate;
  uint64_t stream;

  int64_t key_stride() const { return heads * key_width; }
  int64_t value_stride() const { return heads * value_width; }
};

Attention attention_of(const KernelArgs& args) {
  const float rate = args.floats[1];
  const uint64_t stream =
      rate > 0 ? random_stream(args.step->seed, args.step->step, static_cast<uint64_t>(args.ints[4])) : 0;
  return {*args.spaces[0], args.ints[0], args.ints[1], args.ints[2], args.ints[3] != 0, args.floats[0], rate, stream};
}

// One block of queries of one task.
struct Block {
  int64_t begin, head, first, count,
      keys;  // begin: the segment's first row; first: of the queries; keys: how many matter
};

template <class Body>
void for_each_block(const Attention& a, Body&& body) {
  parallel_for(a.space.parent_rows * a.heads, [&](int64_t task) {
    const int64_t parent = a.space.order[task / a.heads], begin = a.space.offsets[parent];
    const int64_t length = a.space.offsets[parent + 1] - begin;
    for (int64_t first = 0; first < length; first += kQueries) {
      const int64_t count = length - first < kQueries ? length - first : kQueries;
      body(Block{begin, task % a.heads, first, count, a.causal ? first + count : length});
    }
  });
}

// scores[count, keys] = rows of queries times rows of keys.
void scores_of(const float* rows, const float* others, int64_t stride, int64_t width, const Block& b, float* scores) {
  const float* base = others + b.begin * stride + b.head * width;
  gemm_serial({.transpose_b = true,
               .m = b.count,
               .n = b.keys,
               .k = width,
               .a = rows + (b.begin + b.first) * stride + b.head * width,
               .lda = stride,
               .b = base,
               .ldb = stride,
               .c = scores,
               .ldc = b.keys});
}

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

// x[j] *= m_j
MTL_CLONES void drop(float* x, int64_t n, uint64_t row, uint32_t first_element, float rate) {
  const float factor = 1.0f / (1.0f - rate);
  for (int64_t j = 0; j < n; ++j) {
    const uint32_t bits = random_bits(row, first_element + static_cast<uint32_t>(j));
    x[j] = random_unit(bits) >= rate ? x[j] * factor : 0.0f;
  }
}

// Probabilities from scores and the saved log-sum-exp.
MTL_CLONES void probabilities_row(float* s, int64_t valid, int64_t n, float scale, float lse) {
  for (int64_t j = 0; j < valid; j += kLanes) {
    const int64_t width = valid - j;
    if (width >= kLanes)
      store(s + j, exp(load(s + j) * scale - lse));
    else
      store_part(s + j, exp(load_part(s + j, width) * scale - lse), width);
  }
  for (int64_t j = valid; j < n; ++j) s[j] = 0.0f;
}

MTL_CLONES float dot(const float* a, const float* b, int64_t n) {
  Floats sums{};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) sums += load(a + j) * load(b + j);
  float sum = sum_lanes(sums);
  for (; j < n; ++j) sum += a[j] * b[j];
  return sum;
}

// ds = scale p (dp - d)
MTL_CLONES void score_gradient_row(float* dp, const float* p, int64_t n, float d, float scale) {
  for (int64_t j = 0; j < n; ++j) dp[j] = scale * p[j] * (dp[j] - d);
}

uint32_t first_element(int64_t head) {
  return static_cast<uint32_t>(head) * 65536u;
}

}  // namespace

size_t attention_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * static_cast<size_t>(query.threads) * padded(kQueries * query.spaces[0]->longest);
}

void attention(const KernelArgs& args) {
  const Attention a = attention_of(args);
  const float *q = buffer<float>(args, 0), *k = buffer<float>(args, 1), *v = buffer<float>(args, 2);
  float *y = buffer<float>(args, 3), *lse = buffer<float>(args, 4);
  const size_t per_thread = padded(kQueries * a.space.longest);
  for_each_block(a, [&](const Block& b) {
    float* scores = static_cast<float*>(args.workspace) + static_cast<size_t>(omp_get_thread_num()) * per_thread;
    scores_of(q, k, a.key_stride(), a.key_width, b, scores);
    for (int64_t i = 0; i < b.count; ++i) {
      const int64_t place = b.first + i, row = b.begin + place, valid = a.causal ? place + 1 : b.keys;
      float* s = scores + i * b.keys;
      lse[row * a.heads + b.head] = softmax_row(s, valid, b.keys, a.scale);
      if (a.rate > 0) drop(s, valid, random_row(a.stream, a.space.identity[row]), first_element(b.head), a.rate);
    }
    const int64_t stride = a.value_stride(), at = b.head * a.value_width;
    gemm_serial({.m = b.count,
                 .n = a.value_width,
                 .k = b.keys,
                 .a = scores,
                 .lda = b.keys,
                 .b = v + b.begin * stride + at,
                 .ldb = stride,
                 .c = y + (b.begin + b.first) * stride + at,
                 .ldc = stride});
  });
}

namespace {

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

// p and dp are scratch of [kQueries, longest].
void gradient_block(const Attention& a, const Gradients& g, const Block& b, float* p, float* dp) {
  const int64_t ks = a.key_stride(), vs = a.value_stride(), ka = b.head * a.key_width, va = b.head * a.value_width;
  const int64_t first_row = b.begin + b.first;
  if (b.first == 0) {
    const int64_t length = a.space.offsets[a.space.parent[b.begin] + 1] - b.begin;
    clear_head(g.dk, b.begin, length, ks, ka, a.key_width);
    clear_head(g.dv, b.begin, length, vs, va, a.value_width);
  }
  scores_of(g.q, g.k, ks, a.key_width, b, p);
  scores_of(g.dy, g.v, vs, a.value_width, b, dp);
  for (int64_t i = 0; i < b.count; ++i) {
    const int64_t place = b.first + i, row = b.begin + place, valid = a.causal ? place + 1 : b.keys;
    float *p_row = p + i * b.keys, *dp_row = dp + i * b.keys;
    const float d = dot(g.dy + row * vs + va, g.y + row * vs + va, a.value_width);
    probabilities_row(p_row, valid, b.keys, a.scale, g.lse[row * a.heads + b.head]);
    const uint64_t random = a.rate > 0 ? random_row(a.stream, a.space.identity[row]) : 0;
    if (a.rate > 0) drop(dp_row, valid, random, first_element(b.head), a.rate);
    score_gradient_row(dp_row, p_row, b.keys, d, a.scale);
    if (a.rate > 0) drop(p_row, valid, random, first_element(b.head), a.rate);
  }
  gemm_serial({.m = b.count,
               .n = a.key_width,
               .k = b.keys,
               .a = dp,
               .lda = b.keys,
               .b = g.k + b.begin * ks + ka,
               .ldb = ks,
               .c = g.dq + first_row * ks + ka,
               .ldc = ks});
  gemm_serial({.transpose_a = true,
               .m = b.keys,
               .n = a.key_width,
               .k = b.count,
               .a = dp,
               .lda = b.keys,
               .b = g.q + first_row * ks + ka,
               .ldb = ks,
               .c = g.dk + b.begin * ks + ka,
               .ldc = ks,
               .accumulate = true});
  gemm_serial({.transpose_a = true,
               .m = b.keys,
               .n = a.value_width,
               .k = b.count,
               .a = p,
               .lda = b.keys,
               .b = g.dy + first_row * vs + va,
               .ldb = vs,
               .c = g.dv + b.begin * vs + va,
               .ldc = vs,
               .accumulate = true});
}

}  // namespace

size_t attention_grad_workspace(const WorkspaceQuery& query) {
  return sizeof(float) * static_cast<size_t>(query.threads) * 2 * padded(kQueries * query.spaces[0]->longest);
}

void attention_grad(const KernelArgs& args) {
  const Attention a = attention_of(args);
  const Gradients g{buffer<float>(args, 0), buffer<float>(args, 1), buffer<float>(args, 2),
                    buffer<float>(args, 3), buffer<float>(args, 4), buffer<float>(args, 5),
                    buffer<float>(args, 6), buffer<float>(args, 7), buffer<float>(args, 8)};
  const size_t block_size = padded(kQueries * a.space.longest);
  for_each_block(a, [&](const Block& b) {
    float* scratch = static_cast<float*>(args.workspace) + static_cast<size_t>(omp_get_thread_num()) * 2 * block_size;
    gradient_block(a, g, b, scratch, scratch + block_size);
  });
}

}  // namespace mtl::runtime::kernels
