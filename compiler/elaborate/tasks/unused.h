// What no task of the model reaches: modules, functions and criteria, each run by itself on inputs of sizes that are
// made up. What is wrong with all of these sizes is wrong.
#pragma once
#include <functional>

#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

// Dimensions are `dimension`, `dimension + step`, ..; ints `count`, `count + more`, ..
struct MadeUpSizes {
  int64_t dimension, step, count, more;
};

Value made_up_input(TaskContext& ctx, const syntax::Parameter& parameter, Frame& frame,
                    const std::function<int64_t()>& next);
// A module, function or criterion that no model has to reach; `said` hears what is wrong with it.
void run_by_itself(const sema::CheckedFile& file, const ElaborateOptions& options, const sema::Found& found,
                   const MadeUpSizes& sizes, diag::Emitter& said);
void run_alone(TaskContext& ctx, const sema::Found& found, MadeUpSizes next);

}  // namespace mtl::elaborate
