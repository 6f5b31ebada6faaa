// Value numbering: two nodes of the same op with the same operands and attributes are one. Random ops are no exception:
// their key says who they are. This is what makes two tasks share the work of a shared layer.
#include <map>
#include <tuple>

#include "compiler/ir/rebuild.h"
#include "compiler/passes/pipeline.h"

namespace mtl::passes {

ir::Graph eliminate_common(const ir::Graph& graph) {
  using Key = std::tuple<const ops::OpDef*, std::vector<ir::Value>, ir::Attrs>;
  std::map<Key, std::vector<ir::Value>> seen;
  ir::Rebuilder rebuild(graph);
  for (ir::NodeId id = 0; id < graph.nodes.size(); ++id) {
    const ir::Node& node = graph.nodes[id];
    Key key{node.op, rebuild.map_operands(id), node.attrs};
    const auto at = seen.find(key);
    if (at == seen.end()) {
      seen.emplace(std::move(key), rebuild.copy(id));
    } else {
      rebuild.replace(id, at->second);
    }
  }
  return rebuild.finish();
}

}  // namespace mtl::passes
