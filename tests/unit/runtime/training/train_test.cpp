// Whole runs on small data, from source text to a model file and back.
#include "runtime/training/train.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "compiler/sema/checked.h"
#include "runtime/core/kernels.h"
#include "runtime/core/random.h"
#include "runtime/inference/predict.h"
#include "runtime/training/evaluate.h"
#include "tests/unit/runtime/model/temporary_folder.h"

using namespace mtl;
using namespace mtl::training;

namespace {

uint64_t draw(uint64_t i) {
  return runtime::mix64(i * 7919 + 13);
}

// Requests whose first word is the intent and in which the word behind "to" is a place.
void write_requests(const std::string& path, uint64_t seed, int count) {
  const char* verbs[] = {"play", "go", "call"};
  const char* words[] = {"home", "paris", "now", "later", "again", "berlin", "music", "mum"};
  std::ofstream out(path);
  for (int i = 0; i < count; ++i) {
    const uint64_t r = draw(seed * 1000 + static_cast<uint64_t>(i));
    out << "# intent = " << verbs[r % 3] << "_it\n" << verbs[r % 3] << "\tO\n";
    const int fillers = static_cast<int>(r / 8 % 4);
    for (int k = 0; k < fillers; ++k) out << words[(r >> (3 * k + 8)) % 8] << "\tO\n";
    out << "to\tO\n" << words[(r >> 30) % 8] << "\tB-place\n\n";
  }
}

void write_numbers(const std::string& path, uint64_t seed, int count) {
  std::ofstream out(path);
  out << "a,b,y,big\n";
  for (int i = 0; i < count; ++i) {
    const double a = static_cast<double>(draw(seed + 2 * static_cast<uint64_t>(i)) % 1000) / 500 - 1;
    const double b = static_cast<double>(draw(seed + 2 * static_cast<uint64_t>(i) + 1) % 1000) / 500 - 1;
    out << a << "," << b << "," << 100 + 30 * a - 20 * b << "," << (a + b > 0 ? "true" : "false") << "\n";
  }
}

const char* kJoint = R"(
use std.sequence
vocab en { }
data req {
  format = conll
  train = "train.conll"
  dev = "dev.conll"
  test = "test.conll"
  words  : token(en)[T] = column(0)
  slots  : label[T]     = column(1)
  intent : label        = comment("intent")
}
model slu {
  shared encoder = embed(16) >> dropout(0.2) >> bilstm(16)
  let h = encoder(req.words)
  task intent predicts req.intent { head = h |> mean(over = T) |> linear(|target|) }
  task slots predicts req.slots { head = h |> linear(|target|), metric = [span_f1, accuracy] }
  metric whole = all_correct([intent, slots])
  train {
    optimizer = adamw(lr = 1e-2, weight_decay = 0.01)
    schedule = warmup_cosine(warmup = 10%)
    batch = 16
    epochs = 10
    clip_norm = 1.0
    seed = 3
  }
}
)";

const char* kTable = R"(
data table {
  format = csv
  train = "train.csv"
  dev = "dev.csv"
  test = "test.csv"
  x   : f32[2] = columns("a", "b")
  y   : f32    = column("y") |> standardize
  big : bool   = column("big")
}
model net {
  shared trunk = linear(16) >> relu
  let h = trunk(table.x)
  task y predicts table.y { head = h |> linear(|target|), metric = [rmse, r2] }
  task big predicts table.big { head = h |> linear(|target|), metric = [accuracy, auc] }
  train {
    optimizer = adam(lr = 1e-2), batch = 16, epochs = 12
    EXTRA
    seed = 5
  }
}
)";

const char* kTwo = R"(
vocab en { }
data a { format = conll, train = "train.conll", dev = "dev.conll"
  words : token(en)[T] = column(0), intent : label = comment("intent") }
data b { format = conll, train = "dev.conll", dev = "test.conll", test = "test.conll"
  words : token(en)[T] = column(0), slots : label[T] = column(1) }
