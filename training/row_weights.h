// Weights of rows that columns or `progress` say: what is wrong with them is known before the training.
#pragma once
#include "compiler/diag/emitter.h"
#include "data/dataset.h"
#include "training/compile.h"

namespace mtl::training {

// False after a report of the first weight of train, of each task, that is negative or no finite number.
bool check_row_weights(Session& session, const data::Dataset& dataset, diag::Emitter& emitter);

}  // namespace mtl::training
