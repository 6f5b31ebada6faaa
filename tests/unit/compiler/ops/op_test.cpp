// For every op of ops.def and every sample of it: the gradient graph against central differences of the reference
// evaluation, the text form, and the counts that OpDef states.
#include <catch2/catch.hpp>
#include <cmath>

#include "compiler/ir/print.h"
#include "compiler/ir/read.h"
#include "compiler/ir/verify.h"
#include "compiler/passes/pipeline.h"
#include "tests/unit/compiler/ops/sample_graph.h"

using namespace mtl;

namespace {

template <class F>
void for_each_sample(F test) {
  const types::Spaces spaces = ops::sample_spaces();
  for (const ops::OpDef* op : ops::all_ops()) {
    const std::vector<ops::Sample> samples = op->samples.get()(spaces);
    INFO("op " << op->name);
    CHECK_FALSE(samples.empty());
    for (size_t i = 0; i < samples.size(); ++i) {
      INFO("sample " << i);
      test(*op, samples[i]);
    }
  }
}

double objective(const test::SampleGraph& made) {
  return ir::evaluate(made.graph, made.batch).at("objective").values[0];
}

// (f(x + h) - f(x - h)) / 2h has an error of order h^2, and of order 1e-16 |f| / h from rounding.
double central_difference(test::SampleGraph& made, const std::string& param, size_t i) {
  constexpr double kStep = 1e-5;
  double& x = made.batch.params[param][i];
  const double at = x;
  x = at + kStep;
  const double above = objective(made);
  x = at - kStep;
  const double below = objective(made);
  x = at;
  return (above - below) / (2 * kStep);
}

bool has_output(const ir::Graph& graph, const std::string& name) {
  for (const ir::Output& output : graph.outputs) {
    if (output.name == name) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("gradients agree with central differences") {
  int checked = 0;
  for_each_sample([&](const ops::OpDef& op, const ops::Sample& sample) {
    if (!op.gradient.get().function) {
      CHECK(op.gradient.get().none_because != nullptr);
      return;
    }
    test::SampleGraph made = test::sample_graph(op, sample);
    if (!has_output(made.graph, "objective")) return;
    const ir::Graph backward = passes::differentiate(made.graph, made.params);
    REQUIRE(ir::verify(backward) == std::nullopt);
    ir::HostBatch batch = made.batch;
    batch.spaces = ops::sample_host_spaces(backward.spaces);  // gradients may add some
    const auto values = ir::evaluate(backward, batch);
    for (const std::string& param : made.params) {
      INFO("operand " << param << " of\n" << ir::print(made.graph));
      const auto gradient = values.find("grad " + param);
      for (size_t i = 0; i < made.batch.params[param].size(); ++i) {
        const double expected = central_difference(made, param, i);
        const double actual = gradient == values.end() ? 0 : gradient->second.values[i];
        INFO("element " << i << ": gradient " << actual << ", difference " << expected);
        CHECK(std::abs(actual - expected) <= 1e-7 + 1e-6 * std::abs(expected));
        ++checked;
      }
    }
  });
  CHECK(checked > 1000);
}

TEST_CASE("graphs read back as they were printed") {
  for_each_sample([](const ops::OpDef& op, const ops::Sample& sample) {
    test::SampleGraph made = test::sample_graph(op, sample);
    REQUIRE(ir::verify(made.graph) == std::nullopt);
    const std::string text = ir::print(made.graph);
    INFO(text);
    const auto read = ir::read(text);
    if (!read) FAIL(read.error().line << ": " << read.error().message);
    CHECK(ir::print(*read) == text);
    CHECK(read->spaces == made.graph.spaces);
    REQUIRE(read->nodes.size() == made.graph.nodes.size());
    for (size_t i = 0; i < read->nodes.size(); ++i) {
      CHECK(read->nodes[i].op == made.graph.nodes[i].op);
      CHECK(read->nodes[i].operands == made.graph.nodes[i].operands);
      CHECK(read->nodes[i].attrs == made.graph.nodes[i].attrs);
      CHECK(read->nodes[i].types == made.graph.nodes[i].types);
    }
  });
}

TEST_CASE("every op is as wide as it says and has words of its own") {
  for_each_sample([](const ops::OpDef& op, const ops::Sample& sample) {
    CHECK(ops::find_op(op.name) == &op);
    CHECK(std::string_view(op.doc).size() >= 3);
    if (op.operands >= 0) CHECK(static_cast<size_t>(op.operands) == sample.operands.size());
    const test::SampleGraph made = test::sample_graph(op, sample);
    size_t results = 0;
    while (has_output(made.graph, "result " + std::to_string(results))) ++results;
    if (op.results >= 0) CHECK(static_cast<size_t>(op.results) == results);
  });
  CHECK(ops::find_op("no_such_op") == nullptr);
}
