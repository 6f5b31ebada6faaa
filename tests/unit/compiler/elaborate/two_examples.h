// Programs from text, evaluated on two examples by the ops' references.
#pragma once
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/ir/evaluate.h"
#include "compiler/ops/evaluate_util.h"
#include "compiler/sema/checked.h"
#include "tests/run/host_space.h"

namespace mtl::elaborate::test {

// Two examples: x has 3 and 2 positions of 2 numbers, u has 1 and 2.
inline constexpr const char* kData = R"(
data rows {
  format = jsonl
  train  = "rows.jsonl"
  x : f32[T, 2] = field("x")
  u : f32[U, 2] = field("u")
  y : f32       = field("y")
}
)";
inline const std::vector<double> kX = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, kU = {-1, -2, -3, -4, -5, -6};

inline ops::HostSpace rows_of(const ir::Graph& graph, const std::vector<ops::HostSpace>& hosts, types::SpaceId id) {
  const std::map<std::string, std::vector<int64_t>> lengths = {{"T", {3, 2}}, {"U", {1, 2}}};
  return tests::host_space(graph, hosts, id, [&](const types::Space& space, int64_t above) {
    return space.dim.empty() ? 2 : lengths.at(space.dim)[static_cast<size_t>(above)];
  });
}

struct Program {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::optional<elaborate::ElaboratedModel> model;

  explicit Program(const std::string& head, const std::string& declarations = "", const std::string& in_model = "") {
    const std::string text = std::string(kData) + declarations + "\nmodel m {\n  task one predicts rows.y {\n" + head +
                             "\n  }\n" + in_model + "}\n";
    const auto file = sema::check_text("test.mtl", text, sources, {}, emitter);
    INFO(text << emitter.sorted().size() << " reports");
    REQUIRE(file);
    model = elaborate::elaborate(*file, {}, emitter);
    for (const auto& report : emitter.sorted()) INFO(report.message);
    REQUIRE(model);
  }
  std::vector<double> head() const {
    ir::HostBatch batch;
    for (types::SpaceId id = 0; id < model->graph.spaces.size(); ++id)
      batch.spaces.push_back(id == types::kUniform ? ops::HostSpace{} : rows_of(model->graph, batch.spaces, id));
    batch.inputs["rows.x"] = kX;
    batch.inputs["rows.u"] = kU;
    batch.inputs["rows.y"] = {0, 0};
    return ir::evaluate(model->graph, batch).at("head.one").values;
  }
  std::vector<std::string> rules() const {
    std::vector<std::string> all;
    for (const auto& rule : model->tasks[0].lengths) all.push_back(rule.rest.text());
    return all;
  }
};

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

inline auto near(const Numbers& numbers) {
  return Catch::Matchers::Approx(numbers);
}

}  // namespace mtl::elaborate::test
