// Staged columns to Fitted (what train teaches) and to a Split (encoded columns).
#pragma once
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/data/stage.h"
#include "support/diag/emitter.h"

namespace mtl::data {

// One source's train examples.
struct TrainPart {
  const SourcePlan* plan = nullptr;
  const Staged* staged = nullptr;
};

// Vocabularies, label and category sets, numbers, of all sources. False after reporting.
bool fit(const Spec& spec, const std::vector<TrainPart>& parts, Interners& interners, Fitted& fitted,
         diag::Emitter& emitter);

// False after reporting. `split_name` is for warnings: "dev", "test"; "train" and "" have none.
bool encode(const SourcePlan& plan, const Staged& staged, const Fitted& fitted, const Interners& interners,
            std::string_view split_name, Split& split, diag::Emitter& emitter);

// The name that value `text` of element `element` has in the set of a category column: "Private"; in `category[12]`,
// whose columns keep their values apart, "3=Private".
std::string category_name(const ColumnPlan& column, int64_t element, std::string_view text);

}  // namespace mtl::data
