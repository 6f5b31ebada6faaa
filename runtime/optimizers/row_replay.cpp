// The replay of missed steps (row_replay.h).
#include "runtime/optimizers/row_replay.h"

#include <algorithm>

namespace mtl::runtime {
namespace {

constexpr int32_t kBlock = 128;  // steps whose coefficients are at hand at once

// Coefficients of one block of missed adam steps, k = 1 .. n: w = kept w - m0 sum_k a[k] / (sqrt(v0) b[k] + epsilon).
struct AdamBlock {
  int32_t n;
  float kept, shrink1, shrink2;  // w's factor; beta1^n; beta2^n
  float a[kBlock], b[kBlock];
  float sums[4];  // sum a / b^j, j = 1 .. 4
  float least_b;
};

// Where epsilon is small beside sqrt(v0) b, 1 / (s b + e) = 1 / (s b) - e / (s b)^2 + ...: four terms are exact to
// (e / s b)^4 and cost the same for one missed step as for a hundred.
constexpr float kSeriesBelow = 0.01f;

template <class Floats, class Width>
MTL_INLINE void adam_elements(const AdamBlock& block, float epsilon, float* w, float* m, float* v, Width width) {
  const Floats square = load_some<Floats>(v, width), average = load_some<Floats>(m, width), root = sqrt(square);
  const Floats x = epsilon / root;
  const bool series = block.n > 2 && all_below(x, kSeriesBelow * block.least_b);
  Floats sum{};
  if (series) {
    sum = (block.sums[0] - x * (block.sums[1] - x * (block.sums[2] - x * block.sums[3]))) / root;
  } else {
    for (int32_t k = 0; k < block.n; ++k)
      sum += broadcast<Floats>(block.a + k) / (root * broadcast<Floats>(block.b + k) + epsilon);
  }
  store_some(w, block.kept * load_some<Floats>(w, width) - average * sum, width);
  store_some(m, average * block.shrink1, width);
  store_some(v, square * block.shrink2, width);
}

void adam_row(const AdamBlock& block, float epsilon, float* w, float* m, float* v, int64_t width) {
  at_level([=, &block](auto level) MTL_BODY {
    using Floats = typename decltype(level)::Floats;
    over_lanes<Floats>(width, [&](int64_t j, auto lanes)
                                  MTL_BODY { adam_elements<Floats>(block, epsilon, w + j, m + j, v + j, lanes); });
  });
}

void scale_row(float factor, float* x, int64_t width) {
  at_level([=](auto) MTL_BODY {
    for (int64_t j = 0; j < width; ++j) x[j] *= factor;
  });
}

// w += add a; a *= factor
void momentum_row(float add, float factor, float* w, float* a, int64_t width) {
  at_level([=](auto) MTL_BODY {
    MTL_INDEPENDENT
    for (int64_t j = 0; j < width; ++j) {
      w[j] += add * a[j];
      a[j] *= factor;
    }
  });
}

bool all_zero(const float* x, int64_t width) {
  return std::all_of(x, x + width, [](float value) { return value == 0.0f; });
}

// Steps after which ratio^k is below 2^-40.
int32_t steps_until_nothing(double ratio) {
  if (!(ratio < 1.0)) return StepHistory::kCapacity;
  if (ratio <= 0.0) return 1;
  return static_cast<int32_t>(std::min<double>(StepHistory::kCapacity, std::ceil(std::log(0x1p-40) / std::log(ratio))));
}

}  // namespace

StepHistory::StepHistory(const OptimizerSettings& settings)
    : settings_(settings),
      steps_(new RuleStep[kCapacity]),
      log_kept_(new double[kCapacity + 1]()),
      sign_flips_(new int32_t[kCapacity + 1]()),
      zeros_(new int32_t[kCapacity + 1]()) {
  const bool adam = settings.rule == OptimizerRule::adam || settings.rule == OptimizerRule::adamw;
  longest_replay_ = steps_until_nothing(adam ? settings.beta1 / std::sqrt(static_cast<double>(settings.beta2))
                                             : static_cast<double>(settings.momentum));
}

void StepHistory::note(const UpdateStep& update) {
  const RuleStep step = rule_step(settings_, update);
  const double factor = 1.0 - static_cast<double>(update.lr) * update.weight_decay;
  steps_[count_] = step;
  log_kept_[count_ + 1] = log_kept_[count_] + (factor == 0.0 ? 0.0 : std::log(std::fabs(factor)));
  sign_flips_[count_ + 1] = sign_flips_[count_] + (factor < 0.0 ? 1 : 0);
  zeros_[count_ + 1] = zeros_[count_] + (factor == 0.0 ? 1 : 0);
  any_decay_ = any_decay_ || step.decay != 0.0f;
  ++count_;
}

void StepHistory::forget() {
  count_ = 0;
  any_decay_ = false;
}

float StepHistory::kept(int32_t from, int32_t to) const {
  if (zeros_[to] != zeros_[from]) return 0.0f;
  const double size = std::exp(log_kept_[to] - log_kept_[from]);
  return static_cast<float>((sign_flips_[to] - sign_flips_[from]) % 2 == 0 ? size : -size);
}

// decay_of_state^k shrinks the state, which moves w by lr times it (nesterov: by lr momentum times it).
void StepHistory::replay_momentum(int32_t done, float decay_of_state, float* w, float* state, int64_t width) const {
  const int32_t end = std::min(count_, done + longest_replay_);
  const bool nesterov = settings_.rule == OptimizerRule::momentum && settings_.nesterov;
  double add = 0, power = 1;
  for (int32_t k = done; k < end; ++k) {
    power *= decay_of_state;
    add -= steps_[k].lr * power * (nesterov ? decay_of_state : 1.0f);
  }
  if (end < count_) power *= std::pow(static_cast<double>(decay_of_state), static_cast<double>(count_ - end));
  momentum_row(static_cast<float>(add), static_cast<float>(power), w, state, width);
}

void StepHistory::replay_adam(int32_t done, float* w, float* a, float* b, int64_t width) const {
  const bool decays = settings_.rule == OptimizerRule::adamw && any_decay_;
  const double beta1 = settings_.beta1, beta2 = settings_.beta2, root2 = std::sqrt(beta2);
  const int32_t end = all_zero(a, width) ? done : std::min(count_, done + longest_replay_);
  int32_t from = done;
  while (from < end) {
    AdamBlock block;
    block.n = std::min(kBlock, end - from);
    block.least_b = INFINITY;
    double later[kBlock], kept_after = 1;  // decays of the steps after the k-th act on its update too
    for (int32_t k = block.n - 1; k >= 0; --k) {
      later[k] = kept_after;
      if (decays) kept_after *= steps_[from + k].keep;
    }
    block.kept = static_cast<float>(kept_after);
    double power1 = 1, power2 = 1, sums[4] = {};
    for (int32_t k = 0; k < block.n; ++k) {
      const RuleStep& step = steps_[from + k];
      power1 *= beta1;
      power2 *= root2;
      const double a_k = step.step_size * power1 * later[k], b_k = step.root * power2, over = 1.0 / b_k;
      block.a[k] = static_cast<float>(a_k);
      block.b[k] = static_cast<float>(b_k);
      block.least_b = std::min(block.least_b, block.b[k]);
      double term = a_k;
      for (double& sum : sums) sum += term *= over;
    }
    for (int j = 0; j < 4; ++j) block.sums[j] = static_cast<float>(sums[j]);
    block.shrink1 = static_cast<float>(power1);
    block.shrink2 = static_cast<float>(power2 * power2);
    adam_row(block, settings_.epsilon, w, a, b, width);
    from += block.n;
  }
  if (from == count_) return;
  if (decays) scale_row(kept(from, count_), w, width);
  const double left = count_ - from;
  scale_row(static_cast<float>(std::pow(beta1, left)), a, width);
  scale_row(static_cast<float>(std::pow(beta2, left)), b, width);
}

void StepHistory::replay(int32_t done, float* w, float* a, float* b, int64_t width) const {
  if (done >= count_) return;
  const auto each_step = [&] {
    for (int32_t k = done; k < count_; ++k) update_range(settings_.rule, steps_[k], w, nullptr, a, b, width);
  };
  switch (settings_.rule) {
    case OptimizerRule::sgd:
      if (any_decay_) scale_row(kept(done, count_), w, width);
      return;
    case OptimizerRule::momentum:
      return any_decay_ ? each_step() : replay_momentum(done, settings_.momentum, w, a, width);
    case OptimizerRule::adam:
      return any_decay_ ? each_step() : replay_adam(done, w, a, b, width);
    case OptimizerRule::adamw:
      return replay_adam(done, w, a, b, width);
    case OptimizerRule::adagrad:
      return any_decay_ ? each_step() : void();
    case OptimizerRule::rmsprop:
      if (any_decay_) return each_step();
      scale_row(static_cast<float>(std::pow(static_cast<double>(settings_.alpha), count_ - done)), a, width);
      return replay_momentum(done, settings_.momentum, w, b, width);
    case OptimizerRule::lamb:
      return;  // every step updates every row (row_table.cpp)
  }
}

}  // namespace mtl::runtime
