// Finds what depends on parameters alone, computes it once, and puts the results in its place.
#include "compiler/passes/freeze.h"

#include <algorithm>
#include <set>

#include "compiler/ir/evaluate.h"
#include "compiler/ir/rebuild.h"
#include "compiler/ops/attrs.h"
#include "compiler/ops/evaluate_util.h"
#include "compiler/passes/pipeline.h"
#include "support/base/check.h"

namespace mtl::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

namespace {

bool is_weight(const Node& node) {
  const std::string_view op = node.op->name;
  return op == "param" || op == "state";
}

// Leaves of the batch and of the step, and random numbers, which have a key.
bool varies(const Node& node) {
  const std::string_view op = node.op->name;
  return op == "input" || op == "scalar" || node.attrs.count("key") > 0 ||
         std::any_of(node.types.begin(), node.types.end(), [](const auto& t) { return t.space != types::kUniform; });
}

bool is_free(const Node& node) {  // costs nothing in a step
  const auto kind = node.op->lower.get().kind;
  return kind == ops::Lowering::Kind::leaf || kind == ops::Lowering::Kind::alias;
}

}  // namespace

Freezer::Freezer(Weights weights, int64_t budget) : weights_(std::move(weights)), budget_(budget) {}

Freezer::Fixed Freezer::find_fixed(const Graph& graph) {
  Fixed fixed{std::vector<size_t>(graph.nodes.size()), std::vector<std::string>(graph.nodes.size())};
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    if (varies(node)) continue;
    std::vector<std::pair<size_t, uint32_t>> operands;
    for (const Value operand : node.operands) {
      operands.emplace_back(fixed.number[operand.node], operand.result);
      if (fixed.source[id].empty()) fixed.source[id] = fixed.source[operand.node];
    }
    if (std::any_of(operands.begin(), operands.end(), [](const auto& o) { return o.first == 0; })) continue;
    if (is_weight(node)) fixed.source[id] = ops::attr_text(node.attrs, "path");
    Key key{node.op, std::move(operands), node.attrs};
    fixed.number[id] = numbers_.try_emplace(std::move(key), numbers_.size() + 1).first->second;
  }
  return fixed;
}

// The row of id -1 is zeros, and the product of zeros is zeros, so nothing is added to the table with the product.
Graph Freezer::move_products(const Graph& graph, const Fixed& fixed) {
  ir::Rebuilder rebuild(graph);
  int64_t budget = budget_;
  std::set<std::pair<size_t, size_t>> moved;  // table and weight: counted once
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    const Node* gather = node.op->name == std::string_view("linear") ? &graph.node(node.operands[0]) : nullptr;
    if (gather == nullptr || gather->op->name != std::string_view("gather") || gather->types[0].rank() == 0 ||
        fixed.number[gather->operands[0].node] == 0 || fixed.number[node.operands[1].node] == 0) {
      rebuild.copy(id);
      continue;
    }
    const types::Type& table = graph.type(gather->operands[0]);
    const int64_t size = ops::element_count(table) / table.dims.back().value() * node.types[0].dims.back().value();
    const std::pair key(fixed.number[gather->operands[0].node], fixed.number[node.operands[1].node]);
    if (table.rank() < 2 || (moved.count(key) == 0 && size > budget)) {
      rebuild.copy(id);
      continue;
    }
    if (moved.insert(key).second) budget -= size;
    rebuild.at(id);
    const Value product =
        rebuild.build().must("linear", {rebuild.map(gather->operands[0]), rebuild.map(node.operands[1])}, node.attrs);
    rebuild.replace(id, {rebuild.build().must("gather", {product, rebuild.map(gather->operands[1])})});
  }
  return rebuild.finish();
}

// Fixed numbers that something else reads, if it takes work to make them.
std::vector<Value> Freezer::find_wanted(const Graph& graph, const Fixed& fixed) {
  std::set<Value> wanted;
  const auto want = [&](Value value) {
    NodeId id = value.node;
    while (graph.nodes[id].op->lower.get().kind == ops::Lowering::Kind::alias) id = graph.nodes[id].operands[0].node;
    if (fixed.number[id] == 0 || fixed.source[id].empty() || is_free(graph.nodes[id])) return;
    if (graph.type(value).dtype == types::DType::f32) wanted.insert(value);
  };
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    if (fixed.number[id] != 0) continue;
    for (const Value operand : graph.nodes[id].operands) want(operand);
  }
  for (const ir::Output& output : graph.outputs) want(output.value);
  std::vector<Value> fitting;
  for (const Value value : wanted) {
    const bool known = paths_.count({fixed.number[value.node], value.result}) > 0;
    const int64_t size = ops::element_count(graph.type(value));
    if (!known && size > budget_) continue;
    if (!known) budget_ -= size;
    fitting.push_back(value);
  }
  return fitting;
}

std::string Freezer::new_path(const std::string& source) const {
  const std::string path = "frozen." + source;
  if (params_.count(path) == 0) return path;
  for (int i = 2;; ++i) {
    const std::string numbered = path + "_" + std::to_string(i);
    if (params_.count(numbered) == 0) return numbered;
  }
}

void Freezer::compute(const Graph& graph, const Fixed& fixed, const std::vector<Value>& wanted) {
  Graph part = graph;
  part.outputs.clear();
  for (const Value value : wanted) {
    const std::pair key(fixed.number[value.node], value.result);
    if (paths_.count(key) > 0) continue;
    const std::string path = new_path(fixed.source[value.node]);
    paths_[key] = path;
    FrozenParam& param = params_[path];
    for (const types::Dim& dim : graph.type(value).dims) param.dims.push_back(dim.value());
    param.range = graph.node(value).range;
    part.outputs.push_back({path, value});
  }
  if (part.outputs.empty()) return;
  part = eliminate_dead(part);
  ir::HostBatch batch;
  batch.spaces.resize(part.spaces.size());
  for (const Node& node : part.nodes) {
    if (!is_weight(node)) continue;
    const std::string& path = ops::attr_text(node.attrs, "path");
    const std::span<const float> values = weights_(path);
    batch.params[path].assign(values.begin(), values.end());
  }
  for (const auto& [path, tensor] : ir::evaluate(part, batch))
    params_[path].values.assign(tensor.values.begin(), tensor.values.end());
}

Graph Freezer::run(const Graph& given) {
  const Graph graph = eliminate_dead(move_products(given, find_fixed(given)));
  const Fixed fixed = find_fixed(graph);
  const std::vector<Value> wanted = find_wanted(graph, fixed);
  compute(graph, fixed, wanted);
  ir::Rebuilder rebuild(graph);
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    std::vector<Value> results = rebuild.copy(id);
    for (const Value value : wanted) {
      if (value.node == id)
        results[value.result] =
            rebuild.build().param(paths_.at({fixed.number[id], value.result}), graph.type(value).dims);
    }
    rebuild.replace(id, std::move(results));
  }
  return eliminate_dead(eliminate_common(rebuild.finish()));
}

}  // namespace mtl::passes
