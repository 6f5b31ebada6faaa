// Replaying, for one row of a table, the steps in which it had no gradient (optimizer.h, "deferred-exact").
//
// What a missed step does to an element depends on the rule:
//   nothing     sgd, adagrad without decay
//   decay       sgd with decay: w shrinks by a factor a step; the product of factors comes from logarithms summed over
//   steps momentum    without decay, w = w - a0 sum lr_t mu^k, a = mu^n a0: two numbers for the whole row; rmsprop's
//   buffer too adam        without coupled decay, m and v shrink geometrically: w = D w - m0 sum A_k / (sqrt(v0) B_k +
//   epsilon) each step   with coupled decay (momentum, adam, adagrad, rmsprop): the rule itself, step by step, with a
//   zero gradient
#pragma once
#include <memory>

#include "runtime/optimizers/optimizer_rules.h"

namespace mtl::runtime {

// The steps since all rows were last up to date. Of fixed capacity, so that noting a step allocates nothing.
class StepHistory {
 public:
  static constexpr int32_t kCapacity = 1 << 15;
  explicit StepHistory(const OptimizerSettings& settings);
  void note(const UpdateStep& step);
  void forget();
  int32_t count() const { return count_; }
  float rate(int32_t step) const { return steps_[step].lr; }
  bool full() const { return count_ == kCapacity; }
  // Brings one row from after `done` steps up to date.
  void replay(int32_t done, float* w, float* a, float* b, int64_t width) const;

 private:
  // The product of the factors by which decay alone multiplies a weight in steps [from, to).
  float kept(int32_t from, int32_t to) const;
  void replay_momentum(int32_t done, float decay_of_state, float* w, float* state, int64_t width) const;
  void replay_adam(int32_t done, float* w, float* a, float* b, int64_t width) const;

  OptimizerSettings settings_;
  int32_t count_ = 0;
  bool any_decay_ = false;
  int32_t longest_replay_;  // steps after which what is left of the first average is below an ulp
  std::unique_ptr<RuleStep[]> steps_;
  std::unique_ptr<double[]> log_kept_;     // [i]: sum over steps < i of log |factor|
  std::unique_ptr<int32_t[]> sign_flips_;  // how many of these factors are negative
  std::unique_ptr<int32_t[]> zeros_;       // and how many are zero
};

}  // namespace mtl::runtime
