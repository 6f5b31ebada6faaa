// The optimizers and their settings, as plain data. The rules themselves: runtime/optimizers/optimizer.h.
#pragma once
#include <cstdint>

namespace mtl::runtime {

enum class OptimizerRule : uint8_t { sgd, momentum, adam, adamw, adagrad, rmsprop, lamb };

struct OptimizerSettings {
  OptimizerRule rule = OptimizerRule::adamw;
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
  float momentum = 0.9f;  // momentum, rmsprop (0: none)
  float alpha = 0.99f;    // rmsprop
  bool nesterov = false;
};

}  // namespace mtl::runtime
