// The inner loop of `mtlc predict`, one sentence at a time on one thread, for tests/bench/latency.py:
//   predict_loop MODEL.safetensors SENTENCES SECONDS
// SENTENCES is in the format of the model's source. A call packs an encoded example and runs the compiled program;
// texts are encoded before. Prints JSON: the median and the 99th percentile of a call in microseconds.
#include <fmt/format.h>

#include <cstdlib>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/check.h"
#include "compiler/sema/load.h"
#include "runtime/core/kernels.h"
#include "runtime/data/batch.h"
#include "runtime/data/input.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/training/compile.h"
#include "tests/bench/timing.h"

namespace {

using namespace mtl;

bool measure(char** argv, diag::Emitter& emitter, SourceMap& sources, std::string& why) {
  auto model = model::load_model(argv[1], why);
  const auto text = sema::read_file(argv[2], why);
  if (!model || !text) return false;
  sema::CheckOptions check{model->model, model->sets, {}};
  check.texts.insert(model->sources.begin(), model->sources.end());
  const auto& [path, source] = model->sources.front();
  const auto file = sema::check_text(path, source, sources, check, emitter);
  const auto program = file ? elaborate::describe(*file, emitter) : std::nullopt;
  if (!program) return false;
  const auto session = training::Session::open_for_prediction(
      training::make_elaborator(*file, program->data, model->fitted, emitter), {}, {});
  if (!session || !model::to_weights(model->tensors, session->weights(), why)) return false;
  std::vector<std::string> tasks, columns;
  for (const elaborate::TaskInfo& task : session->model().tasks) {
    tasks.push_back(task.name);
    columns.insert(columns.end(), task.inputs.begin(), task.inputs.end());
  }
  const auto engine = session->prediction(tasks, {});
  const data::SourceSpec& spec = program->data.sources.front();
  const auto input = data::encode_text(spec, model->fitted, columns, data::RawFormat::source, *text, argv[2], emitter);
  if (!input) return false;
  data::Batch batch(input->split, spec.name, 1);
  const data::Batch* bound = &batch;
  engine->bind({&bound, 1});
  const std::vector<float> scalars = training::scalars_with_progress(*engine, 1.0);
  runtime::StepScalars step;
  step.values = scalars.data();
  const bench::Spread times =
      bench::time_calls(static_cast<size_t>(input->split.examples), std::atof(argv[3]), [&](size_t i) {
        const auto example = static_cast<uint32_t>(i);
        batch.fill({&example, 1});
        engine->run(step);
      });
  fmt::print("{{\"p50_us\": {:.1f}, \"p99_us\": {:.1f}}}\n", times.p50, times.p99);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  runtime::set_threads(1);
  SourceMap sources;
  diag::Emitter emitter(&sources);
  std::string why;
  const bool good = measure(argv, emitter, sources, why);
  for (const auto& d : emitter.sorted()) fmt::print(stderr, "{}\n", diag::render(d, sources, false));
  if (!why.empty()) fmt::print(stderr, "{}\n", why);
  return good ? 0 : 1;
}
