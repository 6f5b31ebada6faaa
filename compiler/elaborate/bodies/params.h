// Paths and parameters: who owns what.
//
// The nearest word wins, going out from the parameter. `private`: a copy for each task, whose path has @task after
// the name that the word stands at; `shared`: one copy, whatever is around it.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value parameter(BodyContext& ctx, const PlacePtr& place, std::vector<Dim> dims, const Value& init, IdSetPtr table,
                bool state, const At& at);
void other_shape(BodyContext& ctx, const ParamRecord& record, const std::vector<Dim>& dims, const At& at);
std::optional<Init> initial(BodyContext& ctx, const Value& init, const IdSetPtr& table, const std::vector<Dim>& dims,
                            const At& at);
bool may_own(BodyContext& ctx, const PlacePtr& place, const At& at);

}  // namespace mtl::elaborate
