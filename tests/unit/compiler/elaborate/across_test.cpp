// Tasks seen from inside: versions of values, what is counted as one penalty, and who reaches what.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "compiler/ops/op.h"
#include "support/diag/kinds/elaborate.h"
#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl;
using namespace mtl::elaborate;

namespace {

// Three tasks on two sources, the first two on one. Each example is a vector of two numbers; x2 is of the other source.
struct Model {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::optional<ElaboratedModel> model;

  explicit Model(const std::string& in_model, const std::string& declarations = "",
                 std::set<std::string> objective = {"a", "b", "c"}, std::set<std::string> tasks = {}) {
    const std::string text = declarations + R"(
data s { format = csv, train = "s.csv", x : f32[2] = columns("x1", "x2"), y : f32 = column("y"), z : f32 = column("z") }
data o { format = csv, train = "o.csv", x : f32[2] = columns("x1", "x2"), y : f32 = column("y") }
data p { format = jsonl, train = "p.jsonl", q : f32[T, 2] = field("q"), y : f32 = field("y"), z : f32 = field("z") }
model m {
)" + in_model + "\n}\n";
    ElaborateOptions options;
    options.training = true;
    options.objective_tasks = std::move(objective);
    options.tasks = std::move(tasks);
    INFO(text);
    const auto file = sema::check_text("test.mtl", text, sources, {}, emitter);
    for (const auto& report : emitter.sorted()) UNSCOPED_INFO(report.message);
    REQUIRE(file);
    model = elaborate::elaborate(*file, options, emitter);
    for (const auto& report : emitter.sorted()) UNSCOPED_INFO(report.message);
  }
  // One example in each source; parameters that are not named are 0.
  std::map<std::string, double> outputs(const std::map<std::string, std::vector<double>>& parameters) const {
    REQUIRE(model);
    ir::HostBatch batch;
    const types::Spaces& spaces = model->graph.spaces;
    for (types::SpaceId id = 0; id < spaces.size(); ++id)
      batch.spaces.push_back(id == types::kUniform ? ops::HostSpace{}
                                                   : tests::host_space(model->graph, batch.spaces, id,
                                                                       [](const types::Space& space, int64_t) {
                                                                         return space.dim.empty() ? 1 : 2;
                                                                       }));
    batch.inputs = {{"s.x", {1, 2}}, {"s.y", {0}},          {"s.z", {0}}, {"o.x", {3, 5}},
                    {"o.y", {0}},    {"p.q", {1, 2, 3, 4}}, {"p.y", {0}}, {"p.z", {0}}};
    batch.params = parameters;
    for (const ParamInfo& param : model->params) {
      int64_t count = 1;
      for (const types::Dim& dim : param.dims) count *= dim.value();
      batch.params.try_emplace(param.path, static_cast<size_t>(count), 0.0);
    }
    std::map<std::string, double> out;
    for (const auto& [name, tensor] : ir::evaluate(model->graph, batch)) {
      if (tensor.values.size() == 1) out[name] = tensor.values[0];
    }
    return out;
  }
  std::set<std::string> paths() const {
    std::set<std::string> all;
    for (const ParamInfo& param : model->params) all.insert(param.path);
    return all;
  }
  int count(const std::string& op) const {
    const auto& nodes = model->graph.nodes;
    return static_cast<int>(
        std::count_if(nodes.begin(), nodes.end(), [&](const ir::Node& n) { return n.op->name == op; }));
  }
};

constexpr const char* kTasks = R"(
  task a predicts s.y { head = body(s.x) }
  task b predicts s.z { head = body(s.x) }
  task c predicts o.y { head = body(o.x) }
)";

}  // namespace

