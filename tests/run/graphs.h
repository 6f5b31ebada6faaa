// Graphs of whole models in small, with parameters and batches, for tests that compare ways of running them.
#pragma once
#include <string>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/evaluate.h"

namespace mtl::tests {

struct TestGraph {
  ir::Graph graph;  // with outputs, "objective" among them
  std::vector<std::string> params;
  ir::HostBatch batch;
};

// Builds a TestGraph over the sample spaces "s", "s.T", "s.T.C"; leaves get values as they are made.
class Maker {
  TestGraph made_;  // `build` refers to it

 public:
  using Dims = std::vector<types::Dim>;
  Maker();
  // The same with other rows: `examples` of them, tokens of each drawn below `longest`.
  Maker(int64_t examples, int64_t longest, uint64_t seed);

  types::SpaceId s, t, c;
  ir::Builder build;

  ir::Value param(const std::string& path, Dims dims);
  ir::Value numbers(const std::string& name, types::SpaceId space, Dims dims, bool with_missing = false);
  // Ids from -2 (every so often) to below.
  ir::Value ids(const std::string& name, types::SpaceId space, int64_t below, Dims dims = {});
  ir::Value op(const std::string& name, std::vector<ir::Value> operands, ir::Attrs attrs = {}) {
    return build.must(name, std::move(operands), std::move(attrs));
  }
  std::vector<ir::Value> all(const std::string& name, std::vector<ir::Value> operands, ir::Attrs attrs = {});
  ir::Value segment_sum(ir::Value x, types::SpaceId to) { return op("segment_sum", {x}, {{"to", ir::SpaceRef{to}}}); }
  ir::Value mean_pool(ir::Value x);  // over the rows of each segment of its space
  ir::Value affine(const std::string& path, ir::Value x, int64_t in, int64_t out);
  // Mean over labelled rows of -log softmax(scores)[target].
  ir::Value cross_entropy(ir::Value scores, ir::Value target);
  ir::Value layer_norm(const std::string& path, ir::Value x, int64_t width);
  void output(const std::string& name, ir::Value value) { made_.graph.outputs.push_back({name, value}); }

  // With gradients of all parameters if `gradients`, through the whole pass pipeline.
  TestGraph finish(bool gradients);
  TestGraph& made() { return made_; }

 private:
  double next();  // in [0, 1)
  uint64_t counter_ = 0;
  uint64_t seed_ = 1;
};

struct NamedGraph {
  std::string name;
  TestGraph graph;
};
// Softmax heads with masks, pooling, layer norm and residual, attention, convolution over characters, fixed spaces, ...
std::vector<NamedGraph> model_graphs();
// Any well-typed graph of elementwise, reducing, reshaping and row ops.
TestGraph random_graph(uint64_t seed);
// The speed workload `bow`: embedding -> linear -> relu -> sentence head and token head.
TestGraph bow_graph(int64_t examples, int64_t longest, int64_t words, int64_t width, int64_t hidden);

}  // namespace mtl::tests
