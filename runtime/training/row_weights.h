// Weights of rows that columns or `progress` say: what is wrong with them is known before the training.
#pragma once
#include "runtime/data/dataset.h"
#include "runtime/training/compile.h"
#include "support/diag/emitter.h"

namespace mtl::training {

// False after a report of the first weight of train, of each task, that is negative or no finite number.
bool check_row_weights(Session& session, const data::Dataset& dataset, diag::Emitter& emitter);

}  // namespace mtl::training