model two {
  shared encoder = embed(16) >> linear(16) >> relu
  task intent predicts a.intent { head = encoder(a.words) |> mean(over = T) |> linear(|target|) }
  task slots predicts b.slots { head = encoder(b.words) |> linear(|target|) }
  train { optimizer = adamw(lr = 1e-2), batch = 16, batch[b] = 8, epochs = 3, mix = MIX, seed = 2 }
}
)";

std::string with(std::string text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

struct World {
  TemporaryFolder folder;
  SourceMap sources;
  std::unique_ptr<diag::Emitter> emitter = std::make_unique<diag::Emitter>(&sources);

  World() {
    write_requests(folder.path("train.conll"), 1, 160);
    write_requests(folder.path("dev.conll"), 2, 40);
    write_requests(folder.path("test.conll"), 3, 40);
    write_numbers(folder.path("train.csv"), 1, 200);
    write_numbers(folder.path("dev.csv"), 5000, 50);
    write_numbers(folder.path("test.csv"), 9000, 50);
  }
  std::string errors() const {
    std::string all;
    for (const auto& d : emitter->sorted()) all += diag::render(d, sources, false);
    return all;
  }
  bool has(const std::string& code) const { return errors().find(code) != std::string::npos; }
};

struct Trained {
  std::optional<TrainReport> report;
  std::optional<model::ModelFile> model;
};

Trained run(World& world, const std::string& text, const std::string& name, TrainOptions options = {},
            Observer* observer = nullptr) {
  world.emitter = std::make_unique<diag::Emitter>(&world.sources);
  Trained out;
  const auto file = sema::check_text(world.folder.path("m.mtl"), text, world.sources, {}, *world.emitter);
  if (!file) return out;
  data::LoadOptions load;
  load.data_dir = world.folder.path("");
  options.run_dir = world.folder.path(name);
  Observer none;
  out.report = train_file(*file, world.sources, {}, load, options, observer ? *observer : none, *world.emitter);
  std::string why;
  out.model = model::load_model(options.run_dir + "/model.safetensors", why);
  return out;
}

bool same_bits(const model::ModelFile& a, const model::ModelFile& b) {
  if (a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i)
    if (a.tensors[i].name != b.tensors[i].name || a.tensors[i].values != b.tensors[i].values) return false;
  return true;
}

}  // namespace

TEST_CASE("a joint model learns, is kept, evaluates and predicts the same") {
  World world;
  const Trained trained = run(world, kJoint, "run");
  INFO(world.errors());
  REQUIRE(trained.report);
  CHECK(trained.report->epochs.size() == 10);
  CHECK(trained.report->epochs[9].losses[0].loss < trained.report->epochs[0].losses[0].loss / 2);
  REQUIRE(trained.report->test);
  CHECK(*trained.report->test->find("intent.accuracy") > 0.95);
  CHECK(*trained.report->test->find("slots.span_f1") > 0.9);
  CHECK(*trained.report->test->find("whole") > 0.8);
  REQUIRE(trained.model);
  CHECK(trained.model->model == "slu");
  CHECK(trained.model->sources == std::vector<std::pair<std::string, std::string>>{{"m.mtl", kJoint}});

  const auto file = sema::check_text("m.mtl", trained.model->sources[0].second, world.sources, {}, *world.emitter);
  REQUIRE(file);
  EvaluateOptions evaluate;
  evaluate.load.data_dir = world.folder.path("");
  const auto scores = evaluate_model(*file, *trained.model, evaluate, *world.emitter);
  INFO(world.errors());
  REQUIRE(scores);
  CHECK(to_json(*scores) == to_json(*trained.report->test));

  PredictOptions predict;
  predict.scores = true;
  auto predictor = Predictor::open(*file, *trained.model, predict, *world.emitter);
  INFO(world.errors());
  REQUIRE(predictor);
  InputOptions lines;
  lines.lines = true;
  REQUIRE(predictor->begin(lines, *world.emitter));
  const auto answers = predictor->next("play music now to paris\ngo to berlin\n", true);
  REQUIRE(answers);
  const std::vector<Prediction>& said = answers->predictions;
  REQUIRE(said.size() == 2);
  CHECK(said[0].answers[0].labels == std::vector<std::string>{"play_it"});
  CHECK(said[1].answers[0].labels == std::vector<std::string>{"go_it"});
  CHECK(said[0].answers[1].labels == std::vector<std::string>{"O", "O", "O", "O", "B-place"});
  CHECK(said[1].answers[1].spans == std::vector<Span>{{2, 3, "place"}});
  CHECK(said[1].answers[1].scores->size() == 3);

  predict = {{"slots"}, false, ""};
  predictor = Predictor::open(*file, *trained.model, predict, *world.emitter);
  REQUIRE(predictor);
  REQUIRE(predictor->begin(lines, *world.emitter));
  CHECK(predictor->next("go to", false)->predictions.empty());
  const auto one = predictor->next("go to berlin", true);
  REQUIRE(one);
  const std::vector<double>& probabilities = one->predictions[0].answers[0].probabilities;
  REQUIRE(probabilities.size() == 6);
  for (size_t row = 0; row < 3; ++row) CHECK(probabilities[2 * row] + probabilities[2 * row + 1] == Approx(1));
  const std::string json = to_json(one->predictions[0], one->input.examples[0], lines, *predictor);
  CHECK(json == R"({"text":"go to berlin","slots":["O","O","B-place"],"slots.tokens":["go","to","berlin"],)"
                R"("slots.offsets":[[0,2],[3,5],[6,12]],)"
                R"("slots.spans":[{"begin":2,"end":3,"label":"place","text":"berlin","offsets":[6,12]}]})");
  predict.tasks = {"slot"};
  CHECK_FALSE(Predictor::open(*file, *trained.model, predict, *world.emitter));
  CHECK(world.has("did you mean `slots`?"));
}

