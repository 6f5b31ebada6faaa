// Elaboration as a whole, from text: who owns what, what is computed once, keys of random numbers, losses by number.
#include "compiler/elaborate/elaborate.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "compiler/ir/evaluate.h"
#include "compiler/sema/checked.h"

using namespace mtl;

namespace {

constexpr const char* kText = R"(
use std.sequence
use std.sharing
vocab en { }
data talk {
  format = conll
  train  = "train.conll"
  words  : token(en)[T] = column(0)
  slots  : label[T]     = column(1)
  intent : label        = comment("intent")
}
)";
constexpr const char* kTable = R"(
use std.sharing
data rows {
  format = csv
  train  = "rows.csv"
  x    : f32[2] = columns("a", "b")
  y    : f32    = column("y")
  yes  : bool   = column("yes")
  sort : label  = column("sort")
  w    : f32    = column("w")
}
)";

struct Elaborated {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::unique_ptr<sema::CheckedFile> file;
  std::optional<elaborate::ElaboratedModel> model;

  Elaborated(const std::string& text, elaborate::ElaborateOptions options) {
    file = sema::check_text("test.mtl", text, sources, {}, emitter);
    if (!file) return;
    options.size_of = [](const std::string& path) -> std::optional<int64_t> {
      return path == "en" ? 50 : path == "rows.sort" ? 3 : 7;
    };
    model = elaborate::elaborate(*file, options, emitter);
  }
  bool warned(const std::string& name) const {
    const auto all = emitter.sorted();
    return std::any_of(all.begin(), all.end(), [&](const auto& d) { return d.kind->name == name; });
  }
  int count(const std::string& op) const {
    return static_cast<int>(std::count_if(model->graph.nodes.begin(), model->graph.nodes.end(),
                                          [&](const ir::Node& n) { return n.op->name == op; }));
  }
  const elaborate::ParamInfo* param(const std::string& path) const {
    for (const auto& p : model->params) {
      if (p.path == path) return &p;
    }
    return nullptr;
  }
  std::set<int64_t> keys() const {
    std::set<int64_t> found;
    for (const ir::Node& node : model->graph.nodes) {
      if (node.op->name == std::string("dropout")) found.insert(std::get<int64_t>(node.attrs.at("key")));
    }
    return found;
  }
};

elaborate::ElaborateOptions when_training() {
  elaborate::ElaborateOptions options;
  options.training = true;
  return options;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a let of the model is one computation for all tasks") {
  Elaborated e(std::string(kText) + R"(
model m {
  shared encoder = embed(8) >> dropout(0.5) >> bilstm(4)
  let h = encoder(talk.words)
  task intent predicts talk.intent { head = h |> attention_pool() |> linear(|target|) }
  task slots  predicts talk.slots  { head = h |> linear(|target|) }
  train { epochs = 1 }
})",
               when_training());
  REQUIRE(e.model);
  CHECK(e.count("gather") == 1);
  CHECK(e.count("lstm") == 1);
  CHECK(e.count("dropout") == 1);
  CHECK(e.param("encoder.embed.weight")->tasks == Names{"intent", "slots"});
  CHECK(e.param("encoder.embed.weight")->dims == std::vector<types::Dim>{50, 8});
  CHECK(e.param("encoder.bilstm.weight_ih_l0_reverse")->dims == std::vector<types::Dim>{16, 8});
  CHECK(e.param("intent.attention_pool.weight")->tasks == Names{"intent"});
  CHECK(e.param("slots.linear.bias")->dims == std::vector<types::Dim>{7});
  CHECK(e.model->tasks[1].inputs == Names{"words"});
}

TEST_CASE("shared and private: the nearest word wins") {
  Elaborated e(std::string(kTable) + R"(
module inner()(x: f32[D]) -> f32[D] {
  shared  both = linear(D)
  private mine = linear(D)
  layer   mere = linear(D)
  return both(x) + mine(x) + mere(x)
}
model m {
  private tower = inner()
  shared  trunk = inner()
  task y   predicts rows.y   { head = rows.x |> tower |> trunk |> linear(1) }
  task yes predicts rows.yes { head = rows.x |> tower |> trunk |> linear(1) }
  train { epochs = 1 }
})",
               when_training());
  REQUIRE(e.model);
  CHECK(e.param("tower.both.weight")->tasks == Names{"y", "yes"});
  CHECK(e.param("tower.mine@y.weight")->tasks == Names{"y"});
  CHECK(e.param("tower@yes.mere.weight")->tasks == Names{"yes"});
  CHECK(e.param("trunk.mere.weight")->tasks == Names{"y", "yes"});
  CHECK(e.param("trunk.mine@yes.bias") != nullptr);
  CHECK(e.param("trunk.mine.bias") == nullptr);
}

