// Declares every op of ops.def, so that its room defines it with external linkage.
#pragma once
#include "compiler/ops/op.h"

namespace mtl::ops {

#define MTL_OP(name) extern const OpDef op_##name;
#include "compiler/ops/ops.def"
#undef MTL_OP

}  // namespace mtl::ops
