// Makes the contexts of one elaboration.
#include "compiler/elaborate/tasks/context.h"

#include "compiler/elaborate/tasks/loss.h"
#include "compiler/elaborate/tasks/task.h"

namespace mtl::elaborate {

TaskContext::TaskContext(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
                         const KnownLayers& known)
    : BodyContext(file, options, emitter, known) {
  run_head = [this](TaskState& task) { return elaborate::run_head(*this, task); };
  run_loss = [this](TaskState& task) { return elaborate::run_loss(*this, task); };
}

void TaskContext::tell(KnownLayers& known) const {
  known.params.insert(parameters.records.begin(), parameters.records.end());
  known.sets.insert(sets.of_layers.begin(), sets.of_layers.end());
  if (options.tasks.empty()) known.reach = reach.found;
}

}  // namespace mtl::elaborate
