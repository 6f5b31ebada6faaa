// Tests of runtime/training/run_folder.h.
#include "runtime/training/run_folder.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "support/diag/kinds/model.h"
#include "tests/unit/runtime/model/temporary_folder.h"

using namespace mtl;
using namespace mtl::training;

namespace {

Checkpoint sample_checkpoint() {
  Checkpoint c;
  c.weights = {{"a", {2}, {1, 2}}};
  c.best = {{"a", {2}, {3, 4}}};
  c.optimizer = {{1, 2, 0}, {5, 6, 0}};
  c.counts = {7, 8};
  c.deferred = {{{0, 2, 1}, {0.1f, 1e-30f}}, {{0}, {}}};
  c.cursors = {{1, 20}, {0, 5}};
  c.epoch = 3;
  c.steps_done = 4;
  c.losses = {0.1 + 0.7, 1e-300};
  c.loss_counts = {4, 0};
  c.first_losses = {0.3, std::numeric_limits<double>::quiet_NaN()};
  c.examples = 128;
  c.epoch_seconds = 0.25;
  c.updates = 55;
  c.batches = 56;
  c.best_epoch = 2;
  c.waited = 1;
  c.best_value = 0.1 + 0.2;
  c.seconds = 1.5;
  c.about = {{{"`lr`", "0.1", ""}, {"`en`", "2 names", "123"}}, {{"m.mtl", "model m { }"}}, {{"n", "1"}}};
  return c;
}

}  // namespace

TEST_CASE("a checkpoint is read back, bit by bit") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(write_checkpoint(folder.path("c"), sample_checkpoint(), why));
  const auto c = read_checkpoint(folder.path("c"), why);
  INFO(why);
  REQUIRE(c);
  CHECK(c->weights[0].values == sample_checkpoint().weights[0].values);
  CHECK(c->best[0].values == sample_checkpoint().best[0].values);
  CHECK(c->optimizer == sample_checkpoint().optimizer);
  CHECK(c->counts == sample_checkpoint().counts);
  REQUIRE(c->deferred.size() == 2);
  CHECK(c->deferred[0].seen == std::vector<int32_t>{0, 2, 1});
  CHECK(c->deferred[0].rates == std::vector<float>{0.1f, 1e-30f});
  CHECK(c->deferred[1].seen == std::vector<int32_t>{0});
  CHECK(c->first_losses[0] == 0.3);
  CHECK(std::isnan(c->first_losses[1]));
  CHECK(c->cursors[0].at == 20);
  CHECK(c->cursors[0].pass == 1);
  CHECK(c->epoch == 3);
  CHECK(c->steps_done == 4);
  CHECK(c->losses == sample_checkpoint().losses);
  CHECK(c->loss_counts == sample_checkpoint().loss_counts);
  CHECK(c->examples == 128);
  CHECK(c->epoch_seconds == 0.25);
  CHECK(c->updates == 55);
  CHECK(c->batches == 56);
  CHECK(c->best_value == 0.1 + 0.2);
  CHECK(difference(c->about, sample_checkpoint().about) == "");
  CHECK(c->about.sources == sample_checkpoint().about.sources);
  CHECK(c->about.sets == sample_checkpoint().about.sets);
}

TEST_CASE("no damage to a checkpoint goes further than a reason") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(write_checkpoint(folder.path("c"), sample_checkpoint(), why));
  const std::string bytes = slurp(folder.path("c"));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::ofstream(folder.path("d"), std::ios::binary) << bytes.substr(0, at);
    CHECK_FALSE(read_checkpoint(folder.path("d"), why));
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x11);
    std::ofstream(folder.path("d"), std::ios::binary) << flipped;
    read_checkpoint(folder.path("d"), why);
  }
}

TEST_CASE("what differs from an earlier run is named, with both values") {
  const RunFacts then = {
      {{"`lr`", "0.1", ""}, {"`en`", "2 names", "1"}, {"the computation", "", "5"}}, {{"m.mtl", "a\n  b = 1\n"}}, {}};
  RunFacts now = then;
  now.sources[0].second = "a\n  b = 2\n";
  CHECK(difference(then, now) == "");  // it computes the same
  now.facts[0].value = "0.2";
  CHECK(difference(then, now) == "`lr` was 0.1 and is 0.2");
  now.facts[1].hash = "2";
  CHECK(difference(then, now) == "`lr` was 0.1 and is 0.2; `en` (2 names) has other contents, or another order");
  now = then;
  now.facts[2].hash = "6";
  CHECK(difference(then, now) == "the computation is not what it was");
  now.sources[0].second = "a\n  b = 2\n";
  CHECK(difference(then, now) == "line 2 of `m.mtl` was `b = 1` and is `b = 2`");
  now.sets = {{"n", "1"}};
  CHECK(difference(then, now) == "`--set n` was not given and is 1");
  now = then;
  now.facts.erase(now.facts.begin());
  CHECK(difference(then, now) == "`lr` is gone");
  CHECK(difference(now, then) == "`lr` is new");
  const RunFacts twice = {{{"`freeze a`", "always", ""}, {"`freeze a`", "until epoch 2", ""}}, {}, {}};
  RunFacts other = twice;
  CHECK(difference(twice, other) == "");
  other.facts[1].value = "until epoch 3";
  CHECK(difference(twice, other) == "`freeze a` was until epoch 2 and is until epoch 3");
}

