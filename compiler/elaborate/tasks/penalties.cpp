// See penalties.h.
#include "compiler/elaborate/tasks/penalties.h"

#include <algorithm>
#include <utility>

#include "compiler/elaborate/bodies/statements.h"
#include "compiler/elaborate/tasks/finish.h"
#include "compiler/elaborate/tensors/emit.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

namespace {
// A penalty of the model counts once for each task that has another value of it. A task that has no copy of what it
// reads has none.
void run_for_each_task(TaskContext& ctx, const syntax::Stmt& stmt) {
  ctx.parameters.by_task = true;
  const size_t errors = ctx.reports.emitter.error_count();
  for (TaskState& task : ctx.model.tasks) {
    if (!task.loss.valid() || !ctx.selected(task)) continue;
    if (ctx.reports.emitter.error_count() != errors) break;  // it is the statement that is wrong
    ctx.parameters.absent = false;
    const size_t known = ctx.penalties.size(), shown = ctx.monitors.size();
    TaskState* outer = std::exchange(ctx.model.frame.task, &task);
    std::vector<std::map<std::string, Binding>> scopes(1);
    scopes.swap(ctx.model.frame.scopes);
    run_statement(ctx, stmt, ctx.model.frame);
    scopes.swap(ctx.model.frame.scopes);
    ctx.model.frame.task = outer;
    if (!ctx.parameters.absent) continue;
    ctx.penalties.resize(known);
    ctx.monitors.resize(shown);
  }
  ctx.parameters.by_task = false;
}
}  // namespace

void run_penalties(TaskContext& ctx) {
  if (!ctx.options.losses) return;
  for (TaskState& task : ctx.model.tasks) {
    if (!task.scores.valid() || !ctx.selected(task)) continue;
    for (const syntax::Stmt* stmt : task.penalties) run_statement(ctx, *stmt, task.frame);
  }
  for (const syntax::Stmt* stmt : ctx.model.penalties) run_for_each_task(ctx, *stmt);
}

void add_penalties(TaskContext& ctx) {
  std::set<ir::Value> counted;
  for (const Penalty& penalty : ctx.penalties) {
    const bool absent = ctx.options.objective_tasks.count(penalty.task->info.name) == 0;
    if (absent || !ctx.objective.value.valid() || !counted.insert(penalty.value).second) continue;
    ctx.objective.value = emit(ctx, "add", {ctx.objective.value, penalty.value}, {ctx.model.frame, penalty.range});
  }
}

void add_monitors(TaskContext& ctx) {
  std::map<std::string, std::vector<const Monitor*>> by_name;
  for (const Monitor& monitor : ctx.monitors) {
    std::vector<const Monitor*>& said = by_name[monitor.name];
    if (!said.empty() && said.front()->range != monitor.range) {
      ctx.report({ctx.model.frame, monitor.range}, diag::DoubledSetting, "monitor " + monitor.name)
          .label(said.front()->range, "set here");
      return;
    }
    said.push_back(&monitor);
  }
  for (auto& [name, said] : by_name) {
    std::erase_if(said, [&](const Monitor* m) { return ctx.options.objective_tasks.count(m->task->info.name) == 0; });
    const bool shared =
        std::all_of(said.begin(), said.end(), [&said = said](const Monitor* m) { return m->value == said[0]->value; });
    std::map<std::string, ir::Value> outputs;
    for (const Monitor* m : said) outputs[shared ? name : name + "@" + m->task->info.name] = m->value;
    for (const auto& [output, value] : outputs) ctx.nodes.graph.outputs.push_back({"monitor." + output, value});
  }
}

void warn_of_penalties(TaskContext& ctx) {
  std::set<std::pair<FileId, uint32_t>> said;
  for (const Penalty& penalty : ctx.penalties) {
    if (reached(ctx, {penalty.value}, true).empty() && said.insert({penalty.range.file, penalty.range.begin}).second)
      ctx.reports.emitter.report(diag::PenaltyReachesNothing).at(penalty.range);
  }
}

}  // namespace mtl::elaborate
