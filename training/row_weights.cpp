#include "training/row_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/model.h"
#include "data/batch.h"
#include "training/labels.h"
#include "training/outputs.h"

namespace mtl::training {

namespace {

constexpr int64_t kExamples = 1024;

bool is_bad(float weight) {
  return !std::isfinite(weight) || weight < 0;
}

// The example of the batch that a row of a task's loss is in: rows are examples, or positions of the target.
int64_t example_of_row(const data::Batch& batch, const elaborate::TaskInfo& task, int64_t row, int64_t rows) {
  if (rows == 1 || rows == batch.examples() || !task.per_position) return std::min(row, batch.examples() - 1);
  const runtime::SpaceView& space = *batch.space(task.source + "." + task.target_dim);
  return std::upper_bound(space.offsets, space.offsets + batch.examples(), static_cast<int32_t>(row)) - space.offsets -
         1;
}

void report_bad(const elaborate::TaskInfo& task, float weight, int64_t example, double progress, bool moves,
                diag::Emitter& emitter) {
  const bool negative = weight < 0 && std::isfinite(weight);
  diag::Report report =
      negative ? emitter.report(diag::NegativeWeight, task.name, fmt::format("{}", weight))
               : emitter.report(diag::WeightNotFinite, task.name, std::isnan(weight) ? "not a number" : "infinite");
  std::string where = "in example " + std::to_string(example + 1) + " of train";
  if (moves) where += fmt::format(", when `progress` is {}", progress);
  std::move(report).at(*task.weight).note(where);
  std::move(report).help(negative ? "`max(w, 0.0)` leaves such examples out, `abs(w)` turns the sign round"
                                  : "look for divisions by what can be zero, and for logarithms of it");
}

// The tasks of a source, at a progress; those with a bad weight are reported and taken away.
void check_source(const data::Source& source, engine::Engine& engine, double progress,
                  std::vector<const elaborate::TaskInfo*>& tasks, diag::Emitter& emitter) {
  const data::Split& split = source.train;
  data::Batch batch(split, source.name, std::min(kExamples, split.examples));
  const data::Batch* bound = &batch;
  engine.bind({&bound, 1});
  const std::vector<float> scalars = scalars_with_progress(engine, progress);
  runtime::StepScalars step;
  step.values = scalars.data();
  std::vector<uint32_t> chosen;
  for (int64_t begin = 0; begin < split.examples && !tasks.empty(); begin += kExamples) {
    chosen.resize(static_cast<size_t>(std::min(kExamples, split.examples - begin)));
    std::iota(chosen.begin(), chosen.end(), static_cast<uint32_t>(begin));
    batch.fill(chosen);
    engine.run(step);
    const auto bad = [&](const elaborate::TaskInfo* task) {
      Rows rows;
      append_output(engine, "weight." + task->name, rows);
      const auto found = std::find_if(rows.numbers.begin(), rows.numbers.end(), is_bad);
      if (found == rows.numbers.end()) return false;
      const int64_t row = (found - rows.numbers.begin()) / rows.width;
      report_bad(*task, *found, begin + example_of_row(batch, *task, row, rows.count()), progress,
                 engine.scalar("progress") >= 0, emitter);
      return true;
    };
    tasks.erase(std::remove_if(tasks.begin(), tasks.end(), bad), tasks.end());
  }
}

}  // namespace

bool check_row_weights(Session& session, const data::Dataset& dataset, diag::Emitter& emitter) {
  for (const std::string& name : session.sources(true)) {
    std::vector<const elaborate::TaskInfo*> tasks;
    std::vector<std::string> names;
    for (const elaborate::TaskInfo& task : session.model().tasks) {
      if (task.source != name || !task.weight) continue;
      tasks.push_back(&task);
      names.push_back(task.name);
    }
    if (tasks.empty()) continue;
    const auto engine = session.row_weights(names);
    if (!engine) return false;
    const bool moves = engine->scalar("progress") >= 0;
    for (const double progress : {0.0, 0.25, 0.5, 0.75, 1.0})
      if (moves || progress == 1) check_source(*find_source(dataset, name), *engine, progress, tasks, emitter);
  }
  return !emitter.has_errors();
}

}  // namespace mtl::training
