// The objective of a step: the weighted losses of its tasks, each multiplied by what the model's balancer says, and the
// balancer's penalties.
//
// A balancer sees the losses behind the tasks' own `weight`s, without a gradient: its answers are constants for what is
// below the losses, and its own parameters are trained by the sum. A task without a row that counts in the batch takes
// no part: its share, its parameters and its states are left as they are, and in `losses` the mean of the others stands
// in its place.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

void read_balance(TaskContext& ctx);
void make_objective(TaskContext& ctx);

}  // namespace mtl::elaborate
