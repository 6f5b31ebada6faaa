// The update of one element under each rule; dense updates, row updates and the replay of missed steps share it.
// PyTorch's formulas. For lamb, `advance` only moves the averages: its step needs the norms of the whole parameter.
#pragma once
#include <cmath>

#include "runtime/core/vector.h"
#include "runtime/optimizers/optimizer.h"

namespace mtl::runtime {

// What one step comes down to, in floats.
struct RuleStep {
  float lr, decay, scale;  // decay: the coefficient of the weight in a coupled gradient
  float keep;              // decoupled decay: w *= keep first
  float beta1, rest1, beta2, rest2, epsilon;
  float unbias;     // 1 / (1 - beta1^t)
  float step_size;  // lr / (1 - beta1^t)
  float root;       // 1 / sqrt(1 - beta2^t)
  float momentum, alpha, rest_alpha;
  float nesterov;  // 1 or 0
};

inline bool decoupled(OptimizerRule rule) {
  return rule == OptimizerRule::adamw || rule == OptimizerRule::lamb;
}

inline RuleStep rule_step(const OptimizerSettings& s, const UpdateStep& u) {
  const bool adaptive = s.rule == OptimizerRule::adam || decoupled(s.rule);
  const double t = static_cast<double>(u.step);
  const double correction1 = adaptive ? 1.0 - std::pow(static_cast<double>(s.beta1), t) : 1.0;
  const double correction2 = adaptive ? 1.0 - std::pow(static_cast<double>(s.beta2), t) : 1.0;
  RuleStep r{};
  r.lr = u.lr;
  r.decay = u.weight_decay;
  r.scale = u.gradient_scale;
  r.keep = s.rule == OptimizerRule::adamw ? static_cast<float>(1.0 - static_cast<double>(u.lr) * u.weight_decay) : 1.0f;
  r.beta1 = s.beta1;
  r.rest1 = static_cast<float>(1.0 - static_cast<double>(s.beta1));
  r.beta2 = s.beta2;
  r.rest2 = static_cast<float>(1.0 - static_cast<double>(s.beta2));
  r.epsilon = s.epsilon;
  r.unbias = static_cast<float>(1.0 / correction1);
  r.step_size = static_cast<float>(u.lr / correction1);
  r.root = static_cast<float>(1.0 / std::sqrt(correction2));
  r.momentum = s.momentum;
  r.alpha = s.alpha;
  r.rest_alpha = static_cast<float>(1.0 - static_cast<double>(s.alpha));
  r.nesterov = s.nesterov ? 1.0f : 0.0f;
  return r;
}

template <OptimizerRule kRule>
MTL_INLINE void advance(const RuleStep& s, float& w, float g, float& a, float& b) {
  if constexpr (kRule == OptimizerRule::sgd) {
    w -= s.lr * (g + s.decay * w);
  } else if constexpr (kRule == OptimizerRule::momentum) {
    g += s.decay * w;
    a = s.momentum * a + g;
    w -= s.lr * (s.nesterov != 0.0f ? g + s.momentum * a : a);
  } else if constexpr (kRule == OptimizerRule::adam || kRule == OptimizerRule::adamw) {
    if constexpr (kRule == OptimizerRule::adam)
      g += s.decay * w;
    else
      w *= s.keep;
    a = s.beta1 * a + s.rest1 * g;
    b = s.beta2 * b + s.rest2 * g * g;
    w -= s.step_size * a / (std::sqrt(b) * s.root + s.epsilon);
  } else if constexpr (kRule == OptimizerRule::adagrad) {
    g += s.decay * w;
    a += g * g;
    w -= s.lr * g / (std::sqrt(a) + s.epsilon);
  } else if constexpr (kRule == OptimizerRule::rmsprop) {
    g += s.decay * w;
    a = s.alpha * a + s.rest_alpha * g * g;
    b = s.momentum * b + g / (std::sqrt(a) + s.epsilon);  // momentum 0: b is the step itself
    w -= s.lr * b;
  } else {
    a = s.beta1 * a + s.rest1 * g;
    b = s.beta2 * b + s.rest2 * g * g;
  }
}

// lamb's direction (You et al. 2020, algorithm 2): m_hat / (sqrt(v_hat) + epsilon) + decay w.
MTL_INLINE float lamb_direction(const RuleStep& s, float w, float a, float b) {
  return s.unbias * a / (std::sqrt(b) * s.root + s.epsilon) + s.decay * w;
}

// n elements on this thread. `gradient` null: zeros. Slots that a rule lacks may be null.
void update_range(OptimizerRule rule, const RuleStep& step, float* w, const float* gradient, float* a, float* b,
                  int64_t n);
// lamb's two passes over n elements: averages and the squared norms of weights and directions, then the step.
struct LambNorms {
  double weights = 0, directions = 0;
};
LambNorms lamb_advance(const RuleStep& step, const float* w, const float* gradient, float* a, float* b, int64_t n);
void lamb_apply(const RuleStep& step, float ratio, float* w, const float* a, const float* b, int64_t n);
// |w| / |u|, or 1 where either is zero.
float lamb_ratio(LambNorms norms);

}  // namespace mtl::runtime