TEST_CASE("paths of arrays, compositions, arguments and criteria") {
  Elaborated e(std::string(kText) + R"(
module twice(net: layer)(x: f32[...]) { return net(net(x)) }
model m {
  shared encoder = embed(8) >> linear(6) >> relu >> linear(6) >> twice(linear(6))
  shared body    = mlp([5, 4])
  let h = encoder(talk.words) |> body
  task slots predicts talk.slots { head = h |> linear(4) |> linear(|target|), loss = crf() }
  train { epochs = 1 }
})",
               when_training());
  REQUIRE(e.model);
  for (const char* path : {"encoder.linear.weight", "encoder.linear_2.weight", "encoder.twice.net.weight",
                           "body.hidden.0.weight", "body.hidden.1.bias", "slots.linear.weight", "slots.linear_2.weight",
                           "slots.crf.transitions", "slots.crf.start_transitions"}) {
    INFO(path);
    CHECK(e.param(path) != nullptr);
  }
  CHECK(e.model->params.size() == 1 + 2 * 7 + 3);
  CHECK(e.count("linear") == 8);  // twice(net) calls its layer on two inputs
}

TEST_CASE("a mask belongs to a layer and an input") {
  const std::string model = R"(
model m {
  shared word = embed(8)
  shared drop = dropout(0.5)
  let a = drop(word(talk.words))
  let b = drop(word(talk.words))
  task slots  predicts talk.slots  { head = (a + b) |> linear(|target|) }
  task intent predicts talk.intent { head = drop(a) |> dropout(0.5) |> mean(over = T) |> dropout(0.5) |> linear(|target|) }
  train { epochs = 1 }
})";
  Elaborated e(kText + model, when_training());
  REQUIRE(e.model);
  CHECK(e.count("dropout") == 4);  // drop(word), drop(a), and two places in the task
  CHECK(e.keys().size() == 4);
  CHECK(Elaborated(kText + model, when_training()).keys() == e.keys());
  CHECK(Elaborated(kText + model, {}).count("dropout") == 0);
}

TEST_CASE("a resampled layer has the same parameters and other masks") {
  const auto model = [](const std::string& a, const std::string& b) {
    return std::string(kText) +
           "model m {\n  shared encoder = embed(8) >> dropout(0.5) >> bilstm(4) >> dropout(0.5)\n" +
           "  shared drops[2] = dropout(0.5)\n  task slots predicts talk.slots { head = (" + a + " + " + b +
           ") |> linear(|target|) }\n  train { epochs = 1 }\n}";
  };
  const std::string plain = "encoder(talk.words)";
  const auto masks = [&](const std::string& a, const std::string& b) {
    Elaborated e(model(a, b), when_training());
    REQUIRE(e.model);
    CHECK(e.count("gather") == 1);
    CHECK(e.param("encoder.bilstm.weight_ih_l0") != nullptr);
    CHECK(e.keys().size() == static_cast<size_t>(e.count("dropout")));
    return e.count("dropout");
  };
  CHECK(masks(plain, plain) == 2);
  CHECK(masks(plain, "resample(encoder, 0)(talk.words)") == 2);
  CHECK(masks(plain, "resample(encoder, 1)(talk.words)") == 4);
  CHECK(masks("resample(encoder, 1)(talk.words)", "resample(encoder, 1)(talk.words)") == 2);
  CHECK(masks("resample(encoder, 2)(talk.words)", "resample(encoder, 1)(talk.words)") == 4);
  CHECK(masks(plain, "(talk.words |> (resample(encoder, 1) >> dropout(0.5)))") == 5);
  CHECK(masks("drops[1](encoder(talk.words))", "resample(drops, 3)[1](encoder(talk.words))") == 4);
}

TEST_CASE("noise belongs to what it has the shape of") {
  const auto drawn = [](const std::string& task, const std::string& other = "h") {
    Elaborated e(std::string(kText) + "module noisy()(x: f32[D]) -> f32[D] { return x + uniform_noise(x) }\n" +
                     "module own()(x: f32[D]) -> f32[D] { return x + uniform_noise(x) }\n" +
                     "model m {\n  shared word = embed(8)\n  shared a = noisy()\n  shared b = own()\n" +
                     "  let h = word(talk.words)\n  task slots predicts talk.slots { head = (" + task +
                     ") |> linear(|target|) }\n  task more predicts talk.slots { head = (" + other +
                     ") |> linear(|target|) }\n  train { epochs = 1 }\n}",
                 when_training());
    REQUIRE(e.model);
    return e.count("uniform_noise") + 10 * e.count("normal_noise");
  };
  CHECK(drawn("uniform_noise(h) - uniform_noise(h)") == 1);  // one computation of `h`, however often it is written
  CHECK(drawn("uniform_noise(h) + uniform_noise(word(talk.words))") == 1);
  CHECK(drawn("uniform_noise(h) + uniform_noise(2 * h)") == 2);
  CHECK(drawn("uniform_noise(h) + normal_noise(h)") == 11);
  CHECK(drawn("h + uniform_noise(h)", "uniform_noise(h)") == 1);  // `h` is the same for both tasks
  CHECK(drawn("a(h) + a(h)") == 1);
  CHECK(drawn("a(h) + b(h)") == 2);  // layers draw apart
  CHECK(drawn("a(h) + resample(a, 1)(h)") == 2);
}

