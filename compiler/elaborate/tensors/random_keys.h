// TODO purpose.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

int64_t random_key(TensorContext& ctx, const std::string& owner, const std::vector<ir::Value>& operands);
int64_t mask_key(TensorContext& ctx, const std::vector<ir::Value>& operands, const At& at);
int64_t noise_key(TensorContext& ctx, std::string_view op, ir::Value operand, const At& at);

}  // namespace mtl::elaborate
