// Keys of random streams: a draw depends on the layer and the call that asks for it, and on nothing else of the
// program.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

int64_t mask_key(TensorContext& ctx, const std::vector<ir::Value>& operands, const At& at);
int64_t noise_key(TensorContext& ctx, std::string_view op, ir::Value operand, const At& at);

}  // namespace mtl::elaborate
