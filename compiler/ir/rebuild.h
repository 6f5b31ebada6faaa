// How a pass copies a graph: walk the old nodes in order, copy those to keep, give others another value. Operands are
// renamed on the way. Types are inferred again by the Builder, so a pass cannot keep a type that is no longer true.
//
//   Rebuilder rebuild(old);
//   for (NodeId id = 0; id < old.nodes.size(); ++id) rebuild.copy(id);
//   return rebuild.finish();
#pragma once
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/graph.h"

namespace mtl::ir {

class Rebuilder {
 public:
  // The new graph starts with the old one's spaces, so space ids stay what they are.
  explicit Rebuilder(const Graph& old);

  const Graph& old() const { return old_; }
  Builder& build() { return builder_; }
  const Graph& graph() const { return graph_; }

  // The new value of an old one; invalid if it was neither copied nor replaced.
  Value map(Value value) const { return results_[value.node][value.result]; }
  std::vector<Value> map_operands(NodeId id) const;
  bool has(NodeId id) const { return !results_[id].empty() && results_[id][0].valid(); }

  // Copies old node `id` with its operands renamed; returns its new results.
  const std::vector<Value>& copy(NodeId id);
  // From now on old node `id` stands for these values (in the new graph).
  void replace(NodeId id, std::vector<Value> values) { results_[id] = std::move(values); }
  // Marks new nodes with the range of old node `id`.
  void at(NodeId id) { builder_.set_range(old_.nodes[id].range); }

  // Renames the old outputs and hands the new graph over.
  Graph finish();

 private:
  const Graph& old_;
  Graph graph_;
  Builder builder_;
  std::vector<std::vector<Value>> results_;
};

}  // namespace mtl::ir
