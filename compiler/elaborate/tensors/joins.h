// Tensors put together: `stack` makes a dimension in front, `concat` makes one longer.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

ir::Value concat(TensorContext& ctx, const std::vector<Tensor>& given, const Value* over, const At& at);
ir::Value stack(TensorContext& ctx, std::vector<ir::Value> parts, const At& at);

}  // namespace mtl::elaborate
