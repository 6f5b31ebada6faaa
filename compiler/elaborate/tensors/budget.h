// TODO purpose.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

bool spend_statement(TensorContext& ctx, SourceRange range, Frame& frame);

}  // namespace mtl::elaborate
