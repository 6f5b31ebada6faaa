// Which nodes of a graph become one step of the program.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/program/row_code.h"

namespace mtl::program {

// The graph as lowering sees it: aliases resolved, row ops as code.
class Nodes {
 public:
  Nodes(const ir::Graph& graph, std::vector<std::string>& scalars);
  const ir::Graph& graph() const { return graph_; }
  const ir::Node& node(ir::NodeId id) const { return graph_.nodes[id]; }
  bool is_row(ir::NodeId id) const { return code_[id].has_value(); }
  bool is_call(ir::NodeId id) const;
  bool is_leaf(ir::NodeId id) const;
  bool is_alias(ir::NodeId id) const;
  const RowCode& code(ir::NodeId id) const { return *code_[id]; }
  // Code without operands, cheaper to repeat than to store: constants, positions, step scalars.
  bool is_free(ir::NodeId id) const;
  // In memory whatever fusion decides: it comes from outside, from a call or a reduction over rows, or a call reads it.
  bool is_stored(ir::Value value) const;
  // Cheaper to compute again from what is_stored() than to store and load: a mask of an activation, of a column.
  bool is_repeatable(ir::NodeId id, int depth = 0) const;
  // The value whose memory this one is: through all aliases.
  ir::Value root(ir::Value value) const;
  // Through the aliases that stay in the space: the same row under another shape.
  ir::Value row_root(ir::Value value) const;
  // Nodes whose operands (through aliases) are results of `id`.
  const std::vector<ir::NodeId>& users(ir::NodeId id) const { return users_[id]; }

 private:
  const ir::Graph& graph_;
  std::vector<std::optional<RowCode>> code_;
  std::vector<std::vector<ir::NodeId>> users_;
};

struct Group {
  std::vector<ir::NodeId> nodes;  // in order; of one form, space and target
  // Nodes that a reduction over rows computes for itself, beside or instead of reading what they store.
  std::vector<ir::NodeId> pulled;
};

// Outputs by name -> the part of the program that they belong to.
using Parts = std::map<std::string, int>;

// Every row and call node in exactly one group, the groups in an order in which they can run. Nodes that different
// parts need stay apart.
std::vector<Group> make_groups(const Nodes& nodes, bool fuse, const Parts& parts);

}  // namespace mtl::program
