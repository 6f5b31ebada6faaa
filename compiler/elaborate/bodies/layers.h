// Layers as values: descriptions become layers where they are declared or applied; a layer stays that layer.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

LayerPtr as_layer(BodyContext& ctx, const Value& value, const At& at);
// Counts a layer, or a member of a family of parameters; false after a report: there are too many.
bool spend_layer(BodyContext& ctx, const At& at);
LayerPtr instantiate(BodyContext& ctx, const LayerPtr& term, const PlacePtr& place, const At& at);
LayerPtr compose(BodyContext& ctx, const Value& left, const Value& right, const At& at);
// A new description, partial or composition; null after a report if it is nested too deep.
LayerPtr finished(BodyContext& ctx, std::shared_ptr<Layer> layer, const At& at);
// A layer for a description that is applied at `where`, the same at each visit.
LayerPtr unnamed(BodyContext& ctx, const LayerPtr& description, const void* where, size_t ordinal, const At& at);
PlacePtr child(const PlacePtr& parent, const std::string& name, syntax::Owner word, SourceRange range, Frame& frame);
Value apply(BodyContext& ctx, const LayerPtr& layer, std::vector<Argument> arguments, const void* where, const At& at);

}  // namespace mtl::elaborate