TEST_CASE("across stacks what the copies of all tasks give for the example at hand") {
  const Model m(std::string("shared body = seen()") + kTasks, R"(
module seen()(x: f32[2]) -> f32 {
  private param w : f32[2] = ones()
  return sum(across(sum(w * x)) * one_hot(task.index, |tasks|)) + 100 * sum(across(sum(w * x)))
}
)");
  const auto out = m.outputs({{"body.w@a", {1, 0}}, {"body.w@b", {0, 1}}, {"body.w@c", {10, 0}}});
  CHECK(out.at("head.a") == 1 + 100 * (1 + 2 + 10));
  CHECK(out.at("head.b") == 2 + 100 * (1 + 2 + 10));
  CHECK(out.at("head.c") == 30 + 100 * (3 + 5 + 30));
}

TEST_CASE("a finished across is the same for all tasks") {
  const Model m(std::string("shared body = twice()") + kTasks, R"(
module mixed()(x: f32[2]) -> f32[2] {
  private param part : f32[|tasks|] = one_hot_mix(0.8)
  private param w    : f32 = ones()
  return mix(part, across(w * x))
}
module twice()(x: f32[2]) -> f32 {
  layer unit[2] = mixed()
  return sum(unit[1](unit[0](x)))
}
)");
  std::map<std::string, std::vector<double>> parameters;
  const std::map<std::string, std::vector<double>> part = {{"a", {1, 2, 3}}, {"b", {4, 5, 6}}, {"c", {7, 8, 9}}};
  const std::map<std::string, double> w0 = {{"a", 1}, {"b", 2}, {"c", 3}}, w1 = {{"a", 3}, {"b", 5}, {"c", 7}};
  for (const auto& [task, numbers] : part) {
    parameters["body.unit.0.part@" + task] = numbers;
    parameters["body.unit.1.part@" + task] = numbers;
    parameters["body.unit.0.w@" + task] = {w0.at(task)};
    parameters["body.unit.1.w@" + task] = {w1.at(task)};
  }
  const auto out = m.outputs(parameters);
  for (const auto& [task, x] : std::map<std::string, double>{{"a", 3}, {"b", 3}, {"c", 8}}) {
    double second = 0;
    int place = 0;
    for (const auto& [other, w] : w1) {
      double first = 0;
      int inner = 0;
      for (const auto& [from, v] : w0) first += part.at(other)[inner++] * v * x;
      second += part.at(task)[place++] * w * first;
    }
    CHECK(out.at("head." + task) == second);
  }
  CHECK(m.count("version") == 2 * 2 * 3);  // two layers, two sources, three tasks: shared where tasks share
}

TEST_CASE("one task alone has the copies of all") {
  const std::string declarations = R"(
module seen()(x: f32[2]) -> f32 {
  private param w : f32[2] = ones()
  return sum(across(sum(w * x))) / |tasks|
}
)";
  const std::string in_model = R"(
  shared body = seen()
  task a predicts s.y { head = body(s.x) }
  task b predicts s.z { head = body(s.x) }
  task c predicts o.y { head = o.x |> linear(1) }
)";
  const Model whole(in_model, declarations), one(in_model, declarations, {}, {"a"});
  CHECK(whole.model->graph.outputs.size() > 0);
  CHECK(one.paths() == std::set<std::string>{"body.w@a", "body.w@b"});
  CHECK(one.outputs({{"body.w@a", {1, 0}}, {"body.w@b", {0, 3}}}).at("head.a") == (1 + 6) / 2.0);
}

TEST_CASE("masks of another task's version are that task's") {
  const Model m(std::string("shared body = noisy()") + kTasks, R"(
module noisy()(x: f32[2]) -> f32 {
  private param w : f32[2] = ones()
  private drop = dropout(0.5)
  return sum(across(sum(drop(w * x))))
}
)");
  REQUIRE(m.model);
  CHECK(m.count("dropout") == 6);  // three tasks, two sources: no other draw than the tasks' own
  std::map<int64_t, int> keys;
  for (const ir::Node& node : m.model->graph.nodes)
    if (node.op->name == std::string("dropout")) ++keys[std::get<int64_t>(node.attrs.at("key"))];
  CHECK(keys.size() == 6);
}

