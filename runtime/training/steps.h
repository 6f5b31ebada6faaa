// Single training steps: fills the batches of the sources that take part, runs their program, hands the gradients to
// the optimizer. The loop around it (epochs, dev, stopping) is train.cpp's. A step allocates nothing.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/batch.h"
#include "runtime/training/compile.h"
#include "runtime/training/optimize.h"
#include "runtime/training/report.h"
#include "runtime/training/sources.h"
#include "support/diag/emitter.h"

namespace mtl::training {

class Steps {
 public:
  // Compiles a program for every set of sources that the mix can ask for. nullptr after reports.
  static std::unique_ptr<Steps> make(Session& session, const TrainConfig& config, const data::Spec& spec,
                                     const data::Dataset& dataset, uint64_t seed, diag::Emitter& emitter);
  ~Steps();
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  struct Result {
    double objective = 0;
    int64_t examples = 0;
    bool finite = true;  // false: nothing was handed to the optimizer, and
    int bad_task = -1;   // this number's loss is not finite (-1: the objective's alone), or
    int bad_share = -1;  // the balancer gives this number a weight that is negative or not finite
  };
  // One batch of `stream` (Mix::kAll: of each). `number` counts all batches of the run from 0 and keys random numbers;
  // epochs count from 1.
  Result run(int32_t stream, int64_t number, double progress, int64_t epoch);
  // Once the parameters are updated: what the balancer makes of the losses that the last batch has now.
  void balance();

  const Mix& mix() const;
  Optimizer& optimizer();
  // Losses of the last run() by number of task among the session's tasks; NaN: not in that step, or no row of it
  // counted.
  const std::vector<TaskLoss>& losses() const;
  // What the balancer multiplied them by, by number of task; NaN: as with losses. Empty: the model has no balancer.
  const std::vector<double>& shares() const;
  // By name, as the last step that had it computed it.
  const std::map<std::string, double>& monitors() const;
  std::vector<Stream::Cursor> cursors() const;
  int64_t examples(size_t stream) const;
  void resume(const std::vector<Stream::Cursor>& cursors);

 private:
  struct State;
  explicit Steps(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mtl::training
