// Leaks: a head sees what is known at prediction, and its target is not. It reaches the head by its column, by what
// others compute from it, or by the answer of another task on the same column, which is the target while training.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

bool head_is_blind(TaskContext& ctx, const TaskState& task);
void warn_of_same_columns(TaskContext& ctx);

}  // namespace mtl::elaborate
