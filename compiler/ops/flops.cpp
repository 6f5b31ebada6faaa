// See flops.h.
#include "compiler/ops/flops.h"

#include "compiler/ops/op.h"

namespace mtl::ops {

Dim FlopsContext::rows(SpaceId space) const {
  Dim rows = 1;
  for (; space != types::kUniform && spaces[space].parent != types::kUniform; space = spaces[space].parent)
    rows = rows * spaces.length_of(space);
  return rows;
}

types::Dim flops(const ir::Graph& graph, const std::vector<ir::Value>& values) {
  std::vector<char> needed(graph.nodes.size(), 0);
  std::vector<ir::NodeId> open;
  const auto push = [&](ir::Value value) {
    if (needed[value.node]) return;
    needed[value.node] = 1;
    open.push_back(value.node);
  };
  for (const ir::Value& value : values) push(value);
  types::Dim total = 0;
  while (!open.empty()) {
    const ir::Node& node = graph.nodes[open.back()];
    open.pop_back();
    for (const ir::Value& operand : node.operands) push(operand);
    if (!node.op->flops) continue;
    std::vector<Type> operands;
    for (const ir::Value& operand : node.operands) operands.push_back(graph.type(operand));
    total = total + node.op->flops({operands, node.types, node.attrs, graph.spaces});
  }
  return total;
}

}  // namespace mtl::ops