TEST_CASE("a run is a function of the seed: the same bits on one thread and on two") {
  World world;
  runtime::set_threads(1);
  const Trained one = run(world, kJoint, "one");
  runtime::set_threads(2);
  const Trained two = run(world, kJoint, "two"), again = run(world, kJoint, "again");
  TrainOptions other_seed;
  other_seed.seed = 4;
  const Trained other = run(world, kJoint, "other", other_seed);
  INFO(world.errors());
  REQUIRE((one.model && two.model && again.model && other.model));
  CHECK(same_bits(*one.model, *two.model));
  CHECK(same_bits(*two.model, *again.model));
  CHECK_FALSE(same_bits(*one.model, *other.model));
}

namespace {

struct Interrupter : Observer {
  std::atomic<bool> flag{false};
  int64_t at;
  explicit Interrupter(int64_t update) : at(update) {}
  void on_step(const StepEvent& event) override {
    if (event.update == at) flag = true;
  }
};

}  // namespace

TEST_CASE("an interrupted run keeps its best weights and goes on where it stopped") {
  World world;
  const std::string text = with(kTable, "EXTRA", "");
  const Trained whole = run(world, text, "whole");
  Interrupter interrupter(20);
  TrainOptions options;
  options.interrupted = &interrupter.flag;
  const Trained part = run(world, text, "run", options, &interrupter);
  INFO(world.errors());
  REQUIRE(part.report);
  CHECK(part.report->interrupted);
  CHECK(part.report->updates == 20);
  REQUIRE(part.model);
  options = {};
  options.resume = true;
  const Trained rest = run(world, text, "run", options);
  INFO(world.errors());
  REQUIRE(rest.report);
  CHECK(rest.report->updates == whole.report->updates);
  CHECK(same_bits(*whole.model, *rest.model));
  // The epoch that was cut in two is reported twice: as far as it came, and as a whole.
  const EpochEvent &stopped = part.report->epochs.back(), &resumed = rest.report->epochs.front();
  CHECK_FALSE(stopped.whole);
  CHECK(resumed.whole);
  REQUIRE(resumed.epoch == stopped.epoch);
  const EpochEvent& once = whole.report->epochs[static_cast<size_t>(resumed.epoch - 1)];
  REQUIRE(resumed.losses.size() == once.losses.size());
  for (size_t i = 0; i < once.losses.size(); ++i) {
    CHECK(resumed.losses[i].loss == once.losses[i].loss);
    CHECK(stopped.losses[i].loss != once.losses[i].loss);
  }
  options.seed = 6;
  CHECK_FALSE(run(world, text, "run", options).report);
  CHECK(world.has("E0708"));
  options.seed.reset();
  CHECK_FALSE(run(world, with(text, "linear(16)", "linear(17)"), "run", options).report);
  CHECK(world.has("was [16"));
  CHECK(run(world, text + "\n// a remark\n", "run", options).report);  // nothing to go on with
  CHECK_FALSE(run(world, text, "never", options).report);
  CHECK(world.has("E0708"));
  CHECK(world.has("there is no such folder"));
  CHECK_FALSE(std::filesystem::exists(world.folder.path("never")));
}

