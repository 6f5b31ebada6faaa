// See verify.h.
#include "compiler/ir/verify.h"

#include <set>

#include "compiler/ir/print.h"
#include "compiler/ops/op.h"

namespace mtl::ir {
namespace {

bool exists(const Graph& graph, Value value, size_t before) {
  return value.node < before && value.result < graph.nodes[value.node].types.size();
}

std::optional<std::string> verify_node(const Graph& graph, NodeId id, types::Spaces& spaces) {
  const Node& node = graph.nodes[id];
  const std::string name = "node %" + std::to_string(id);
  if (!node.op) return name + " has no op";
  if (node.op->operands >= 0 && static_cast<size_t>(node.op->operands) != node.operands.size()) {
    return name + " (" + node.op->name + ") has a wrong number of operands";
  }
  std::vector<Type> operands;
  for (const Value operand : node.operands) {
    if (!exists(graph, operand, id)) return name + " uses a value that does not come before it";
    operands.push_back(graph.type(operand));
  }
  for (const Type& type : node.types) {
    if (type.space >= graph.spaces.size()) return name + " has a space that does not exist";
  }
  for (const auto& [key, attr] : node.attrs) {
    const SpaceRef* space = std::get_if<SpaceRef>(&attr);
    if (space && space->id >= graph.spaces.size()) return name + " names a space that does not exist";
  }
  const ops::InferResult inferred = node.op->infer.get()({operands, node.attrs, spaces});
  if (!inferred) return print(graph, id) + ": " + inferred.error().message;
  if (*inferred != node.types) return print(graph, id) + ": the shape rule gives another type";
  if (node.op->results >= 0 && static_cast<size_t>(node.op->results) != node.types.size()) {
    return print(graph, id) + ": wrong number of results";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> verify(const Graph& graph) {
  types::Spaces spaces = graph.spaces;
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (auto problem = verify_node(graph, id, spaces)) return problem;
  }
  if (spaces.size() != graph.spaces.size()) return "a node's space is missing from the graph";
  std::set<std::string> names;
  for (const Output& output : graph.outputs) {
    if (!exists(graph, output.value, graph.nodes.size())) return "output `" + output.name + "` names no value";
    if (!names.insert(output.name).second) return "output `" + output.name + "` is there twice";
  }
  return std::nullopt;
}

}  // namespace mtl::ir
