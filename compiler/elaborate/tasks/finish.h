// The end of an elaboration: outputs, what each task reads and trains, metrics over several tasks, warnings.
#pragma once
#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

void read_model_metrics(TaskContext& ctx);
ElaboratedModel finish(TaskContext& ctx);
void refuse_untrained_copies(TaskContext& ctx);
// Parameters that `from` depends on; `trained`: through gradients.
std::set<std::string> reached(const TaskContext& ctx, const std::vector<ir::Value>& from, bool trained);
// Other than by the values in `except`.
bool depends_on(const TaskContext& ctx, ir::Value value, ir::Value on, const std::vector<ir::Value>& except);
// Columns that `from` is computed from, other than by the values in `except`.
std::set<std::string> inputs_of(const TaskContext& ctx, const std::vector<ir::Value>& from,
                                const std::vector<ir::Value>& except = {});

}  // namespace mtl::elaborate