TEST_CASE("mapping over a fixed dimension moves no data and keeps one layer") {
  Elaborated e(std::string(kTable) + R"(
model m {
  shared each = mlp([4])
  let h = each(reshape(concat(rows.x, rows.x), [2, 2]))
  task y predicts rows.y { head = flatten(h) |> linear(1) }
  train { epochs = 1 }
})",
               when_training());
  REQUIRE(e.model);
  CHECK(e.count("map_in") == 1);
  CHECK(e.count("map_out") == 1);
  CHECK(e.param("each.hidden.0.weight")->dims == std::vector<types::Dim>{4, 2});
  CHECK(e.param("y.linear.weight")->dims == std::vector<types::Dim>{1, 8});
}

TEST_CASE("a fixed dimension can be a sequence") {
  Elaborated e("use std.sequence\n" + std::string(kTable) + R"(
model m {
  shared rows_of = positional(4) >> transformer(layers = 1, heads = 2, ff = 8) >> bilstm(3) >> conv1d(5)
  let h : f32[4, 5] = rows_of(reshape(concat(rows.x, rows.x, rows.x, rows.x), [4, 2]))
  task y predicts rows.y { head = h |> attention_pool() |> linear(1) }
  train { epochs = 1 }
})",
               when_training());
  for (const auto& d : e.emitter.sorted()) UNSCOPED_INFO(d.message);
  REQUIRE(e.model);
  CHECK(e.count("attention") == 1);
  CHECK(e.count("lstm") == 1);
  CHECK(e.count("map_in") == e.count("map_out") + 2);  // the three operands of attention come back as one
}

TEST_CASE("prediction alone needs no targets") {
  elaborate::ElaborateOptions options;
  options.losses = false;
  options.tasks = {"slots"};
  Elaborated e(std::string(kText) + R"(
model m {
  shared encoder = embed(8) >> lstm(4)
  let h = encoder(talk.words)
  task intent predicts talk.intent { head = h |> mean_pool() |> linear(|target|) }
  task slots  predicts talk.slots  { head = h |> linear(|target|), loss = crf() }
  train { epochs = 1 }
})",
               options);
  REQUIRE(e.model);
  CHECK(e.model->tasks.size() == 1);
  CHECK(e.model->graph.outputs.size() == 2);
  CHECK(e.count("crf_decode") == 1);
  CHECK(e.count("input") == 1);
  CHECK(e.model->graph.type(e.model->graph.output("predict.slots")).dtype == types::DType::i32);
}

TEST_CASE("warnings") {
  Elaborated e(std::string(kTable) + R"(
model m {
  shared body  = mlp([4])
  shared spare = mlp([4])
  private gate = linear(4)
  task y    predicts rows.y    { head = gate(body(rows.x)) |> linear(1) }
  task yes  predicts rows.yes  { head = rows.x |> linear(1) }
  task sort predicts rows.sort { head = body(rows.x) |> linear(|target|), loss = none }
  train { epochs = 1 }
})",
               when_training());
  REQUIRE(e.model);
  CHECK(e.warned("LayerNotUsed"));
  CHECK(e.warned("PrivateOfOneTask"));
  CHECK(e.warned("TaskSharesNothing"));
  CHECK(e.warned("ParameterNotTrained"));
}

namespace {
// Three rows of the table; what is missing is NaN or -1.
std::map<std::string, ops::HostTensor> run_table(const Elaborated& e, const std::vector<double>& sorts = {2, -1, 0}) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  ir::HostBatch batch;
  batch.spaces.resize(e.model->graph.spaces.size());
  batch.spaces[0].identity = {0};
  batch.spaces[0].position = {0};
  ops::HostSpace& rows = batch.spaces[e.model->graph.spaces.find("rows")];
  rows = {3, {0, 3}, {0, 0, 0}, {0, 1, 2}, {1, 2, 3}};
  batch.inputs = {{"rows.x", {1, 2, 3, 4, 5, 6}},
                  {"rows.y", {2, none, 1}},
                  {"rows.yes", {1, 0, none}},
                  {"rows.sort", sorts},
                  {"rows.w", {1, 1, 3}}};
  for (const auto& param : e.model->params) {
    int64_t size = 1;
    for (const auto& dim : param.dims) size *= dim.value();
    batch.params[param.path] = std::vector<double>(size, param.path.find("log_var") == std::string::npos ? 0.1 : 0.5);
  }
  batch.scalars["progress"] = 0.25;
  return ir::evaluate(e.model->graph, batch);
}
}  // namespace

