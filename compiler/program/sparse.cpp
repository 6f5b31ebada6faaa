// Recognizes gradients of tables that are sums of rows.
#include "compiler/program/sparse.h"

#include <set>
#include <string_view>

#include "compiler/ops/op.h"

namespace mtl::program {
namespace {

using ir::Value;

bool is_op(const Nodes& nodes, Value value, std::string_view name) {
  return nodes.node(value.node).op->name == name;
}

// The summands of a tree of additions.
bool collect(const Nodes& nodes, Value gradient, std::vector<SparseRows>& parts) {
  const Value value = nodes.root(gradient);
  const ir::Node& node = nodes.node(value.node);
  if (is_op(nodes, value, "add")) {
    return collect(nodes, node.operands[0], parts) && collect(nodes, node.operands[1], parts);
  }
  if (!is_op(nodes, value, "scatter_rows") || !is_op(nodes, nodes.root(node.operands[0]), "input")) return false;
  parts.push_back({node.operands[0], node.operands[1]});
  return true;
}

}  // namespace

std::vector<SparseRows> find_sparse_gradient(const Nodes& nodes, const std::string& path, Value gradient) {
  std::vector<SparseRows> parts;
  if (!collect(nodes, gradient, parts)) return {};
  std::set<Value> ids;
  for (const SparseRows& part : parts) ids.insert(nodes.root(part.ids));
  for (ir::NodeId id = 0; id < nodes.graph().nodes.size(); ++id) {
    const ir::Node& param = nodes.node(id);
    if (param.op->name != std::string_view("param") || std::get<std::string>(param.attrs.at("path")) != path) continue;
    for (ir::NodeId user : nodes.users(id)) {
      const ir::Node& reader = nodes.node(user);
      if (reader.op->name != std::string_view("gather") || nodes.root(reader.operands[0]).node != id) return {};
      if (ids.count(nodes.root(reader.operands[1])) == 0) return {};
    }
    for (const ir::Output& output : nodes.graph().outputs) {
      if (nodes.root(output.value).node == id) return {};
    }
  }
  return parts;
}

}  // namespace mtl::program
