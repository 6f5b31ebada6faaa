// What the values of a graph cost for one example.
#pragma once
#include <vector>

#include "compiler/ir/graph.h"

namespace mtl::ops {

// Of all nodes that `values` need; see FlopsContext. Its atoms are ragged dimensions, "T", and sizes of the data.
types::Dim flops(const ir::Graph& graph, const std::vector<ir::Value>& values);

}  // namespace mtl::ops
