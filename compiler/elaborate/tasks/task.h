// Tasks: what the model declares, heads and their targets.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

void collect_model(TaskContext& ctx);
void collect_statement(TaskContext& ctx, const syntax::Stmt& stmt);
bool run_head(TaskContext& ctx, TaskState& task);
bool run_settings(TaskContext& ctx, TaskState& task, const syntax::Body& body);
bool read_target(TaskContext& ctx, TaskState& task);
bool read_output(TaskContext& ctx, TaskState& task);
void read_mask(TaskContext& ctx, TaskState& task, ir::Value raw, bool ids, const At& at);
bool check_head(TaskContext& ctx, TaskState& task, const syntax::Expr& expr);
std::vector<Axis> target_axes(TaskContext& ctx, const TaskState& task);
void wrong_head(TaskContext& ctx, TaskState& task, const std::vector<Axis>& wanted, ir::Value head, const At& at);
void read_metrics(TaskContext& ctx, TaskState& task);

}  // namespace mtl::elaborate
