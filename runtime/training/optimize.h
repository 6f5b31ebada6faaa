// Updates of all parameters: runs of neighbours with the same settings are one dense update, embedding tables are
// updated by rows (runtime::RowTable), and what a step's objective does not reach does not move.
//
// A *kind* of step is one training program: one set of sources. Where sources alternate there are several, and a
// parameter has its own count of updates. A table goes by rows if every kind that touches it does so through its
// sparse gradient; else its gradients become dense ones.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/engine/engine.h"
#include "runtime/model/weights.h"
#include "runtime/optimizers/optimizer.h"
#include "support/diag/emitter.h"
#include "support/settings/train_config.h"

namespace mtl::training {

// What one kind of step reads and trains.
struct Reach {
  std::vector<std::string> reads;   // parameters
  std::vector<std::string> dense;   // parameters with a dense gradient
  std::vector<std::string> tables;  // by index of Program::sparse; a table may occur twice
};

// A pattern of `group`, `freeze` or `load` that names no parameter is a mistake, and would train on as if it were not
// there; so is a model of which nothing trains. False after a report.
bool check_patterns(const TrainConfig& config, const std::vector<elaborate::ParamInfo>& params, diag::Emitter& emitter);

// Warns of what is frozen until an epoch or a step that a training of so many never comes to.
void warn_of_frozen(const TrainConfig& config, int64_t epochs, int64_t updates, diag::Emitter& emitter);

class Optimizer {
 public:
  // `gradients` has the layout of `weights`; the programs write their dense gradients there.
  Optimizer(const TrainConfig& config, model::Weights& weights, float* gradients, std::vector<Reach> kinds);
  ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Whether programs should give rows at all: not for lamb, ema and accumulate, which need whole tables.
  static bool wants_rows(const TrainConfig& config);

  // Before the forward pass: brings the rows that it will read up to date. `rows` is by index of Program::sparse.
  void before(size_t kind, std::span<const engine::SparseRows> rows);
  // After the backward pass: takes its gradients (with `accumulate`, adds them up).
  void collect(size_t kind, std::span<const engine::SparseRows> rows);
  // One update of all that was collected since the last. Returns the norm of the gradient, before clipping; not finite
  // if a gradient is not, and then nothing was updated. It is 0 where nobody asked for it (clip_norm = 0).
  double update(double lr_factor, int64_t accumulated);
  // Counted from 1: what is frozen until an epoch trains from then on.
  void begin_epoch(int64_t epoch);
  // All tables up to date: before evaluating and saving.
  void flush();

  // The averaged weights (average = ema), or the weights themselves. Layout of the weights.
  const float* averaged() const;

  // What a checkpoint holds. Blocks have the layout of the weights; counts are by parameter, in order of entries.
  std::vector<float*> blocks();
  std::vector<int64_t> counts() const;
  std::vector<runtime::RowTable::Deferred> deferred() const;  // of each table that goes by rows
  // False where it is not of this optimizer.
  bool resume(const std::vector<int64_t>& counts, const std::vector<runtime::RowTable::Deferred>& deferred);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mtl::training
