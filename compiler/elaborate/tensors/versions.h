// The versions of a value: what the same computation gives with the private copies of another task. The graph is built
// again, with that task's parameters and random keys in the place of the task's at hand; no body runs again. As every
// node goes through emit(), a version is the node that the other task makes, or will make, itself.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

// `value` as `from` has it, for each of `tasks`: beside each other, marked as versions that are the same for all tasks.
// Empty after a report.
std::vector<ir::Value> versions(TensorContext& ctx, ir::Value value, const std::string& from,
                                const std::vector<std::string>& tasks, const At& at);
// The private places that `value` reads a copy of task `of` from.
std::set<std::string> copies_in(TensorContext& ctx, ir::Value value, const std::string& of);
// The place of a task among `tasks`, as a value that has versions.
ir::Value index_among(TensorContext& ctx, const std::string& task, const std::vector<std::string>& tasks, const At& at);

}  // namespace mtl::elaborate
