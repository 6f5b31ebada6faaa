// Dense updates: one pass over weights, gradient and state, cut into parts over the threads.
#include "runtime/optimizers/optimizer.h"

#include "runtime/core/parallel.h"
#include "runtime/optimizers/optimizer_rules.h"

namespace mtl::runtime {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a thread

template <OptimizerRule kRule, bool kGradient>
MTL_INLINE void update_all(const RuleStep& step, float* w, const float* gradient, float* a, float* b, int64_t n) {
  constexpr bool kHasA = kRule != OptimizerRule::sgd;
  constexpr bool kHasB = kHasA && kRule != OptimizerRule::momentum && kRule != OptimizerRule::adagrad;
  const RuleStep s = step;
  MTL_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const float g = kGradient ? s.scale * gradient[i] : 0.0f;
    float w_i = w[i], a_i = kHasA ? a[i] : 0.0f, b_i = kHasB ? b[i] : 0.0f;
    advance<kRule>(s, w_i, g, a_i, b_i);
    w[i] = w_i;
    if constexpr (kHasA) a[i] = a_i;
    if constexpr (kHasB) b[i] = b_i;
  }
}
template <OptimizerRule kRule>
MTL_INLINE void update_all(const RuleStep& step, float* w, const float* gradient, float* a, float* b, int64_t n) {
  if (gradient == nullptr)
    update_all<kRule, false>(step, w, gradient, a, b, n);
  else
    update_all<kRule, true>(step, w, gradient, a, b, n);
}

template <int kCount>
struct HalfVectors {  // as many doubles as a vector of kCount floats is wide, and so many floats
  typedef double Doubles __attribute__((vector_size(kCount * 4)));
  typedef float Floats __attribute__((vector_size(kCount * 2)));
};
template <class Level>
MTL_INLINE double squares_of(const float* x, int64_t n) {
  using Doubles = typename HalfVectors<Level::kLanes>::Doubles;
  using Floats = typename HalfVectors<Level::kLanes>::Floats;
  constexpr int kWidth = Level::kLanes / 2;
  Doubles sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    each<4>([&](auto l) MTL_BODY {
      const Doubles value = __builtin_convertvector(load<Floats>(x + i + kWidth * l), Doubles);
      sums[l] += value * value;
    });
  }
  double total = 0;
  for (; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const Doubles all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int l = 0; l < kWidth; ++l) total += all[l];
  return total;
}
double squares_in_range(const float* x, int64_t n) {
  return at_level([=](auto level) MTL_BODY { return squares_of<decltype(level)>(x, n); });
}

template <class T>
T* at(T* p, int64_t i) {
  return p == nullptr ? nullptr : p + i;
}

// Of sums over parts, whose results stand on the stack: enough for hundreds of threads.
constexpr int64_t kMostSums = 1024;
int64_t parts_of_sum(int64_t count) {
  return parts_of(count, count < kMostSums * kGrain ? kGrain : count / kMostSums + 1);
}

// Parts begin at multiples of 16 so that threads share no cache line.
Range aligned_range(int64_t count, int64_t parts, int64_t i) {
  Range r = part_range(count / 16, parts, i);
  return {r.begin * 16, i + 1 == parts ? count : r.end * 16};
}

void update_lamb(const RuleStep& step, float* w, const float* gradient, float* a, float* b, int64_t count) {
  const int64_t parts = parts_of_sum(count);
  LambNorms norms[kMostSums];
  parallel_for(parts, [&](int64_t i) {
    const Range r = aligned_range(count, parts, i);
    norms[i] = lamb_advance(step, w + r.begin, gradient + r.begin, a + r.begin, b + r.begin, r.end - r.begin);
  });
  LambNorms all;
  for (int64_t i = 0; i < parts; ++i) {
    all.weights += norms[i].weights;
    all.directions += norms[i].directions;
  }
  const float ratio = lamb_ratio(all);
  parallel_for(parts, [&](int64_t i) {
    const Range r = aligned_range(count, parts, i);
    lamb_apply(step, ratio, w + r.begin, a + r.begin, b + r.begin, r.end - r.begin);
  });
}

}  // namespace

