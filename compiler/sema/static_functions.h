// Functions of static values and initializers of parameters: one row each. See statics.h, which computes them.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "compiler/sema/entries.h"
#include "compiler/sema/statics.h"

namespace mtl::sema {

struct StaticFunction : Entry {
  std::vector<const char*> parameters;
  size_t required = 0;  // those behind may be left out
  std::optional<Initializer::Kind> initializer;
};

std::span<const StaticFunction> static_functions();

}  // namespace mtl::sema
