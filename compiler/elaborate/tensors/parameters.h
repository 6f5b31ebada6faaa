// Paths of layers and parameters, and the parameters that have been made, by path.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

// The place whose `shared` or `private` decides; null if none does.
const Place* deciding(const Place* place);

std::string path_of(const PlacePtr& place, const TaskState* task);  // with the copy of that task
std::string plain_path_of(const PlacePtr& place);                   // "bottom.gate"
// From the path of a parameter of task `from`, the path of its copy for task `to`; unchanged if it is not a private
// copy.
std::string copy_path(const std::string& path, const std::string& from, const std::string& to);
// Made already, or by an earlier attempt and from now on there too; the end of `params_` otherwise.
std::map<std::string, ParamRecord>::iterator find_parameter(TensorContext& ctx, const std::string& path);
// Whether some task has a copy of the private parameter `path`.
bool others_own(const TensorContext& ctx, const std::string& path);
// A parameter whose rows are looked up by ids of a set; what else it may be is passed over.
Tensor parameter_at(TensorContext& ctx, const PathRef& path, const At& at);  // with its table; invalid after a report

}  // namespace mtl::elaborate
