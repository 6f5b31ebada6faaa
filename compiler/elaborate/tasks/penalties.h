// Penalties of tasks and of the model, terms of the objective that balancing does not touch; and monitors, which only
// show.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

// Those of the blocks of tasks, behind their losses, and those of the model.
void run_penalties(TaskContext& ctx);
// The objective with the penalties of the tasks that are in it.
void add_penalties(TaskContext& ctx);
// Outputs "monitor.NAME" of the tasks that are in the objective; "monitor.NAME@TASK" where tasks have other values.
void add_monitors(TaskContext& ctx);
// Of penalties that no parameter enters.
void warn_of_penalties(TaskContext& ctx);

}  // namespace mtl::elaborate
