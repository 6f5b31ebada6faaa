// How much a program may run: a million statements, loops and mapped parts unrolled.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

bool spend_statement(TensorContext& ctx, SourceRange range, Frame& frame);

}  // namespace mtl::elaborate
