// What every pass must hold on the graph of every sample of every op (with its gradient): the values stay.
#include <catch2/catch.hpp>
#include <cmath>

#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "compiler/passes/pipeline.h"
#include "tests/unit/compiler/ops/sample_graph.h"

using namespace mtl;

namespace {

void check_same_values(const ir::Graph& before, const ir::Graph& after, const ir::HostBatch& batch) {
  INFO(ir::print(before) << "became\n" << ir::print(after));
  REQUIRE(ir::verify(after) == std::nullopt);
  const auto expected = ir::evaluate(before, batch), actual = ir::evaluate(after, batch);
  REQUIRE(actual.size() == expected.size());
  for (const auto& [name, tensor] : expected) {
    const ops::HostTensor& other = actual.at(name);
    REQUIRE(other.values.size() == tensor.values.size());
    CHECK(other.type == tensor.type);
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      const double a = tensor.values[i], b = other.values[i];
      INFO(name << "[" << i << "]: " << a << " became " << b);
      CHECK(((std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-10 * (1 + std::abs(a))));
    }
  }
}

ir::Graph with_gradients(const test::SampleGraph& made) {
  for (const ir::Output& output : made.graph.outputs) {
    if (output.name == "objective") return passes::differentiate(made.graph, made.params);
  }
  return made.graph;
}

}  // namespace

TEST_CASE("passes keep what graphs compute") {
  for (const ops::OpDef* op : ops::all_ops()) {
    INFO("op " << op->name);
    for (const ops::Sample& sample : op->samples.get()(ops::sample_spaces())) {
      test::SampleGraph made = test::sample_graph(*op, sample);
      const ir::Graph graph = with_gradients(made);
      made.batch.spaces = ops::sample_host_spaces(graph.spaces);  // gradients may add some
      check_same_values(graph, passes::canonicalize(graph), made.batch);
      check_same_values(graph, passes::eliminate_common(graph), made.batch);
      check_same_values(graph, passes::eliminate_dead(graph), made.batch);
      std::vector<std::string> outputs;
      for (const ir::Output& output : graph.outputs) outputs.push_back(output.name);
      const ir::Graph piped = passes::run_pipeline(graph, outputs, {}, {});
      check_same_values(graph, piped, made.batch);
      CHECK(piped.nodes.size() <= graph.nodes.size());
    }
  }
}