TEST_CASE("logs grow, and start anew with a new run") {
  TemporaryFolder folder;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const std::string run = folder.path("deep/run");
  {
    auto logs = RunFolder::open(run, false, emitter);
    REQUIRE(logs);
    logs->metrics("{}");
    logs->log("one");
  }
  CHECK_FALSE(RunFolder::open(run, true, emitter));
  CHECK(diag::render(emitter.sorted().at(0), sources, false).find("there is no such file") != std::string::npos);
  CHECK(slurp(run + "/train.log") == "one\n");
  emitter.clear();
  std::ofstream(run + "/checkpoint.safetensors") << "it is there";
  RunFolder::open(run, true, emitter)->log("two");
  CHECK(slurp(run + "/train.log") == "one\ntwo\n");
  RunFolder::open(run, false, emitter)->log("three");
  CHECK(slurp(run + "/train.log") == "three\n");
  CHECK(slurp(run + "/earlier/1/train.log") == "one\ntwo\n");
  CHECK_FALSE(emitter.has_errors());
  CHECK_FALSE(RunFolder::open(run + "/train.log", false, emitter));
  CHECK(emitter.error_count() == 1);
}

TEST_CASE("what an earlier run left is moved aside whole, unless it trained nothing") {
  TemporaryFolder folder;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const std::string run = folder.path("run");
  const auto leave = [&](const char* what, bool trained) {
    auto logs = RunFolder::open(run, false, emitter);
    REQUIRE(logs);
    logs->metrics(R"({"event":"start"})");
    logs->log(what);
    if (trained) std::ofstream(logs->model_path()) << what;
    return logs->moved_to();
  };
  CHECK(leave("one", true) == "");
  CHECK(leave("two", false) == run + "/earlier/1");
  CHECK(slurp(run + "/earlier/1/model.safetensors") == "one");
  CHECK(slurp(run + "/earlier/1/train.log") == "one\n");
  CHECK_FALSE(std::ifstream(run + "/model.safetensors"));
  CHECK(newest_earlier(run, "model.safetensors") == run + "/earlier/1/model.safetensors");
  CHECK(newest_earlier(run, "checkpoint.safetensors") == "");
  CHECK(leave("three", true) == "");
  CHECK(leave("four", false) == run + "/earlier/2");
  CHECK(slurp(run + "/earlier/2/model.safetensors") == "three");
  // Files that are not of a run at all are not written over either.
  const std::string other = folder.path("other");
  std::filesystem::create_directories(other);
  std::ofstream(other + "/train.log") << "mine";
  CHECK(RunFolder::open(other, false, emitter)->moved_to() == other + "/earlier/1");
  CHECK(slurp(other + "/earlier/1/train.log") == "mine");
}

TEST_CASE("metrics go back to where a run is resumed") {
  TemporaryFolder folder;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const std::string run = folder.path("run");
  const std::string start = R"({"event":"start","updates":99})", step = R"({"event":"step","update":)",
                    epoch = R"({"event":"epoch","update":2})", end = R"({"event":"end","updates":2})";
  auto logs = RunFolder::open(run, false, emitter);
  REQUIRE(logs);
  for (const std::string& line :
       {start, step + "1}", step + "2}", epoch, end, start, step + "3}", std::string("{\"ev")})
    logs->metrics(line);
  REQUIRE(logs->cut_metrics(2));
  const std::string kept = start + "\n" + step + "1}\n" + step + "2}\n" + epoch + "\n" + end + "\n" + start + "\n";
  CHECK(slurp(run + "/metrics.jsonl") == kept);
  logs->metrics(step + "3}");
  CHECK(slurp(run + "/metrics.jsonl") == kept + step + "3}\n");
  CHECK_FALSE(emitter.has_errors());
}

TEST_CASE("what a killed run wrote aside is removed, links and files of others are not") {
  TemporaryFolder folder;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const std::string run = folder.path("run") + "/", other = folder.path("other");
  std::filesystem::create_directories(run);
  const char* ours[] = {"model.safetensors.mtlc-a1B2c3", "checkpoint.safetensors.mtlc-zzzzzz",
                        "metrics.jsonl.mtlc-000000"};
  const char* theirs[] = {"model.safetensors.backup", "model.safetensors.mtlc-a1B2c3d", "answers.conll.mtlc-a1B2c3"};
  for (const char* name : ours) std::ofstream(run + name) << "half";
  for (const char* name : theirs) std::ofstream(run + name) << "mine";
  std::ofstream(other) << "mine";
  std::filesystem::create_symlink(other, run + "train.log.mtlc-a1B2c3");
  REQUIRE(RunFolder::open(run, false, emitter));
  for (const char* name : ours) CHECK_FALSE(std::filesystem::exists(run + name));
  for (const char* name : theirs) CHECK(slurp(run + name) == "mine");
  CHECK(slurp(other) == "mine");
}

TEST_CASE("logs do not follow links") {
  TemporaryFolder folder;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const std::string run = folder.path("run") + "/", other = folder.path("other");
  std::filesystem::create_directories(run);
  std::ofstream(other) << "mine";
  std::ofstream(run + "checkpoint.safetensors") << "it is there";
  std::filesystem::create_symlink(other, run + "train.log");
  CHECK_FALSE(RunFolder::open(run, true, emitter));
  CHECK(emitter.error_count() == 1);
  CHECK(slurp(other) == "mine");
}

TEST_CASE("a run folder belongs to one run") {
  TemporaryFolder folder;
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter(&sources);
  const auto first = RunFolder::open(folder.path("run"), false, emitter);
  REQUIRE(first);
  CHECK_FALSE(RunFolder::open(folder.path("run"), false, emitter));
  REQUIRE(emitter.error_count() == 1);
  CHECK(emitter.sorted()[0].kind == &mtl::diag::RunFolderInUse);
}
