// Paths and parameters: who owns what.
//
// The nearest word wins, going out from the parameter. `private`: a copy for each task, whose path has @task after
// the name that the word stands at; `shared`: one copy, whatever is around it.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value parameter(BodyContext& ctx, const PlacePtr& place, std::vector<Dim> dims, const Value& init, IdSetPtr table,
                bool state, const At& at);

}  // namespace mtl::elaborate
