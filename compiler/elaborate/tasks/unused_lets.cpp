// A `let` of the model that no task reads: nothing runs it, so it is tried in each task by itself.
#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/tasks/balance.h"
#include "compiler/elaborate/tasks/context.h"
#include "compiler/elaborate/tasks/finish.h"
#include "compiler/elaborate/tasks/loss.h"
#include "compiler/elaborate/tasks/task.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {
namespace {

using Errors = std::vector<diag::Diagnostic>;

Errors errors_of_let(const diag::Emitter& emitter) {
  Errors errors = emitter.sorted();
  std::erase_if(errors, [](const diag::Diagnostic& said) { return said.kind->severity != diag::Severity::error; });
  return errors;
}

// Runs the tasks, and then `let` as task number `reader` would read it. Without a name: which lets nobody reads.
std::vector<std::string> run_with(TaskContext& ctx, const std::string& let, size_t reader) {
  collect_model(ctx);
  read_balance(ctx);
  read_model_metrics(ctx);
  for (TaskState& task : ctx.model.tasks) run_loss(ctx, task);
  std::vector<std::string> unread;
  for (const auto& [name, item] : ctx.model.items)
    if (!item.used && std::holds_alternative<syntax::LetStmt>(item.stmt->node)) unread.push_back(name);
  if (!let.empty()) name(ctx, let, ctx.model.items.at(let).stmt->range, ctx.model.tasks[reader].frame);
  return unread;
}

}  // namespace

void check_unused_lets(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter) {
  KnownLayers known;
  std::vector<std::string> unread;
  size_t tasks = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {  // see elaborate()
    diag::Emitter unheard(emitter.sources());
    TaskContext ctx(file, options, unheard, known);
    unread = run_with(ctx, "", 0);
    tasks = ctx.model.tasks.size();
    if (unread.empty()) return;
    if (!ctx.waits()) break;
    ctx.tell(known);
  }
  for (const std::string& let : unread) {
    std::optional<Errors> least, foreign;
    for (size_t reader = 0; reader < tasks && (!least || !least->empty()); ++reader) {
      diag::Emitter heard(emitter.sources());
      TaskContext ctx(file, options, heard, known);
      run_with(ctx, let, reader);
      Errors errors = errors_of_let(heard);
      // It may be of one task's source alone, and then says nothing of the others.
      const bool other = !errors.empty() && errors.front().kind == &diag::ColumnOfOtherSource;
      if (other) foreign = std::move(errors);
      if (!other && (!least || errors.size() < least->size())) least = std::move(errors);
    }
    if (!least) least = std::move(foreign);  // it reads the columns of two sources
    if (!least || least->empty()) continue;
    least->front().notes.push_back("nothing uses `" + let + "`");
    emitter.add(std::move(least->front()));
  }
}

}  // namespace mtl::elaborate
