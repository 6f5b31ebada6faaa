// First values of parameters and states. Each is drawn from its own path, so neither an edit elsewhere nor the order
// of declarations moves them.
#pragma once
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "data/dataset.h"
#include "model/weights.h"

namespace mtl::training {

// Fills every entry of `weights` that `params` describes. `vectors` come from `fitted`, by vocabulary.
void initialise(const std::vector<elaborate::ParamInfo>& params, const data::Fitted& fitted, uint64_t seed,
                model::Weights& weights);

}  // namespace mtl::training