namespace {

// What is left of a run that is killed in the middle of the step behind `update`: a copy of its folder.
struct Killer : Observer {
  std::vector<int64_t> updates;
  std::string from;
  explicit Killer(std::vector<int64_t> at, const std::string& folder) : updates(std::move(at)), from(folder) {}
  std::string folder_of(int64_t update) const { return from + "_killed_" + std::to_string(update); }
  void on_step(const StepEvent& event) override {
    for (const int64_t update : updates)
      if (event.update == update + 1)
        std::filesystem::copy(from, folder_of(update), std::filesystem::copy_options::recursive);
  }
};

// Lines of metrics.jsonl about steps.
std::vector<std::string> steps_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (line.find(R"("event":"step")") != std::string::npos) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a run that is killed inside an epoch goes on to the same bytes") {
  const std::string settings = "batch = 16";
  const std::vector<std::pair<const char*, std::string>> kinds = {
      {"rows of a table that are behind", kJoint},
      {"accumulated gradients", with(kJoint, settings, settings + ", accumulate = 3, average = ema(0.9)")},
      {"sources that alternate", with(with(kTwo, "MIX", "proportional"), "embed(16)", "embed(16) >> dropout(0.3)")}};
  for (const auto& [name, text] : kinds) {
    INFO(name);
    World world;
    run(world, text, "whole");
    const std::string whole = slurp(world.folder.path("whole/model.safetensors"));
    Killer killer({1, 7, 19}, world.folder.path("run"));
    TrainOptions options;
    options.checkpoint_every = 0;  // behind every update
    run(world, text, "run", options, &killer);
    CHECK(slurp(world.folder.path("run/model.safetensors")) == whole);  // checkpoints change nothing
    for (const int64_t update : killer.updates) {
      INFO("killed behind update " << update << world.errors());
      const std::string folder = "run_killed_" + std::to_string(update), left = world.folder.path(folder);
      const std::string metrics = left + "/metrics.jsonl";
      std::ofstream(metrics, std::ios::app) << R"({"event":"step","epoch":9,"update":)" << update + 1 << "}\n{\"ev";
      std::ofstream(left + "/model.safetensors.mtlc-abc123") << "half";
      std::ofstream(left + "/model.safetensors.backup") << "mine";
      options.resume = true;
      const Trained rest = run(world, text, folder, options);
      REQUIRE(rest.report);
      CHECK(slurp(left + "/model.safetensors") == whole);
      CHECK(steps_of(metrics) == steps_of(world.folder.path("whole/metrics.jsonl")));  // each once
      CHECK_FALSE(std::filesystem::exists(left + "/model.safetensors.mtlc-abc123"));
      CHECK(std::filesystem::exists(left + "/model.safetensors.backup"));
    }
  }
}

