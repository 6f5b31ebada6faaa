// Primitives that make layers or parameters: all others are of tensors alone (tensors/primitives.h).
#pragma once
#include <map>
#include <string_view>

#include "compiler/elaborate/bodies/context.h"
#include "compiler/elaborate/tensors/primitives.h"

namespace mtl::elaborate {

struct LayerPrimitives {
  using Run = Value (*)(BodyContext&, PrimitiveCall&);
  using Table = std::map<std::string_view, Run>;
  static Run find(const sema::Primitive& primitive);  // null: it is none of these

 private:
  static const Table& layers();  // layer_primitives.cpp
  static const Table& labels();  // label_primitives.cpp
  struct Layers;
  struct Labels;
};

}  // namespace mtl::elaborate
