// The door: from a checked file to the graph of its model. See elaborator.h.
#include "compiler/elaborate/elaborate.h"

#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

Elaborator::Elaborator(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter)
    : file_(file), options_(options), emitter_(emitter), statics_(emitter, budget_), builder_(graph_) {}

std::optional<ElaboratedModel> Elaborator::run() {
  const size_t errors = emitter_.error_count();
  collect_model();
  read_balance();
  read_model_metrics();
  // One task's mistakes do not hide another's.
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (selected(tasks_[i])) run_loss(i);
  }
  refuse_untrained_copies();
  if (!failed_) make_objective();
  if (failed_ || out_of_budget_ || emitter_.error_count() != errors) return std::nullopt;
  return finish();
}

std::optional<ElaboratedModel> elaborate(const sema::CheckedFile& file, const ElaborateOptions& options,
                                         diag::Emitter& emitter) {
  if (!file.model) {
    emitter.report(diag::NoModel);
    return std::nullopt;
  }
  return Elaborator(file, options, emitter).run();
}

}  // namespace mtl::elaborate