TEST_CASE("each way of balancing is a function of the seed alone, and resumes to the same bytes") {
  for (const char* method :
       {"fixed()", "uncertainty()", "uncertainty(form = \"log_barrier\")", "imtl_l()", "gls()", "scale_invariant()",
        "rlw()", "rlw(distribution = \"dirichlet\")", "dwa()", "stch(warmup = 1)", "famo()"}) {
    World world;
    const std::string text =
        with(with(kTable, "EXTRA", "clip_norm = 1.0"), "train {", "balance = " + std::string(method) + "\n  train {");
    runtime::set_threads(1);
    const Trained whole = run(world, text, "whole");
    runtime::set_threads(2);
    INFO(method << world.errors());
    REQUIRE(whole.report);
    CHECK(*whole.report->dev->find("y.r2") > 0.3);
    const std::string bytes = slurp(world.folder.path("whole/model.safetensors"));
    Killer killer({33, 59}, world.folder.path("run"));  // inside the third and the fifth epoch
    TrainOptions options;
    options.checkpoint_every = 0;
    run(world, text, "run", options, &killer);
    CHECK(slurp(world.folder.path("run/model.safetensors")) == bytes);
    options.resume = true;
    for (const char* folder : {"run_killed_33", "run_killed_59"}) {
      const Trained rest = run(world, text, folder, options);
      INFO(folder << world.errors());
      REQUIRE(rest.report);
      CHECK(slurp(world.folder.path(folder) + "/model.safetensors") == bytes);
      CHECK(rest.report->epochs.back().shares == whole.report->epochs.back().shares);
    }
  }
}

TEST_CASE("numbers are scored as the file has them") {
  World world;
  const Trained trained = run(world, with(kTable, "EXTRA", "stop = patience(3, on = y.rmse)"), "run");
  INFO(world.errors());
  REQUIRE(trained.report);
  REQUIRE(trained.report->test);
  CHECK(*trained.report->test->find("y.rmse") < 5);  // the deviation of y is about 20
  CHECK(*trained.report->test->find("y.rmse") > 0.01);
  CHECK(*trained.report->test->find("y.r2") > 0.95);
  CHECK(*trained.report->test->find("big.auc") > 0.95);
  double least = 1e9;
  for (const EpochEvent& epoch : trained.report->epochs) least = std::min(least, *epoch.dev->find("y.rmse"));
  CHECK(*trained.report->dev->find("y.rmse") == least);
}

TEST_CASE("every optimizer and the settings around it train") {
  World world;
  for (const char* optimizer : {"sgd(lr = 0.3)", "momentum(lr = 0.1)", "adagrad(lr = 0.1)", "rmsprop(lr = 1e-2)",
                                "lamb(lr = 5e-2)", "adamw(lr = 1e-2)"}) {
    const std::string text = with(with(kTable, "EXTRA", ""), "adam(lr = 1e-2)", optimizer);
    const Trained trained = run(world, text, "run");
    INFO(optimizer << world.errors());
    REQUIRE(trained.report);
    CHECK(trained.report->epochs.back().losses[0].loss < 0.7 * trained.report->epochs.front().losses[0].loss);
  }
  for (const char* extra : {"accumulate = 3", "average = ema(0.99)", "balance = uncertainty()"}) {
    std::string text = with(kTable, "EXTRA", extra);
    if (std::string(extra).find("balance") == 0)
      text = with(with(kTable, "EXTRA", ""), "train {", std::string(extra) + "\n  train {");
    const Trained trained = run(world, text, "run");
    INFO(extra << world.errors());
    REQUIRE(trained.report);
    CHECK(*trained.report->dev->find("y.r2") > 0.5);
  }
}

TEST_CASE("steps instead of epochs") {
  World world;
  const Trained trained = run(world, with(with(kTable, "EXTRA", ""), "epochs = 12", "steps = 30"), "run");
  INFO(world.errors());
  REQUIRE(trained.report);
  CHECK(trained.report->updates == 30);
  CHECK(trained.report->epochs.size() == 3);
}

TEST_CASE("sources that alternate train one model") {
  World world;
  for (const auto& [mix, steps] : std::vector<std::pair<std::string, int64_t>>{{"joint", 30},
                                                                               {"round_robin", 60},
                                                                               {"proportional", 45},
                                                                               {"temperature(2)", 45},
                                                                               {"weighted(a = 3, b = 1)", 45},
                                                                               {"in_turn", 45}}) {
    const Trained trained = run(world, with(kTwo, "MIX", mix), "run");
    INFO(mix << world.errors());
    REQUIRE(trained.report);
    CHECK(trained.report->updates == steps);
    CHECK(*trained.report->dev->find("intent.accuracy") > 0.6);
    CHECK(*trained.report->test->find("slots.accuracy") > 0.6);
    CHECK_FALSE(trained.report->test->find("intent.accuracy"));
  }
}

