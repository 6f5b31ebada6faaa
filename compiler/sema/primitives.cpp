// The table of primitives; see primitives.def.
#include "compiler/sema/primitives.h"

#include <array>

namespace mtl::sema {
namespace {

constexpr Primitive kPrimitives[] = {
#define MTL_PRIMITIVE(name, parameters, variadic, in_ops, supported) \
  {#name, parameters, variadic != 0, in_ops != 0, supported != 0},
#include "compiler/sema/primitives.def"
#undef MTL_PRIMITIVE
};

}  // namespace

std::span<const Primitive> primitives() {
  return kPrimitives;
}

const Primitive* find_primitive(std::string_view name, bool in_ops) {
  for (const Primitive& primitive : kPrimitives) {
    if (primitive.name == name && primitive.in_ops == in_ops) return &primitive;
  }
  return nullptr;
}

std::vector<std::string> parameter_names(const Primitive& primitive) {
  std::vector<std::string> names;
  std::string name;
  for (const char letter : primitive.parameters) {
    if (letter == ',') {
      names.push_back(std::move(name));
      name.clear();
    } else if (letter != ' ' && letter != '?') {
      name += letter;
    }
  }
  names.push_back(std::move(name));
  return names;
}

}  // namespace mtl::sema
