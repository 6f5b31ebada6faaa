// Evaluates the weights of rows once, before the first step.
#include "runtime/training/row_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/data/batch.h"
#include "runtime/training/labels.h"
#include "runtime/training/outputs.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/model.h"

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

void report_bad(const elaborate::TaskInfo& task, float weight, const std::string& place, double progress, bool moves,
                diag::Emitter& emitter) {
  const bool negative = weight < 0 && std::isfinite(weight);
  diag::Report report =
      negative ? emitter.report(diag::NegativeWeight, task.name, fmt::format("{}", weight))
               : emitter.report(diag::WeightNotFinite, task.name, std::isnan(weight) ? "not a number" : "infinite");
  std::string where = place + ", in train";
  if (moves) where += fmt::format(", when `progress` is {}", progress);
  std::move(report).at(*task.weight).note(where);
  std::move(report).help(negative ? "`max(w, 0.0)` leaves such examples out, `abs(w)` turns the sign round"
                                  : "look for divisions by what can be zero, and for logarithms of it");
}

// False after a report.
bool check_task(const elaborate::TaskInfo& task, const data::Source& source, engine::Engine& engine, double progress,
                diag::Emitter& emitter) {
  const data::Split& split = source.train;
  data::Batch batch(split, source.name, std::min(kExamples, split.examples));
  const data::Batch* bound = &batch;
  engine.bind({&bound, 1});
  const std::vector<float> scalars = scalars_with_progress(engine, progress);
  runtime::StepScalars step;
  step.values = scalars.data();
  std::vector<uint32_t> chosen;
  for (int64_t begin = 0; begin < split.examples; begin += kExamples) {
    chosen.resize(static_cast<size_t>(std::min(kExamples, split.examples - begin)));
    std::iota(chosen.begin(), chosen.end(), static_cast<uint32_t>(begin));
    batch.fill(chosen);
    engine.run(step);
    Rows rows;
    append_output(engine, "weight." + task.name, rows);
    const auto bad = std::find_if(rows.numbers.begin(), rows.numbers.end(), is_bad);
    if (bad == rows.numbers.end()) continue;
    const int64_t row = (bad - rows.numbers.begin()) / rows.width;
    report_bad(task, *bad, split.place_of(begin + example_of_row(batch, task, row, rows.count())), progress,
               engine.scalar("progress") >= 0, emitter);
    return false;
  }
  return true;
}

}  // namespace

bool check_row_weights(Session& session, const data::Dataset& dataset, diag::Emitter& emitter) {
  bool good = true;
  for (const elaborate::TaskInfo& task : session.model().tasks) {
    if (!task.weight) continue;
    const auto engine = session.row_weights(task.name);
    if (!engine) return false;
    const bool moves = engine->scalar("progress") >= 0;
    bool mine = true;
    for (const double progress : {0.0, 0.25, 0.5, 0.75, 1.0})
      if (mine && (moves || progress == 1))
        mine = check_task(task, *find_source(dataset, task.source), *engine, progress, emitter);
    good = good && mine;
  }
  return good;
}

}  // namespace mtl::training