int state_slots(OptimizerRule rule) {
  switch (rule) {
    case OptimizerRule::sgd:
      return 0;
    case OptimizerRule::momentum:
    case OptimizerRule::adagrad:
      return 1;
    case OptimizerRule::adam:
    case OptimizerRule::adamw:
    case OptimizerRule::rmsprop:
    case OptimizerRule::lamb:
      return 2;
  }
  return 0;
}

MTL_INLINE void update_by(OptimizerRule rule, const RuleStep& step, float* w, const float* gradient, float* a, float* b,
                          int64_t n) {
  switch (rule) {
    case OptimizerRule::sgd:
      return update_all<OptimizerRule::sgd>(step, w, gradient, a, b, n);
    case OptimizerRule::momentum:
      return update_all<OptimizerRule::momentum>(step, w, gradient, a, b, n);
    case OptimizerRule::adam:
      return update_all<OptimizerRule::adam>(step, w, gradient, a, b, n);
    case OptimizerRule::adamw:
      return update_all<OptimizerRule::adamw>(step, w, gradient, a, b, n);
    case OptimizerRule::adagrad:
      return update_all<OptimizerRule::adagrad>(step, w, gradient, a, b, n);
    case OptimizerRule::rmsprop:
      return update_all<OptimizerRule::rmsprop>(step, w, gradient, a, b, n);
    case OptimizerRule::lamb:
      return update_all<OptimizerRule::lamb>(step, w, gradient, a, b, n);
  }
}

void update_range(OptimizerRule rule, const RuleStep& step, float* w, const float* gradient, float* a, float* b,
                  int64_t n) {
  at_level([=](auto) MTL_BODY { update_by(rule, step, w, gradient, a, b, n); });
}

LambNorms lamb_advance(const RuleStep& step, const float* w, const float* gradient, float* a, float* b, int64_t n) {
  return at_level([=](auto level) MTL_BODY {
    const RuleStep s = step;
    LambNorms norms;
    constexpr int64_t kBlock = 256;
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t end = begin + kBlock < n ? begin + kBlock : n;
      float direction[kBlock];
      MTL_INDEPENDENT
      for (int64_t i = begin; i < end; ++i) {
        float unused = 0.0f;
        advance<OptimizerRule::lamb>(s, unused, gradient == nullptr ? 0.0f : s.scale * gradient[i], a[i], b[i]);
        direction[i - begin] = lamb_direction(s, w[i], a[i], b[i]);
      }
      norms.weights += squares_of<decltype(level)>(w + begin, end - begin);
      norms.directions += squares_of<decltype(level)>(direction, end - begin);
    }
    return norms;
  });
}

void lamb_apply(const RuleStep& step, float ratio, float* w, const float* a, const float* b, int64_t n) {
  at_level([=](auto) MTL_BODY {
    const RuleStep s = step;
    const float rate = s.lr * ratio;
    MTL_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) w[i] -= rate * lamb_direction(s, w[i], a[i], b[i]);
  });
}

float lamb_ratio(LambNorms norms) {
  return norms.weights > 0 && norms.directions > 0 ? static_cast<float>(std::sqrt(norms.weights / norms.directions))
                                                   : 1.0f;
}

void update_dense(const OptimizerSettings& settings, const UpdateStep& update, float* weights, const float* gradient,
                  float* state1, float* state2, int64_t count) {
  const RuleStep step = rule_step(settings, update);
  if (settings.rule == OptimizerRule::lamb) return update_lamb(step, weights, gradient, state1, state2, count);
  const int64_t parts = parts_of(count, kGrain);
  parallel_for(parts, [&](int64_t i) {
    const Range r = aligned_range(count, parts, i);
    update_range(settings.rule, step, weights + r.begin, gradient + r.begin, at(state1, r.begin), at(state2, r.begin),
                 r.end - r.begin);
  });
}

double sum_of_squares(const float* values, int64_t count) {
  const int64_t parts = parts_of_sum(count);
  double sums[kMostSums];
  parallel_for(parts, [&](int64_t i) {
    const Range r = aligned_range(count, parts, i);
    sums[i] = squares_in_range(values + r.begin, r.end - r.begin);
  });
  double total = 0;
  for (int64_t i = 0; i < parts; ++i) total += sums[i];
  return total;
}

}  // namespace mtl::runtime