TEST_CASE("losses are means over what is labelled") {
  elaborate::ElaborateOptions options = when_training();
  options.objective_tasks = {"y", "sort"};
  Elaborated e(std::string(kTable) + R"(
model m {
  task y    predicts rows.y    { head = rows.x |> linear(|target|), weight = 2.0 }
  task yes  predicts rows.yes  { head = rows.x |> linear(|target|), weight = rows.w }
  task sort predicts rows.sort { head = rows.x |> linear(|target|), weight = 1 - progress }
  task some predicts rows.y when rows.yes { head = rows.x |> linear(|target|) }
  balance = uncertainty()
  train { epochs = 1 }
})",
               options);
  for (const auto& d : e.emitter.sorted()) UNSCOPED_INFO(d.message);
  REQUIRE(e.model);
  const auto out = run_table(e);
  // All weights and biases are 0.1: heads are 0.4, 0.8 and 1.2.
  const double y = (std::pow(0.4 - 2, 2) + std::pow(1.2 - 1, 2)) / 2;  // losses are without the tasks' weights
  CHECK(out.at("loss.y").values[0] == Approx(y));
  CHECK(out.at("loss.yes").values[0] == Approx((std::log1p(std::exp(0.4)) - 0.4 + std::log1p(std::exp(0.8))) / 2));
  const double sort = std::log(3.0);  // equal scores for three classes
  CHECK(out.at("loss.sort").values[0] == Approx(sort));
  CHECK(out.at("loss.some").values[0] == Approx(std::pow(0.4 - 2, 2)));
  CHECK(out.at("objective").values[0] == Approx(0.5 * std::exp(-0.5) * (2.0 * y + 0.75 * sort) + 0.5 * 0.5 * 2));
  const auto without = run_table(e, {-1, -1, -1});  // no row counts for `sort`: it takes no part
  CHECK(without.at("objective").values[0] == Approx(0.5 * std::exp(-0.5) * 2.0 * y + 0.5 * 0.5));
  CHECK(e.param("balance.log_var@y")->tasks == Names{"y"});
  CHECK(out.at("predict.yes").values[1] == Approx(1 / (1 + std::exp(-0.8))));
}

TEST_CASE("a path and a constant id know of calls further down, and of other tasks") {
  const std::string text = std::string(kText) + R"(
model m {
  shared word = embed(8)
  shared tags = embed(4)
  task out    predicts talk.intent { head = (tags(1) @ full(0.5, [4, 8]) @ transpose(word.weight)) |> linear(|target|) }
  task slots  predicts talk.intent { head = mean(tags(talk.slots), over = T) |> linear(|target|) }
  task intent predicts talk.intent { head = mean(word(talk.words), over = T) |> linear(|target|) }
  train { epochs = 1 }
})";
  Elaborated all(text, when_training());
  REQUIRE(all.model);
  CHECK(all.param("word.weight")->tasks == Names{"out", "intent"});
  CHECK(all.param("tags.weight")->dims == std::vector<types::Dim>{7, 4});
  elaborate::ElaborateOptions alone;
  alone.tasks = {"out"};
  alone.losses = false;
  Elaborated one(text, alone);
  REQUIRE(one.model);
  CHECK(one.param("word.weight")->dims == std::vector<types::Dim>{50, 8});
  CHECK(one.param("tags.weight")->tasks == Names{"out"});
  CHECK(one.count("gather") == 1);
}

TEST_CASE("a task may be asked for before the next ones are declared") {
  std::string text = std::string(kTable) + "model m {\n  private e = linear(4)\n";
  const auto add = [&](const std::string& name) {
    text += "  task " + name + " predicts rows.y { head = rows.x |> e |> dropout(0.5) |> linear(1) }\n";
  };
  add("first");
  text += "  if first.head > 0.0 { let unknown = 1 }\n";  // an error; elaboration goes on to the other tasks
  for (int i = 0; i < 20; ++i) add("t" + std::to_string(i));
  const Elaborated e(text + "}\n", {.training = true});
  CHECK(!e.model);
  CHECK(e.emitter.error_count() == 1);
}
