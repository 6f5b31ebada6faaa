// See evaluate.h.
#include "compiler/ir/evaluate.h"

#include "compiler/ops/attrs.h"
#include "compiler/ops/evaluate_util.h"
#include "support/base/check.h"

namespace mtl::ir {
namespace {

const std::vector<double>* leaf_values(const Node& node, const HostBatch& batch) {
  const std::string_view op = node.op->name;
  const bool is_input = op == "input";
  if (!is_input && op != "param" && op != "state") return nullptr;
  const std::string& name = ops::attr_text(node.attrs, is_input ? "name" : "path");
  const auto& values = is_input ? batch.inputs : batch.params;
  const auto at = values.find(name);
  MTL_CHECK(at != values.end(), "no values for `" + name + "`");
  return &at->second;
}

}  // namespace

std::map<std::string, ops::HostTensor> evaluate(const Graph& graph, const HostBatch& batch) {
  MTL_CHECK(batch.spaces.size() >= graph.spaces.size(), "a space of the graph has no rows");
  std::vector<std::vector<ops::HostTensor>> values(graph.nodes.size());
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    std::vector<const ops::HostTensor*> operands;
    for (const Value operand : node.operands) operands.push_back(&values[operand.node][operand.result]);
    std::vector<ops::HostTensor*> results;
    values[id].resize(node.types.size());
    for (size_t i = 0; i < node.types.size(); ++i) {
      ops::HostTensor& result = values[id][i];
      result.type = node.types[i];
      result.values.resize(batch.spaces[result.type.space].rows * ops::element_count(result.type));
      results.push_back(&result);
    }
    if (const std::vector<double>* leaf = leaf_values(node, batch)) {
      MTL_CHECK(leaf->size() == results[0]->values.size(), "a leaf has values of another size");
      results[0]->values = *leaf;
    }
    ops::EvaluateContext context{operands,     results,    node.attrs, graph.spaces,
                                 batch.spaces, batch.seed, batch.step, batch.scalars};
    node.op->evaluate.get()(context);
  }
  std::map<std::string, ops::HostTensor> outputs;
  for (const Output& output : graph.outputs) outputs[output.name] = values[output.value.node][output.value.result];
  return outputs;
}

}  // namespace mtl::ir
