// What must hold of every graph, whoever made it: operands come before their nodes, every type is what the op's shape
// rule gives, spaces exist, outputs name values and have names of their own.
#pragma once
#include <optional>
#include <string>

#include "compiler/ir/graph.h"

namespace mtl::ir {

// The first thing that is wrong, with the node's text; nullopt: nothing.
std::optional<std::string> verify(const Graph& graph);

}  // namespace mtl::ir
