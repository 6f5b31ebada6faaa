// The door: from a checked file to the graph of its model. See elaborator.h.
#include "compiler/elaborate/elaborate.h"

#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

namespace {
constexpr int kAttempts = 8;
}

Elaborator::Elaborator(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
                       const KnownLayers& known)
    : file_(file),
      options_(options),
      emitter_(emitter),
      statics_(emitter, budget_),
      builder_(graph_),
      known_(known),
      sets_of_layers_(known.sets) {}

void Elaborator::tell(KnownLayers& known) const {
  known.params.insert(params_.begin(), params_.end());
  known.sets.insert(sets_of_layers_.begin(), sets_of_layers_.end());
}

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
  // Order in the file means nothing: what stands in front of the call that says what it is waits for the next attempt,
  // which knows what this one met. Few files need a second one.
  KnownLayers known;
  ElaborateOptions whole = options;
  whole.tasks.clear();
  for (int attempt = 1;; ++attempt) {
    diag::Emitter said = emitter;
    Elaborator elaborator(file, options, said, known);
    auto model = elaborator.run();
    KnownLayers more = known;
    elaborator.tell(more);
    if (elaborator.waits() && !options.tasks.empty()) {  // another task may have that call
      diag::Emitter unheard = emitter;
      Elaborator all(file, whole, unheard, known);
      all.run();
      all.tell(more);
    }
    if (!elaborator.waits() || more.size() == known.size() || attempt == kAttempts) {
      emitter = std::move(said);
      return model;
    }
    known = std::move(more);
  }
}

}  // namespace mtl::elaborate
