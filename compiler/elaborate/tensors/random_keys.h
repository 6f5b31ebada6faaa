// Keys of random streams: a draw depends on the layer and the call that asks for it, and on nothing else of the
// program.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

int64_t mask_key(TensorContext& ctx, const std::vector<ir::Value>& operands, const At& at);
int64_t noise_key(TensorContext& ctx, std::string_view op, ir::Value operand, const At& at);
// What the layer of task `to` draws where that of task `from` draws by `key`, for operands of its own.
int64_t key_of_version(TensorContext& ctx, int64_t key, const std::vector<ir::Value>& operands, const std::string& from,
                       const std::string& to);

}  // namespace mtl::elaborate
