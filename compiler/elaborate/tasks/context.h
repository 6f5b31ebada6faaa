// What the tasks of a model share, beside what their bodies share: the objective and metrics over several tasks.
#pragma once
#include <vector>

#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

struct Objective {
  const syntax::Expr* balance_setting = nullptr;
  LayerPtr balancer;                             // as `balance` describes it; null: the plain sum
  std::map<const TaskState*, ir::Value> shares;  // what the balancer multiplies the loss of each task by
  bool reads_after = false;                      // an update reads the losses that the batch has after the step
  ir::Value value;
};

struct TaskContext : BodyContext {
  Objective objective;
  std::vector<training::ModelMetric> metrics;

  TaskContext(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
              const KnownLayers& known);

  // True if something waits for what a later attempt knows, which tell() says.
  bool waits() const { return reports.waits && !budget.exceeded; }
  void tell(KnownLayers& known) const;
  bool selected(const TaskState& task) const {
    return options.tasks.empty() || options.tasks.count(task.info.name) > 0;
  }
};

}  // namespace mtl::elaborate
