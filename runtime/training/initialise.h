// First values of parameters and states. Each is drawn from its own path, so neither an edit elsewhere nor the order
// of declarations moves them.
#pragma once
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/data/dataset.h"
#include "runtime/model/weights.h"
#include "support/diag/emitter.h"

namespace mtl::training {

// Fills every entry of `weights` that `params` describes. Vectors and names of labels are those of `data.fitted`,
// shares are counted in its train splits.
void initialise(const std::vector<elaborate::ParamInfo>& params, const data::Dataset& data, uint64_t seed,
                model::Weights& weights);
// States that tags decide need labels that are tags, and sequences in train that keep to their scheme. False after a
// report.
bool check_tags(const std::vector<elaborate::ParamInfo>& params, const data::Dataset& data, diag::Emitter& emitter);

// Weights of classes need names that are classes. False after a report.
bool check_class_weights(const std::vector<elaborate::ParamInfo>& params, const data::Dataset& data,
                         diag::Emitter& emitter);

}  // namespace mtl::training
