// The names of the primitive operations of the language (language.md, section 4) and of their arguments: one table,
// primitives.def, shared by the name checks here and by elaborate, which gives them their meaning.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::sema {

struct Primitive {
  std::string_view name;
  std::string_view parameters;  // "x, over?, per?"
  bool variadic = false;        // any number of inputs; attributes are named
  bool in_ops = false;          // ops.lstm
  bool supported = true;
};

std::span<const Primitive> primitives();
const Primitive* find_primitive(std::string_view name, bool in_ops = false);
// {"x", "over", "per"} without the question marks.
std::vector<std::string> parameter_names(const Primitive& primitive);

}  // namespace mtl::sema
