// Which numbers of which parameters belong to single ids: rows that ids look up, and rows or columns that `one_hot`,
// and what is made of it, is multiplied with. Those of `<unk>` start at zero (runtime/training/initialise.cpp).
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

void note_ids(TensorContext& ctx, ir::Value value, int axis, const std::vector<IdRange>& ranges);
void note_hot_weights(TensorContext& ctx);

}  // namespace mtl::elaborate
