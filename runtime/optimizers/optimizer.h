// Optimizer updates over flat ranges of parameters, and the deferred-exact update of embedding rows.
//
// Formulas are PyTorch's (torch.optim), step counts from 1. A dense update runs over one contiguous range; the
// trainer calls it once per run of parameters that share their settings. Deferred-exact: a row of a table that a
// step did not use would, under the dense rule, still decay and drift by its momentum. We replay those missed steps
// when the row is next read, so the result is that of the dense update at the cost of a sparse one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/settings/optimizer.h"

namespace mtl::runtime {

// What changes from step to step.
struct UpdateStep {
  float lr = 1e-3f;
  float weight_decay = 0.0f;    // coupled (L2) for all but adamw and lamb
  float gradient_scale = 1.0f;  // clip_norm's factor, 1 / accumulated steps
  int64_t step = 1;             // of these parameters: how often they have been updated, counting this one
};

// How many floats of state per parameter the rule keeps: 0 to 2. State blocks have the layout of the weights.
int state_slots(OptimizerRule rule);
// weights, gradient and state slots over `count` elements. For lamb, the range is one parameter.
void update_dense(const OptimizerSettings&, const UpdateStep&, float* weights, const float* gradient, float* state1,
                  float* state2, int64_t count);
// Sum of squares, in double, in a fixed order whatever the number of threads.
double sum_of_squares(const float* values, int64_t count);

// One embedding table under the deferred-exact rule.
class RowTable {
 public:
  RowTable(const OptimizerSettings&, float* weights, float* state1, float* state2, int64_t rows, int64_t width);
  ~RowTable();
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;
  // Brings the rows named by `ids` (with repetition, < 0 skipped) up to date; before the forward pass reads them.
  void catch_up(const int32_t* ids, int64_t count);
  // Adds gradient rows by id; several calls a step add up. Returns nothing; begin_step forgets them.
  void begin_step();
  void add_gradient(const int32_t* ids, const float* rows, int64_t count);
  double gradient_sum_of_squares() const;  // of the rows summed by id, for clip_norm
  // Updates the rows of this step and notes the step for all the others.
  void update(const UpdateStep&);
  // All rows up to date: before saving and evaluating.
  void flush();
  // Steps missed are forgotten instead of replayed (optimizer setting `lazy = true`).
  void set_lazy(bool lazy);

  // What rows have yet to catch up with: beside weights and states, all that a table remembers between two updates.
  struct Deferred {
    std::vector<int32_t> seen;  // of each row: how many of the steps below
    std::vector<float> rates;   // learning rates of the steps since all rows were up to date
  };
  Deferred deferred() const;
  // `last` is the newest of the steps; those before it have its decay and the numbers before its own. False, and
  // nothing is done: it is not of a table of this size.
  bool resume(const Deferred& deferred, const UpdateStep& last);

 private:
  struct State;
  State* state_;
};

}  // namespace mtl::runtime
