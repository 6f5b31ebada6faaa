// Rows of tables for ids that train does not have.
#pragma once
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/data/dataset.h"
#include "support/diag/emitter.h"

namespace mtl::training {

// A vocabulary's file of vectors may have one for `<unk>`.
bool has_vector_of_unknown(const data::Fitted& fitted, const std::string& vocab);

// Sets with a table whose row of `<unk>` no step can reach, though dev or test reads it: said once for each set.
void warn_of_unknown(const std::vector<elaborate::ParamInfo>& params, const data::Spec& spec,
                     const data::Dataset& dataset, diag::Emitter& emitter);

}  // namespace mtl::training
