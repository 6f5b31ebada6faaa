// Freezing keeps what graphs compute, on the graph of every sample of every op, and moves what it says it moves.
#include "compiler/passes/freeze.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "compiler/ir/print.h"
#include "compiler/ir/read.h"
#include "compiler/ir/verify.h"
#include "tests/unit/compiler/ops/sample_graph.h"

using namespace mtl;

namespace {

constexpr int64_t kPlenty = 1 << 20;

// Weights as floats, and the same in double for the interpreter.
struct Weights {
  std::map<std::string, std::vector<float>> floats;
  passes::Freezer::Weights lookup() const {
    return [this](const std::string& path) { return std::span<const float>(floats.at(path)); };
  }
};
Weights as_floats(ir::HostBatch& batch) {
  Weights weights;
  for (auto& [path, values] : batch.params) {
    weights.floats[path].assign(values.begin(), values.end());
    values.assign(weights.floats[path].begin(), weights.floats[path].end());
  }
  return weights;
}
void add_frozen(const passes::Freezer& freezer, ir::HostBatch& batch) {
  for (const auto& [path, param] : freezer.params())
    batch.params[path].assign(param.values.begin(), param.values.end());
}

ir::Graph read(const std::string& text) {
  auto graph = ir::read(text);
  REQUIRE(graph);
  return *graph;
}
size_t count(const ir::Graph& graph, std::string_view op) {
  size_t n = 0;
  for (const ir::Node& node : graph.nodes) n += node.op->name == op;
  return n;
}

const char* const kSentence = R"(
space s
space s.T
%0 = input {dims = [], dtype = "i32", name = "s.words", space = <s.T>}
%1 = param {dims = [3, 2], path = "words.weight"}
%2 = gather %1, %0
%3 = param {dims = [4, 2], path = "hidden.weight"}
%4 = linear %2, %3
%5 = param {dims = [4], path = "hidden.bias"}
%6 = add %4, %5
output "y" = %6
)";
ir::HostBatch sentence_batch() {
  ir::HostBatch batch;
  batch.spaces = {{}, {1, {0, 1}, {0}, {0}, {7}}, {3, {0, 3}, {0, 0, 0}, {0, 1, 2}, {8, 9, 10}}};
  batch.inputs["s.words"] = {2, -1, 0};
  batch.params["words.weight"] = {1, 2, 3, 4, 5, 6};
  batch.params["hidden.weight"] = {1, 0, 0, 1, 1, 1, 2, -1};
  batch.params["hidden.bias"] = {0.5, 0.25, 0, 1};
  return batch;
}

}  // namespace

TEST_CASE("freezing keeps what graphs compute") {
  for (const ops::OpDef* op : ops::all_ops()) {
    INFO("op " << op->name);
    for (const ops::Sample& sample : op->samples.get()(ops::sample_spaces())) {
      test::SampleGraph made = test::sample_graph(*op, sample);
      const Weights weights = as_floats(made.batch);
      passes::Freezer freezer(weights.lookup(), kPlenty);
      const ir::Graph frozen = freezer.run(made.graph);
      INFO(ir::print(made.graph) << "became\n" << ir::print(frozen));
      REQUIRE(ir::verify(frozen) == std::nullopt);
      const auto expected = ir::evaluate(made.graph, made.batch);
      add_frozen(freezer, made.batch);
      const auto actual = ir::evaluate(frozen, made.batch);
      for (const auto& [name, tensor] : expected) {
        const ops::HostTensor& other = actual.at(name);
        REQUIRE(other.type == tensor.type);
        for (size_t i = 0; i < tensor.values.size(); ++i) {
          const double a = tensor.values[i], b = other.values[i];
          CHECK(((std::isnan(a) && std::isnan(b)) || a == b || std::abs(a - b) <= 1e-5 * (1 + std::abs(a))));
        }
      }
    }
  }
}

TEST_CASE("a product behind a look-up moves into the table") {
  const ir::Graph graph = read(kSentence);
  ir::HostBatch batch = sentence_batch();
  const Weights weights = as_floats(batch);
  passes::Freezer freezer(weights.lookup(), kPlenty);
  const ir::Graph frozen = freezer.run(graph);
  CHECK(count(frozen, "linear") == 0);
  CHECK(count(frozen, "gather") == 1);
  REQUIRE(freezer.params().size() == 1);
  const auto& [path, param] = *freezer.params().begin();
  CHECK(path == "frozen.words.weight");
  CHECK(param.dims == std::vector<int64_t>{3, 4});
  CHECK(param.values == std::vector<float>{1, 2, 3, 0, 3, 4, 7, 2, 5, 6, 11, 4});
  const auto expected = ir::evaluate(graph, batch);
  add_frozen(freezer, batch);
  CHECK(ir::evaluate(frozen, batch).at("y").values == expected.at("y").values);  // the row of id -1 too

  SECTION("graphs of one model share it") {
    (void)freezer.run(graph);
    CHECK(freezer.params().size() == 1);
  }
}

TEST_CASE("what takes too much room is computed in the step") {
  const ir::Graph graph = read(kSentence);
  ir::HostBatch batch = sentence_batch();
  const Weights weights = as_floats(batch);
  passes::Freezer freezer(weights.lookup(), 11);  // the table with the product has 12 numbers
  const ir::Graph frozen = freezer.run(graph);
  CHECK(count(frozen, "linear") == 1);
  CHECK(freezer.params().empty());
}

TEST_CASE("what depends on the step or on chance is not frozen") {
  const ir::Graph graph = read(R"(
%0 = param {dims = [4], path = "w"}
%1 = scalar {name = "progress"}
%2 = mul %0, %1
%3 = dropout %0 {key = 1, rate = 0.5}
%4 = exp %0
%5 = add %2, %3
%6 = add %5, %4
output "y" = %6
)");
  ir::HostBatch batch;
  batch.params["w"] = {1, 2, 3, 4};
  const Weights weights = as_floats(batch);
  passes::Freezer freezer(weights.lookup(), kPlenty);
  const ir::Graph frozen = freezer.run(graph);
  CHECK(count(frozen, "exp") == 0);
  CHECK(count(frozen, "dropout") == 1);
  CHECK(count(frozen, "mul") == 1);
  REQUIRE(freezer.params().size() == 1);
  CHECK(freezer.params().at("frozen.w").values[1] == Approx(std::exp(2.0)));
}
