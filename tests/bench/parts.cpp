// How finely the steps of a model are cut, and how even the parts are:
//   bench_parts FILE.mtl DATA_DIR [STEPS]
//
// It takes the place of the pool (runtime/threads/pool.h): parts run one after the other on one thread, each timed.
// Printed are the regions and parts of a step, and for 2, 16 and 64 threads the share of their time that they would
// work: parts are given out as the pool gives them out, the next one to whoever is free first. The rest of the time
// they wait for the last part of a region. Time outside of regions is not counted.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <queue>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/check.h"
#include "compiler/sema/load.h"
#include "runtime/data/load.h"
#include "runtime/threads/pool.h"
#include "runtime/training/initialise.h"
#include "runtime/training/steps.h"
#include "runtime/training/train.h"

namespace mtl::runtime {
namespace {

using Parts = std::vector<double>;  // microseconds of each, in order
std::vector<Parts> regions;         // of the steps counted
bool counting = false, inside = false;

double microseconds() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double makespan(const Parts& parts, int count) {
  std::priority_queue<double, Parts, std::greater<>> free_at(std::greater<>(), Parts(static_cast<size_t>(count)));
  double end = 0;
  for (const double part : parts) {
    const double done = free_at.top() + part;
    free_at.pop();
    free_at.push(done);
    end = std::max(end, done);
  }
  return end;
}

void print_table(int steps) {
  if (regions.empty()) return fmt::print("no loop or kernel of a step is cut: each is less than is worth a thread\n");
  size_t parts = 0, most = 0;
  double total = 0;
  for (const Parts& region : regions) {
    parts += region.size();
    most = std::max(most, region.size());
    for (const double part : region) total += part;
  }
  const auto of_step = [&](double x) { return x / steps; };
  fmt::print("{:.1f} regions and {:.1f} parts a step, {} parts at most, {:.1f} us each\n",
             of_step(static_cast<double>(regions.size())), of_step(static_cast<double>(parts)), most,
             total / static_cast<double>(parts));
  for (const int count : {1, 2, 16, 64}) {
    double time = 0;
    for (const Parts& region : regions) time += makespan(region, count);
    fmt::print("{:3} threads: {:8.1f} us a step, {:5.1f} times one, at work {:4.0f} %\n", count, of_step(time),
               total / time, 100 * total / time / count);
  }
}

}  // namespace

bool in_parallel() {
  return inside;
}
int thread_number() {
  return 0;
}
void set_threads(int) {}
int threads() {
  return 2;  // so that callers cut
}
void run_parts(int64_t parts, void (*run)(void*, int64_t), void* context) {
  const bool counted = counting && !inside && parts > 1;
  const bool outer = !inside;
  inside = true;
  if (counted) regions.emplace_back();
  for (int64_t i = 0; i < parts; ++i) {
    const double begin = microseconds();
    run(context, i);
    if (counted) regions.back().push_back(microseconds() - begin);
  }
  if (outer) inside = false;
}

}  // namespace mtl::runtime

namespace {

using namespace mtl;

bool train(const std::string& path, const std::string& folder, int count, diag::Emitter& emitter, SourceMap& sources) {
  const auto file = sema::check(path, sources, {}, emitter);
  const auto program = file ? elaborate::describe(*file, emitter) : std::nullopt;
  data::LoadOptions load;
  load.data_dir = folder;
  const auto dataset = program ? data::load(program->data, load, emitter) : std::nullopt;
  const auto session =
      dataset ? training::Session::open(training::make_elaborator(*file, program->data, dataset->fitted, emitter), {})
              : nullptr;
  if (!session) return false;
  const uint64_t seed = program->train.seed;
  training::initialise(session->params(), *dataset, seed, session->weights());
  const auto steps = training::Steps::make(*session, program->train, program->data, *dataset, seed, emitter);
  if (!steps) return false;
  training::Stream order(dataset->sources[0].train, dataset->sources[0].name, program->train.batch, seed);
  constexpr int kWarmUp = 5;
  for (int i = 0; i < kWarmUp + count; ++i) {
    runtime::counting = i >= kWarmUp;
    order.next();
    steps->run(training::Mix::kAll, i, 0.0);
    steps->optimizer().update(1.0, static_cast<uint64_t>(i) + 1);
  }
  runtime::print_table(count);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fmt::print(stderr, "bench_parts FILE.mtl DATA_DIR [STEPS]\n"), 2;
  SourceMap sources;
  diag::Emitter emitter(&sources);
  if (train(argv[1], argv[2], argc > 3 ? std::max(1, std::atoi(argv[3])) : 20, emitter, sources)) return 0;
  for (const auto& d : emitter.sorted()) fmt::print(stderr, "{}\n", diag::render(d, *emitter.sources(), false));
  return 1;
}
