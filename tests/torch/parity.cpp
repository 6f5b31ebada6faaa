// The first losses of a model, from weights drawn by the seed:
//   parity FILE.mtl --golden FILE.json    compares with PyTorch's losses from the same weights (to 1e-4 relative, each
//                                         task, each step); exit 1 if they differ
//   parity FILE.mtl --out DIR             writes start.safetensors (weights, vocabularies) and steps.json (the batches
//                                         and our losses), from which parity.py makes the goldens
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/training/initialise.h"
#include "runtime/training/steps.h"
#include "runtime/training/train.h"

namespace {

using namespace mtl;
using Json = nlohmann::json;
constexpr int kSteps = 50;
constexpr double kTolerance = 1e-4;

struct Trace {
  Json batches = Json::array();  // of the only source: numbers of examples
  Json losses = Json::array();   // {task: loss}
};

void print_reports(const diag::Emitter& emitter) {
  for (const auto& d : emitter.sorted()) fmt::print(stderr, "{}\n", diag::render(d, *emitter.sources(), false));
}

// Trains kSteps steps; with `out`, saves the first weights there.
bool trace(const std::string& path, const std::string& out, Trace& result) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const sema::CheckOptions check;
  const auto file = sema::check(path, sources, check, emitter);
  const auto program = file ? elaborate::describe(*file, emitter) : std::nullopt;
  data::LoadOptions load;
  load.data_dir = std::filesystem::path(path).parent_path().string();
  const auto dataset = program ? data::load(program->data, load, emitter) : std::nullopt;
  const auto session =
      dataset ? training::Session::open(training::make_elaborator(*file, program->data, dataset->fitted, emitter), {})
              : nullptr;
  if (!session) return print_reports(emitter), false;
  const uint64_t seed = program->train.seed;
  training::initialise(session->params(), *dataset, seed, session->weights());
  if (!out.empty()) {
    model::ModelFile start = training::about_model(*file, sources, check);
    start.fitted = dataset->fitted;
    start.tensors = model::to_tensors(session->weights());
    std::string why;
    if (!model::save_model(out + "/start.safetensors", start, why)) return fmt::print(stderr, "{}\n", why), false;
  }
  const auto steps = training::Steps::make(*session, program->train, program->data, *dataset, seed, emitter);
  if (!steps) return print_reports(emitter), false;
  training::Stream order(dataset->sources[0].train, dataset->sources[0].name, program->train.batch, seed);
  for (int i = 0; i < kSteps; ++i) {
    const auto batch = order.next();
    result.batches.push_back(std::vector<uint32_t>(batch.begin(), batch.end()));
    steps->run(training::Mix::kAll, i, 0.0, 0);
    Json losses;
    for (const auto& loss : steps->losses()) losses[loss.task] = loss.loss;
    result.losses.push_back(losses);
    steps->optimizer().update(1.0, 1);
  }
  return true;
}

int compare(const Json& golden, const Json& ours) {
  double worst = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    for (const auto& [task, loss] : golden[i].items()) {
      const double expected = loss, found = ours.at(i).at(task);
      worst = std::max(worst, std::abs(found - expected) / std::abs(expected));
      if (!(std::abs(found - expected) <= kTolerance * std::abs(expected))) {
        fmt::print("step {}, task {}: {} here, {} in PyTorch\n", i + 1, task, found, expected);
        return 1;
      }
    }
  }
  fmt::print("{} steps agree, the worst to {:.1e}\n", golden.size(), worst);
  return golden.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return fmt::print(stderr, "parity FILE.mtl --golden FILE.json | --out DIR\n"), 2;
  const bool write = std::strcmp(argv[2], "--out") == 0;
  Trace ours;
  if (!trace(argv[1], write ? argv[3] : "", ours)) return 1;
  if (write) {
    std::ofstream(std::string(argv[3]) + "/steps.json")
        << Json{{"batches", ours.batches}, {"losses", ours.losses}}.dump();
    return 0;
  }
  return compare(Json::parse(std::ifstream(argv[3])), ours.losses);
}
