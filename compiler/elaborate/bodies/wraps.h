// `wrap path with module(...)`: a module around layers that are declared elsewhere, in the library say. A wrapped layer
// keeps its path, and so what a file of weights calls its parameters; the module's own stand below it, by the module's
// name: encoder.linear.lora.low_rank.down@intent.weight. What the module itself is made of is not wrapped, whatever the
// pattern: `wrap encoder.** with lora(2)` is about the layers that were there before.
#pragma once
#include <optional>

#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

// What the module around `layer` gives for these arguments; nullopt: none is around it, or it is at work already.
std::optional<Value> apply_wrapped(BodyContext& ctx, const LayerPtr& layer, const std::vector<Argument>& arguments,
                                   const At& at);
// Reports those that name no layer that is applied.
void refuse_idle_wraps(BodyContext& ctx);

}  // namespace mtl::elaborate