TEST_CASE("a penalty counts once for each computation, and not for absent tasks") {
  const std::string declarations = R"(
module held()(x: f32[2]) -> f32 {
  shared  param common : f32 = ones()
  private param own    : f32 = ones()
  penalty common
  penalty 10 * own
  penalty 100 * sum(x)
  return sum(x)
}
)";
  const std::string in_model = std::string("shared body = held()") + kTasks + "penalty 1000 * body.common\n" +
                               "penalty 10000 * body.own\n penalty 100000 * sum(across(body.own))";
  const auto objective = [&](std::set<std::string> tasks) {
    const Model m(in_model, declarations, std::move(tasks));
    const std::map<std::string, std::vector<double>> numbers = {
        {"body.common", {7}}, {"body.own@a", {1}}, {"body.own@b", {2}}, {"body.own@c", {3}}};
    return m.outputs(numbers).at("objective");
  };
  const double across = 100000 * (1 + 2 + 3), shared = 7 + 7000;
  CHECK(objective({"a", "b"}) == 9 + 9 + shared + 10010 * 3 + 100 * 3 + across);
  CHECK(objective({"c"}) == 64 + shared + 10010 * 3 + 100 * 8 + across);
  CHECK(objective({"a", "b", "c"}) == 9 + 9 + 64 + shared + 10010 * 6 + 100 * (3 + 8) + across);
}

TEST_CASE("a penalty of a task sees its head and target, wherever it stands") {
  const Model m(
      "task a predicts s.y {\n penalty 2 * (head - target)**2\n param w : f32 = ones()\n head = w * s.x[0]\n}", "",
      {"a"});
  CHECK(m.outputs({{"a.w", {3}}}).at("objective") == 9 + 18);
}

TEST_CASE("weights of a layer, and what is done across them") {
  const std::string in_model = R"(
  private tower = linear(1)
  task a predicts s.y { head = tower(s.x) }
  task b predicts s.z { head = tower(s.x) }
  task c predicts o.y { head = o.x |> linear(1) }
  penalty sum(stack([sum(svd_values(flatten(across(w), from = 1))) for w in weights(tower)]))
)";
  const std::map<std::string, std::vector<double>> numbers = {{"tower@a.weight", {3, 0}}, {"tower@b.weight", {0, 4}}};
  const Model without(in_model, "", {"c"});
  CHECK(without.outputs(numbers).at("objective") == Approx(0).margin(1e-12));  // none of its owners is there
  const Model with(in_model, "", {"a"});
  CHECK(with.outputs(numbers).at("objective") == Approx(9 + 7));
}

TEST_CASE("versions of sequences are stacked, flattened and mixed") {
  const Model m(R"(
  shared body = exchanged()
  task d predicts p.y { head = sum(body(p.q)) }
  task e predicts p.z { head = sum(body(p.q)) }
)",
                R"(
module exchanged()(x: f32[T, 2]) -> f32[T, 2] {
  private param w     : f32[2] = ones()
  private param alpha : f32[2, 2 * |tasks|] = one_hot_mix(0.8)
  let mixed = mix(alpha, flatten(across(stack([w[0] * x, w[1] * x])), to = 2))
  return mixed[0] + 10 * mixed[1]
}
)",
                {"d", "e"});
  const auto out = m.outputs({{"body.w@d", {1, 2}},
                              {"body.w@e", {3, 5}},
                              {"body.alpha@d", {1, 2, 3, 4, 5, 6, 7, 8}},
                              {"body.alpha@e", {1, 1, 1, 1, 1, 1, 1, 1}}});
  CHECK(out.at("head.d") == 10 * (34 + 10 * 78));
  CHECK(out.at("head.e") == 10 * (11 + 10 * 11));
  for (const ParamInfo& param : m.model->params) {
    if (param.init.kind != Init::Kind::one_hot_mix) continue;
    CHECK(param.init.tasks == std::vector<std::string>{"d", "e"});
    CHECK(param.init.b == (param.path == "body.alpha@d" ? 0 : 1));
  }
}
