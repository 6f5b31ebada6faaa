// A graph around one sample of one op: its operands as leaves, its results as outputs, an objective that weighs the
// first result, and a batch to run it on. Row operands that want a gradient are rows of a parameter (row r of the batch
// is row r of the table), so that gradients of rows can be told from parameters too.
#pragma once
#include <string>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/evaluate.h"
#include "compiler/ops/evaluate_util.h"
#include "compiler/ops/sample.h"

namespace mtl::test {

struct SampleGraph {
  ir::Graph graph;
  ir::HostBatch batch;
  std::vector<std::string> params;  // of operands that a gradient can be checked for
};

inline ir::Value add_operand(SampleGraph& made, const ops::Sample& sample, size_t i) {
  ir::Builder build(made.graph);
  const types::Type& type = sample.operands[i];
  const ops::Domain domain = ops::domain_of(sample, i);
  const std::string name = "x" + std::to_string(i);
  const ops::HostTensor values = ops::sample_tensor(type, domain, made.batch.spaces, 100 + i);
  if (type.dtype != types::DType::f32 || domain.constant) {
    made.batch.inputs[name] = values.values;
    return build.input(name, type);
  }
  made.batch.params[name] = values.values;
  made.params.push_back(name);
  if (type.space == types::kUniform) return build.param(name, type.dims);
  std::vector<types::Dim> dims = type.dims;
  const int64_t rows = made.batch.spaces[type.space].rows;
  dims.insert(dims.begin(), rows);
  const std::string ids = "rows" + std::to_string(type.space);
  made.batch.inputs[ids].resize(rows);
  for (int64_t row = 0; row < rows; ++row) made.batch.inputs[ids][row] = static_cast<double>(row);
  return build.must("gather", {build.param(name, dims), build.input(ids, ops::i32(type.space))});
}

inline SampleGraph sample_graph(const ops::OpDef& op, const ops::Sample& sample) {
  SampleGraph made;
  made.graph.spaces = ops::sample_spaces();
  made.batch.spaces = ops::sample_host_spaces(made.graph.spaces);
  made.batch.scalars["progress"] = 0.25;
  made.batch.seed = 7;
  made.batch.step = 3;
  std::vector<ir::Value> operands;
  for (size_t i = 0; i < sample.operands.size(); ++i) operands.push_back(add_operand(made, sample, i));
  ir::Builder build(made.graph);
  const auto results = build.make(op.name, operands, sample.attrs);
  MTL_CHECK(results, std::string(op.name) + ": " + results.error().message);
  // A shape rule may have added fixed spaces.
  made.batch.spaces = ops::sample_host_spaces(made.graph.spaces);
  const ir::Node node = made.graph.nodes[results->front().node];
  if (std::string_view(op.name) == "input" || std::string_view(op.name) == "param" ||
      std::string_view(op.name) == "state") {
    const bool is_input = std::string_view(op.name) == "input";
    auto& values = is_input ? made.batch.inputs : made.batch.params;
    const ops::Domain domain{
        node.types[0].dtype == types::DType::i32 ? ops::Domain::Kind::ids : ops::Domain::Kind::normal, 3};
    values[ops::attr_text(node.attrs, is_input ? "name" : "path")] =
        ops::sample_tensor(node.types[0], domain, made.batch.spaces, 5).values;
  }
  for (const ir::Value result : *results) {
    made.graph.outputs.push_back({"result " + std::to_string(result.result), result});
  }
  const ir::Value first = results->front();
  const types::Type type = build.type(first);
  if (type.dtype == types::DType::f32) {
    made.batch.inputs["weights"] = ops::sample_tensor(type, {}, made.batch.spaces, 50).values;
    const ir::Value weighed = build.mul(first, build.input("weights", type));
    made.graph.outputs.push_back({"objective", build.sum_to(weighed, types::Type{})});
  }
  return made;
}

}  // namespace mtl::test
