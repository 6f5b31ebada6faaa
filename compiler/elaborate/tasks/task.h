// Tasks: what the model declares, heads and their targets.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

void collect_model(TaskContext& ctx);
bool run_head(TaskContext& ctx, TaskState& task);
std::vector<Axis> target_axes(TaskContext& ctx, const TaskState& task);

}  // namespace mtl::elaborate
