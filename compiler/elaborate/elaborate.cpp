// The door: from a checked file to the graph of its model.
#include "compiler/elaborate/elaborate.h"

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/wraps.h"
#include "compiler/elaborate/tasks/balance.h"
#include "compiler/elaborate/tasks/finish.h"
#include "compiler/elaborate/tasks/loss.h"
#include "compiler/elaborate/tasks/penalties.h"
#include "compiler/elaborate/tasks/task.h"
#include "compiler/elaborate/tensors/ties.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

namespace {
constexpr int kAttempts = 8;

void refuse_idle(TaskContext& ctx) {
  refuse_idle_ties(ctx);
  refuse_idle_wraps(ctx);
}

std::optional<ElaboratedModel> run(TaskContext& ctx) {
  const size_t errors = ctx.reports.emitter.error_count();
  collect_model(ctx);
  read_balance(ctx);
  read_model_metrics(ctx);
  // One task's mistakes do not hide another's.
  for (TaskState& task : ctx.model.tasks) {
    if (ctx.selected(task)) run_loss(ctx, task);
  }
  run_penalties(ctx);
  refuse_untrained_copies(ctx);
  if (!ctx.reports.failed && ctx.options.tasks.empty() && ctx.options.losses) refuse_idle(ctx);
  if (!ctx.reports.failed) {
    make_objective(ctx);
    add_penalties(ctx);
  }
  if (ctx.reports.failed || ctx.budget.exceeded || ctx.reports.emitter.error_count() != errors) return std::nullopt;
  return finish(ctx);
}
}  // namespace

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
    TaskContext attempted(file, options, said, known);
    auto model = run(attempted);
    KnownLayers more = known;
    attempted.tell(more);
    bool misjudged = misjudged_reach(attempted);
    const bool part = !options.tasks.empty();
    if (part && (attempted.waits() || !attempted.reach.said.empty())) {  // another task may have that call
      diag::Emitter unheard = emitter;
      TaskContext all(file, whole, unheard, known);
      run(all);
      all.tell(more);
      misjudged = misjudged_reach(all);
    }
    const bool learned = (attempted.waits() && more.size() != known.size()) || misjudged;
    if (!learned || attempt == kAttempts) {
      emitter = std::move(said);
      return model;
    }
    known = std::move(more);
    if (misjudged) known = KnownLayers{{}, {}, std::move(known.reach)};  // sizes that follow from it were wrong, too
  }
}

}  // namespace mtl::elaborate
