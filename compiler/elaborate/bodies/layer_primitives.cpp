// Primitives whose arguments or results are layers.
#include "compiler/elaborate/bodies/layer_primitives.h"

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/primitives.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

struct LayerPrimitives::Layers {
  // The same parameters, other random numbers. Stream 0 is the layer's own.
  static Value resample(BodyContext& ctx, Call& c) {
    LayerPtr layer = as_layer(ctx, *c.find("layer"), c.at_argument("layer"));
    auto stream = elaborate::integer(ctx, *c.find("stream"), c.at_argument("stream"), "a stream");
    if (!layer || !stream) return Value{};
    return Value{with_stream(layer, *stream == 0 ? "" : "~" + std::to_string(*stream)), c.at.range};
  }
  static Value chain(BodyContext& ctx, Call& c) {
    auto listed = items(ctx, *c.find("layers"), c.at_argument("layers"));
    if (!listed) return Value{};
    auto layer = std::make_shared<Layer>();
    layer->kind = Layer::Kind::composition;
    layer->range = c.at.range;
    for (const Value& item : *listed) {
      LayerPtr part = as_layer(ctx, item, c.at);
      if (!part) return Value{};
      layer->parts.push_back(std::move(part));
    }
    LayerPtr made = finished(ctx, std::move(layer), c.at);
    return made ? Value{made, c.at.range} : Value{};
  }
};

const LayerPrimitives::Table& LayerPrimitives::layers() {
  static const Table table = {
      {"chain", Layers::chain}, {"resample", Layers::resample}, {"across", across}, {"weights", weights}};
  return table;
}

LayerPrimitives::Run LayerPrimitives::find(const sema::Primitive& primitive) {
  for (const Table* table : {&layers(), &labels()}) {
    if (auto it = table->find(table_key(primitive)); it != table->end()) return it->second;
  }
  return nullptr;
}

}  // namespace mtl::elaborate
