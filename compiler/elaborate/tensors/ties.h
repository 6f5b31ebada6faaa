// Ties: each parameter below the left path of a `tie` is the parameter in the same place below its right path. There is
// one parameter, under the right path; the left one has no storage, gradient or entry in a model file.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

struct Tied {
  const sema::Tie* tie = nullptr;  // null: the parameter is its own
  ParamRecord* record = nullptr;   // what it is instead
};

// What the parameter of `place` is tied to, as `task` has it. After a report there is nothing beside it: bodies run on
// as if there were no tie, so that they make what a later attempt can tie.
Tied tied_parameter(TensorContext& ctx, const PlacePtr& place, const TaskState* task);
// False after a report: what the tie joins has other dimensions, or one side of it is a state.
bool tied_alike(TensorContext& ctx, const Tied& tied, const std::vector<Dim>& dims, bool state);
// Reports ties whose left side no body declares.
void refuse_idle_ties(TensorContext& ctx);

}  // namespace mtl::elaborate
