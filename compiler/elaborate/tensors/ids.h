// Which ids a value can hold, and whether they stay inside what they index: an id behind the end of a table would read
// other memory. While sizes wait for the data this says nothing; with the data they are numbers, and it is asked again.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

bool set_has_size(TensorContext& ctx, const IdSet& set, const Dim& size, const std::string& what, const At& at);
std::optional<Tensor> constant_id(TensorContext& ctx, int64_t id, const At& at);
// The set of what holds ids of either; null if one has none. nullopt after a report: they are two sets.
std::optional<IdSetPtr> join_sets(TensorContext& ctx, const IdSetPtr& a, const IdSetPtr& b, const At& at);
// False after a report: ids of `set` can lie outside of what has `size` elements. `what`: "the number of rows".
bool ids_fit(TensorContext& ctx, const IdSetPtr& set, const Dim& size, const std::string& what, const At& at);
// The same of what is looked up by ids: where they are classes, it has no entry beyond them either.
bool table_fits(TensorContext& ctx, const IdSetPtr& set, const Dim& size, const std::string& what, const At& at);

}  // namespace mtl::elaborate
