// The primitive operations of the language: names, arguments and what they compute, one row each (primitives.cpp).
// The name checks here and elaborate, which gives them their meaning, read the same table, and `mtlc doc` prints it.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/sema/entries.h"

namespace mtl::sema {

struct Primitive : Entry {
  std::string_view parameters;  // "x, over?, per?": in order; one with `?` may be left out
  std::string_view shape;       // of the result
  bool variadic = false;        // any number of inputs in front of the attributes, which are named
  bool in_ops = false;          // written ops.lstm
};

std::span<const Primitive> primitives();
const Primitive* find_primitive(std::string_view name, bool in_ops = false);
// {"x", "over", "per"} without the question marks.
std::vector<std::string> parameter_names(const Primitive& primitive);

}  // namespace mtl::sema
