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

}  // namespace mtl::elaborate
