// Tasks seen from inside: `across`, `|tasks|`, `task.index`, `weights`, and which tasks reach a place.
#pragma once
#include "compiler/elaborate/bodies/context.h"
#include "compiler/elaborate/tensors/primitives.h"

namespace mtl::elaborate {

// A task that is trained reaches a layer, or a private parameter.
void comes_by(BodyContext& ctx, const std::string& path, const TaskState& task);
// Whether a place was said to be reached by other tasks than it is.
bool misjudged_reach(const BodyContext& ctx);
Value number_of_tasks(BodyContext& ctx, const At& at);
Value task_index(BodyContext& ctx, const At& at);
Value across(BodyContext& ctx, PrimitiveCall& call);
Value weights(BodyContext& ctx, PrimitiveCall& call);
std::optional<Init> own_share(BodyContext& ctx, double share, const std::vector<Dim>& dims, const At& at);

}  // namespace mtl::elaborate
