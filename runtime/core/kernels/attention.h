// Attention of segments to those of another space with the same parent, or to themselves (Vaswani et al. 2017), a task
// for each (segment, head): what the kernel and its gradient share.
//
// Probabilities are never kept: a task goes through its queries in blocks of kQueries and holds their scores against
// all keys; the gradient computes them again from the saved log-sum-exp (Dao et al. 2022, FlashAttention).
#pragma once
#include "runtime/core/gemm.h"
#include "runtime/core/kernels/all.h"
#include "runtime/core/parallel.h"
#include "runtime/core/random.h"

namespace mtl::runtime::kernels {

constexpr int64_t kQueries = 64;

struct Attention {
  const SpaceView &queries, &keys;
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
  return {*args.spaces[0],   *args.spaces[1], args.ints[0], args.ints[1], args.ints[2],
          args.ints[3] != 0, args.floats[0],  rate,         stream};
}

// One head of a segment.
struct Task {
  int64_t head;
  int64_t query, queries;  // first row, how many
  int64_t key, keys;
};
// A block of a task's queries.
struct Block {
  int64_t head;
  int64_t place, row, count;  // of the first query: in its segment, among all rows; how many
  int64_t key, keys;          // first row of the keys; how many matter
};

// How many keys a query sees, by its place in the segment: of causal ones, those up to its own place.
inline int64_t keys_seen(const Attention& a, const Block& b, int64_t place) {
  return a.causal && place + 1 < b.keys ? place + 1 : b.keys;
}

// start(Task), then body(Block) for its queries.
template <class Start, class Body>
void for_each_block(const Attention& a, Start&& start, Body&& body) {
  parallel_for(a.queries.parent_rows * a.heads, [&](int64_t task) {
    const int64_t parent = a.queries.order[task / a.heads], query = a.queries.offsets[parent],
                  key = a.keys.offsets[parent];
    const Task t{task % a.heads, query, a.queries.offsets[parent + 1] - query, key, a.keys.offsets[parent + 1] - key};
    start(t);
    for (int64_t place = 0; place < t.queries; place += kQueries) {
      const int64_t count = t.queries - place < kQueries ? t.queries - place : kQueries;
      const int64_t seen = a.causal && place + count < t.keys ? place + count : t.keys;
      body(Block{t.head, place, query + place, count, key, seen});
    }
  });
}

// scores[count, keys] = rows of queries times rows of keys.
inline void scores_of(const float* queries, const float* keys, int64_t stride, int64_t width, const Block& b,
                      float* scores) {
  const float* base = keys + b.key * stride + b.head * width;
  gemm_serial(product_of(b.count, b.keys, width, {queries + b.row * stride + b.head * width, stride},
                         {base, stride, true}, scores, b.keys));
}

// x[j] *= m_j: dropout of the first n probabilities of a query, whose random row is `row`.
void drop(float* x, int64_t n, uint64_t row, uint32_t first_element, float rate);
inline uint32_t first_element(int64_t head) {
  return static_cast<uint32_t>(head) * 65536u;
}

}  // namespace mtl::runtime::kernels
