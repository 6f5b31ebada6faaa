// Values as operands: numbers and lists become tensors of the graph, what has to be an int or a list is one.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

std::optional<int64_t> integer(TensorContext& ctx, const Value& value, const At& at, std::string_view what);
std::optional<std::vector<Value>> items(TensorContext& ctx, const Value& value, const At& at);
ir::Value constant(TensorContext& ctx, double value, const At& at);
ir::Value to_tensor(TensorContext& ctx, const Value& value, const At& at);  // numbers become constants
ir::Value to_truth(TensorContext& ctx, const Value& value, const At& at);

}  // namespace mtl::elaborate
