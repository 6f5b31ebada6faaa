// Attention of segments to themselves (Vaswani et al. 2017), a task for each (segment, head): what the kernel and its
// gradient share.
//
// Probabilities are never kept: a task goes through its queries in blocks of kQueries and holds their scores against
// all keys; the gradient computes them again from the saved log-sum-exp (Dao et al. 2022, FlashAttention).
#pragma once
#include "runtime/gemm.h"
#include "runtime/kernels/all.h"
#include "runtime/parallel.h"
#include "runtime/random.h"

namespace mtl::runtime::kernels {

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

inline Attention attention_of(const KernelArgs& args) {
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
inline void scores_of(const float* rows, const float* others, int64_t stride, int64_t width, const Block& b,
                      float* scores) {
  const float* base = others + b.begin * stride + b.head * width;
  gemm_serial(product_of(b.count, b.keys, width, {rows + (b.begin + b.first) * stride + b.head * width, stride},
                         {base, stride, true}, scores, b.keys));
}

// x[j] *= m_j: dropout of the first n probabilities of a query, whose random row is `row`.
void drop(float* x, int64_t n, uint64_t row, uint32_t first_element, float rate);
inline uint32_t first_element(int64_t head) {
  return static_cast<uint32_t>(head) * 65536u;
}

}  // namespace mtl::runtime::kernels
