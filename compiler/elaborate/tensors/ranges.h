// What numbers a value can be, as far as the ops that it is made by say: enough to tell a score from a probability.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

struct NumberRange {
  double low = 0, high = 0;
};

// Infinite where nothing is known.
NumberRange bounds_of(const TensorContext& ctx, ir::Value value);
void warn_of_scores(TensorContext& ctx, const Layer& criterion, const Value& scores, const At& at);

}  // namespace mtl::elaborate
