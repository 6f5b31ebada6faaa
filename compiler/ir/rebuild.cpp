// See rebuild.h.
#include "compiler/ir/rebuild.h"

#include "compiler/ops/op.h"
#include "support/base/check.h"

namespace mtl::ir {

Rebuilder::Rebuilder(const Graph& old) : old_(old), builder_(graph_), results_(old.nodes.size()) {
  graph_.spaces = old.spaces;
  for (size_t i = 0; i < results_.size(); ++i) results_[i].resize(old.nodes[i].types.size());
}

std::vector<Value> Rebuilder::map_operands(NodeId id) const {
  std::vector<Value> operands;
  for (const Value operand : old_.nodes[id].operands) {
    operands.push_back(map(operand));
    MTL_CHECK(operands.back().valid(), "a pass copied a node before its operands");
  }
  return operands;
}

const std::vector<Value>& Rebuilder::copy(NodeId id) {
  const Node& node = old_.nodes[id];
  at(id);
  auto made = builder_.make(node.op->name, map_operands(id), node.attrs);
  MTL_CHECK(made, std::string("a pass gave `") + node.op->name + "` other shapes: " + made.error().message);
  results_[id] = std::move(*made);
  return results_[id];
}

Graph Rebuilder::finish() {
  for (const Output& output : old_.outputs) {
    const Value value = map(output.value);
    MTL_CHECK(value.valid(), "a pass dropped output `" + output.name + "`");
    graph_.outputs.push_back({output.name, value});
  }
  return std::move(graph_);
}

}  // namespace mtl::ir