TEST_CASE("what cannot be trained is said, by name") {
  World world;
  const std::string text = with(kTable, "EXTRA", "");
  CHECK_FALSE(run(world, with(text, "adam(lr = 1e-2)", "sgd(lr = 1e30)"), "run").report);
  CHECK(world.has("E0705"));
  CHECK(world.has("the loss of task `y` became"));
  {
    std::ofstream out(world.folder.path("train.csv"));
    out << "a,b,y,big\n1,2,,true\n2,3,,false\n3,1,,true\n";
  }
  CHECK_FALSE(run(world, with(text, "format = csv", "format = csv, missing = [\"\"]"), "run").report);
  CHECK(world.has("table.y"));
}

// The best epoch, and how many there were, with patience(1) on this metric.
static std::pair<int64_t, size_t> stopped_on(const std::string& metric) {
  World world;
  const std::string extra = "stop = patience(1, on = " + metric + ")";
  const std::string text = with(with(kTable, "EXTRA", extra), "train {",
                                "metric both = mean(y.r2, big.accuracy)\n  metric error = mean(y.rmse)\n  train {");
  const Trained trained = run(world, text, "run");
  INFO(world.errors());
  REQUIRE(trained.report);
  return {trained.report->best_epoch, trained.report->epochs.size()};
}

TEST_CASE("a mean chooses the same epoch by its name and where it is written") {
  const auto named = stopped_on("both");
  CHECK(named.first > 1);
  CHECK(named == stopped_on("mean(y.r2, big.accuracy)"));
  CHECK(stopped_on("error") == stopped_on("y.rmse"));
}

TEST_CASE("the loss of a split is the mean over what the loss counts") {
  World world;
  write_requests(world.folder.path("long.conll"), 7, 64);
  {
    std::ofstream out(world.folder.path("short.conll"));
    out << "# intent = go_it\ngo\tO\n\n";
  }
  std::string text = with(with(kJoint, "\"dev.conll\"", "\"short.conll\""), "\"train.conll\"", "\"long.conll\"");
  text = with(text, "\"test.conll\"", "[\"long.conll\", \"short.conll\"]");
  text = with(with(text, "head = h |> linear(|target|), metric", "head = h |> linear(|target|), loss = crf(), metric"),
              "epochs = 10", "epochs = 1");
  const Trained trained = run(world, text, "run");
  INFO(world.errors());
  REQUIRE((trained.report && trained.model));
  const auto file = sema::check_text("m.mtl", text, world.sources, {}, *world.emitter);
  REQUIRE(file);
  EvaluateOptions options;
  options.load.data_dir = world.folder.path("");
  std::map<std::string, double> loss;
  for (const char* split : {"train", "dev", "test"}) {
    options.split = split;
    const auto scores = evaluate_model(*file, *trained.model, options, *world.emitter);
    REQUIRE(scores);
    REQUIRE(scores->tasks[1].task == "slots");
    loss[split] = *scores->tasks[1].loss;
  }
  CHECK(loss["test"] == Approx((64 * loss["train"] + loss["dev"]) / 65).epsilon(1e-5));
}

TEST_CASE("the loss of an epoch is the mean over the rows that count in it") {
  World world;
  {
    std::ofstream out(world.folder.path("train.csv"));
    out << "a,b,y,big\n1,2,3,true\n2,3,9,false\n3,1,4,false\n4,1,7,true\n0,0,2,false\n5,2,1,false\n6,1,1,true\n";
  }
  const std::string text = R"(
data table { format = csv, train = "train.csv"
  x : f32[2] = columns("a", "b"), y : f32 = column("y"), big : bool = column("big") }
model net {
  task y predicts table.y when table.big { head = table.x |> linear(1, init = zeros()) }
  train { optimizer = sgd(lr = 1e-20), batch = BATCH, epochs = 1 }
})";
  for (const char* batch : {"1", "2", "7"}) {
    const Trained trained = run(world, with(text, "BATCH", batch), "run");
    INFO(batch << world.errors());
    REQUIRE(trained.report);
    CHECK(trained.report->epochs[0].losses[0].loss == Approx((9 + 49 + 1) / 3.0));
  }
}
