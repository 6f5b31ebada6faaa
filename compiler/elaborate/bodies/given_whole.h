// Inputs of mapped calls that are given whole to each position: a sequence beside the positions of another.
#pragma once
#include "compiler/elaborate/bodies/signature.h"

namespace mtl::elaborate {

bool give_whole(BodyContext& ctx, Value& value, SpaceId base, const Signature& signature, const At& at);
void dims_of_copies(BodyContext& ctx, Frame& callee, Signature& signature);
Value stack_of_mapped(BodyContext& ctx, ir::Value x, const Signature& signature, const At& at);

}  // namespace mtl::elaborate
