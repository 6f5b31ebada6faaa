// Stacks as inputs: matched with a type, or mapped over their parts.
#pragma once
#include "compiler/elaborate/bodies/signature.h"

namespace mtl::elaborate {

bool match_stack(BodyContext& ctx, const syntax::Parameter& parameter, const Value& value, Frame& callee,
                 Signature& signature, const At& at);
std::vector<Value*> stacks_to_map(const BodyContext& ctx, const std::vector<syntax::Parameter>& inputs,
                                  std::vector<std::optional<Argument>>& bound, const Frame& frame);

}  // namespace mtl::elaborate
