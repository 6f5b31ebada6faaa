// Drops the nodes that no output needs, and, for select_outputs, the outputs that nobody asked for.
#include <algorithm>

#include "compiler/ir/rebuild.h"
#include "compiler/passes/pipeline.h"

namespace mtl::passes {

ir::Graph eliminate_dead(const ir::Graph& graph) {
  std::vector<bool> is_needed(graph.nodes.size(), false);
  for (const ir::Output& output : graph.outputs) is_needed[output.value.node] = true;
  for (ir::NodeId id = static_cast<ir::NodeId>(graph.nodes.size()); id-- > 0;) {
    if (!is_needed[id]) continue;
    for (const ir::Value operand : graph.nodes[id].operands) is_needed[operand.node] = true;
  }
  ir::Rebuilder rebuild(graph);
  for (ir::NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (is_needed[id]) rebuild.copy(id);
  }
  return rebuild.finish();
}

ir::Graph select_outputs(const ir::Graph& graph, const std::vector<std::string>& outputs) {
  ir::Graph selected = graph;
  selected.outputs.clear();
  for (const std::string& name : outputs) {
    const bool is_doubled = std::any_of(selected.outputs.begin(), selected.outputs.end(),
                                        [&](const ir::Output& output) { return output.name == name; });
    if (!is_doubled) selected.outputs.push_back({name, graph.output(name)});
  }
  return eliminate_dead(selected);
}

}  // namespace mtl::passes
