// Losses, predictions and the objective.
//
// A task's loss is sum(mask * loss) / max(1, sum(mask)) over the rows of the batch: labelled positions where the
// criterion is mapped over positions, labelled examples else. The mask leaves out missing targets, what `when` leaves
// out, and what a loss expression reads and the row lacks. In the objective each row counts `weight` times; the loss
// that is shown is without it, so that runs with other weights can be compared.
#pragma once
#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

bool run_loss(TaskContext& ctx, TaskState& task);  // predictions too
Judgement judge_task(TaskContext& ctx, TaskState& task);
LayerPtr default_criterion(TaskContext& ctx, const TaskState& task, const At& at);
bool predict_fits(TaskContext& ctx, const TaskState& task, const Value& value, const At& at);
bool predict_reads_target(const TaskContext& ctx, const TaskState& task, const Value& predict);
void run_predict(TaskContext& ctx, TaskState& task, const Judgement& judgement, const At& at);
bool loss_fits(TaskContext& ctx, const TaskState& task, ir::Value value, const char* what, const At& at);
bool weight_fits(TaskContext& ctx, const TaskState& task, ir::Value weight, ir::Value loss, const At& at);
void mean_loss(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at);
void note_weight(TaskContext& ctx, TaskState& task, ir::Value weight, ir::Value mask, ir::Value loss, const At& at);
ir::Value loss_mask(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at);
ir::Value fit_mask(TaskContext& ctx, ir::Value mask, ir::Value loss, const At& at);
void read_balance(TaskContext& ctx);
void make_objective(TaskContext& ctx);

}  // namespace mtl::elaborate
