// Examples are evaluated in the order of their split, so predictions line up with the split's own columns and the
// metrics read both side by side. The loss of a split is that of each batch, weighted by how many rows it is the mean
// of.
#include "runtime/training/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>

#include "runtime/training/labels.h"
#include "runtime/training/metrics.h"
#include "runtime/training/outputs.h"
#include "support/base/check.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

constexpr int64_t kBatch = 64;

using elaborate::TaskInfo;

// What one task said about one split.
struct Said {
  const TaskInfo* task = nullptr;
  const data::Split* split = nullptr;
  Rows rows, heads;
  std::vector<bool> labelled;   // by row
  std::vector<int64_t> starts;  // row_starts
  double loss = 0;
  double losses_of = 0;                // rows that `loss` sums over
  std::vector<char> correct;           // by row, where all_correct asks for it
  std::optional<int64_t> not_numbers;  // the first labelled row whose scores are NaN
};

struct SourceEngine {
  std::unique_ptr<engine::Engine> engine;
  std::vector<float> scalars;
  std::map<const data::Split*, std::unique_ptr<data::Batch>> batches;
};

bool wants(const std::vector<ModelMetric>& metrics, const std::string& task) {
  return std::any_of(metrics.begin(), metrics.end(), [&](const ModelMetric& m) {
    return m.kind == ModelMetric::Kind::all_correct && std::count(m.tasks.begin(), m.tasks.end(), task) > 0;
  });
}

// Notes where scores are NaN and there is a label. They are of the task's rows from `first` on.
void find_nan(Said& said, std::span<const float> scores, int64_t width, int64_t first) {
  for (size_t i = 0; i < scores.size() && !said.not_numbers; ++i) {
    const size_t row = static_cast<size_t>(first) + i / static_cast<size_t>(width);
    if (std::isnan(scores[i]) && row < said.labelled.size() && said.labelled[row])
      said.not_numbers = static_cast<int64_t>(row);
  }
}

// Whether each row's prediction is right; rows without a label are.
std::vector<char> correct_rows(const Said& said) {
  const data::Column& column = said.split->columns.at(said.task->target);
  const auto width = static_cast<size_t>(std::max<int64_t>(column.width, 1));
  std::vector<char> correct(said.labelled.size(), 1);
  for (size_t row = 0; row < correct.size(); ++row) {
    if (!said.labelled[row]) continue;
    for (size_t i = row * width; i < (row + 1) * width; ++i) {
      if (column.is_ids)
        correct[row] = correct[row] && said.rows.ids[i] == column.ids[i];
      else if (!std::isnan(column.numbers[i]))
        correct[row] = correct[row] && (said.rows.numbers[i] >= 0.5f) == (column.numbers[i] >= 0.5f);
    }
    if (!column.unseen.empty()) correct[row] = correct[row] && column.unseen[row] == 0;
  }
  return correct;
}

// How many of an example's positions that `limit` cut have a label: there is no prediction for them.
int64_t cut_labels(const Said& said, int64_t example) {
  const data::Column& column = said.split->columns.at(said.task->target);
  if (column.cut_starts.empty()) return 0;
  const auto at = column.cut_ids.begin();
  const auto i = static_cast<size_t>(example);
  const int64_t cut = column.cut_starts[i + 1] - column.cut_starts[i];
  return cut - std::count(at + column.cut_starts[i], at + column.cut_starts[i + 1], data::kMissing);
}

// By row of the task, the group that its example is in.
std::vector<int32_t> groups_of(const Said& said) {
  std::vector<int32_t> groups;
  if (said.task->group.empty()) return groups;
  const data::Column& column = said.split->columns.at(said.task->group);
  for (size_t example = 0; example + 1 < said.starts.size(); ++example)
    groups.resize(static_cast<size_t>(said.starts[example + 1]), column.ids[example]);
  return groups;
}

// Per example: all tasks right wherever they are labelled, what is cut included; examples without any label are left
// out. With `per`, the same by position.
double all_correct(const ModelMetric& metric, const std::vector<Said>& said) {
  std::vector<const Said*> parts;
  for (const std::string& name : metric.tasks)
    for (const Said& one : said)
      if (one.task->name == name) parts.push_back(&one);
  if (parts.size() != metric.tasks.size()) return kUndefined;
  if (std::any_of(parts.begin(), parts.end(), [](const Said* part) { return part->not_numbers.has_value(); }))
    return kUndefined;
  int64_t counted = 0, right = 0;
  const auto judge = [&](const auto& rows_of, int64_t units) {
    for (int64_t unit = 0; unit < units; ++unit) {
      bool any = false, all = true;
      for (const Said* part : parts) {
        const auto [begin, end] = rows_of(*part, unit);
        for (int64_t row = begin; row < end; ++row) {
          any = any || part->labelled[static_cast<size_t>(row)];
          all = all && part->correct[static_cast<size_t>(row)];
        }
        if (metric.per.empty() && cut_labels(*part, unit) > 0) any = true, all = false;
      }
      counted += any;
      right += any && all;
    }
  };
  if (metric.per.empty())
    judge([](const Said& s,
             int64_t i) { return std::pair(s.starts[static_cast<size_t>(i)], s.starts[static_cast<size_t>(i) + 1]); },
          parts[0]->split->examples);
  else
    judge([](const Said&, int64_t row) { return std::pair(row, row + 1); }, std::ssize(parts[0]->labelled));
  for (int64_t i = 0; !metric.per.empty() && i < parts[0]->split->examples; ++i) {
    int64_t cut = 0;  // the tasks' labels stand at the same positions
    for (const Said* part : parts) cut = std::max(cut, cut_labels(*part, i));
    counted += cut;
  }
  return counted == 0 ? kUndefined : static_cast<double>(right) / static_cast<double>(counted);
}

CombinedScore mean_of(const ModelMetric& metric, const Scores& scores) {
  CombinedScore out{metric.name, 0, stop_value(scores, {metric.values}).value_or(kUndefined)};
  for (const std::string& name : metric.values)
    out.value += scores.find(name).value_or(kUndefined) / static_cast<double>(metric.values.size());
  return out;
}

}  // namespace

struct Evaluator::State {
  Session& session;
  const data::Spec& spec;
  const data::Fitted& fitted;
  std::map<std::string, SourceEngine> engines;

  SourceEngine& engine_of(const std::string& source);
  void run(const SplitOf& part, std::vector<Said>& said);
  void measure(Said& said, Scores& scores);
};

SourceEngine& Evaluator::State::engine_of(const std::string& source) {
  SourceEngine& mine = engines[source];
  if (!mine.engine) {
    mine.engine = session.evaluation(source);
    mine.scalars = scalars_with_progress(*mine.engine, 1.0);
  }
  return mine;
}

// What the last run of the engine says.
static void take_outputs(const engine::Engine& engine, Said& said) {
  const int64_t first = said.rows.count();
  const size_t before = said.rows.numbers.size();
  append_output(engine, "predict." + said.task->name, said.rows);
  find_nan(said, std::span(said.rows.numbers).subspan(before), said.rows.width, first);
  if (!has_class_scores(*said.task)) return;
  Rows heads;
  append_output(engine, "head." + said.task->name, heads);
  find_nan(said, heads.numbers, heads.width, first);
  if (!needs_scores(*said.task)) return;
  said.heads.width = heads.width;
  said.heads.numbers.insert(said.heads.numbers.end(), heads.numbers.begin(), heads.numbers.end());
}

void Evaluator::State::run(const SplitOf& part, std::vector<Said>& all) {
  const data::Split& split = *part.split;
  std::vector<Said> said;
  for (const TaskInfo& task : session.model().tasks) {
    if (task.source != part.source || (task.target.empty() && !task.has_loss)) continue;
    said.emplace_back();
    said.back().task = &task;
    said.back().split = &split;
    if (task.target.empty()) continue;
    said.back().labelled = labelled_rows(split, task);
    said.back().starts = row_starts(split, task);
  }
  if (said.empty() || split.examples == 0) return;
  SourceEngine& mine = engine_of(part.source);
  auto& batch = mine.batches[&split];
  if (!batch) batch = std::make_unique<data::Batch>(split, part.source, std::min(kBatch, split.examples));
  const data::Batch* bound = batch.get();
  mine.engine->bind({&bound, 1});
  runtime::StepScalars step;
  step.values = mine.scalars.data();
  std::vector<uint32_t> chosen;
  for (int64_t begin = 0; begin < split.examples; begin += kBatch) {
    const int64_t end = std::min(split.examples, begin + kBatch);
    chosen.resize(static_cast<size_t>(end - begin));
    std::iota(chosen.begin(), chosen.end(), static_cast<uint32_t>(begin));
    batch->fill(chosen);
    mine.engine->run(step);
    for (Said& one : said) {
      if (!one.task->target.empty()) take_outputs(*mine.engine, one);
      if (!one.task->has_loss) continue;
      const engine::Engine& engine = *mine.engine;
      const double count = *engine.output_f32(engine.output("count." + one.task->name));
      if (count == 0) continue;
      one.loss += count * *engine.output_f32(engine.output("loss." + one.task->name));
      one.losses_of += count;
    }
  }
  for (Said& one : said) all.push_back(std::move(one));
}

void Evaluator::State::measure(Said& said, Scores& scores) {
  const TaskInfo& task = *said.task;
  TaskScores out;
  out.task = task.name;
  out.counted = std::count(said.labelled.begin(), said.labelled.end(), true);
  if (said.losses_of > 0) out.loss = said.loss / said.losses_of;
  if (task.target.empty() && out.loss) scores.tasks.push_back(out);
  if (out.counted == 0) return;
  const data::IdSet* labels = label_set(spec, fitted, task.source, task.target);
  const data::Column& gold = said.split->columns.at(task.target);
  Judged judged;
  judged.kind = task.kind;
  judged.width = std::max<int64_t>(gold.width, 1);
  judged.ids = said.rows.ids;
  judged.gold_ids = gold.ids;
  judged.numbers = said.rows.numbers;
  judged.gold_numbers = gold.numbers;
  judged.class_scores = said.heads.numbers;
  judged.starts = said.starts;
  judged.counts = rows_that_count(*said.split, task);
  judged.groups = groups_of(said);
  judged.cut_ids = gold.cut_ids;
  judged.cut_starts = gold.cut_starts;
  judged.unseen_names = gold.unseen_names;
  judged.unseen = gold.unseen;
  if (task.per_position) {
    const data::Ragged& ragged = said.split->ragged.at(task.target_dim);
    judged.cut = ragged.cut;
    judged.cut_front = ragged.keep_last;
  }
  if (labels != nullptr) judged.labels = &labels->names;
  const data::ColumnSpec* column = find_column(spec, task.source, task.target);
  const auto stats = fitted.numbers.find(task.source + "." + task.target);
  if (task.kind == TargetKind::number && column != nullptr && stats != fitted.numbers.end())
    judged.restore = [&](int64_t element, double value) {
      return data::restore_number(*column, stats->second, element, value);
    };
  const std::vector<Metric> metrics = metrics_of(task, labels);
  out.metrics = mtl::training::measure(metrics, judged);
  if (judged.width > 1 && (task.kind == TargetKind::boolean || task.kind == TargetKind::number)) {
    const std::vector<std::string> names = element_names(column, judged.width);
    for (int64_t k = 0; k < judged.width; ++k)
      out.columns.emplace_back(names[static_cast<size_t>(k)], measure_column(metrics, judged, k));
  }
  if (said.not_numbers) {
    const auto after = std::upper_bound(said.starts.begin(), said.starts.end(), *said.not_numbers);
    const auto example = static_cast<size_t>(after - said.starts.begin() - 1);
    out.not_numbers = "its scores are no numbers (NaN), first at " +
                      said.split->place_of(static_cast<int64_t>(example)) + ": " +
                      why_no_number(*said.split, task, example);
    const auto undefine = [](MetricValues& values) {
      for (auto& [metric, value] : values) value = kUndefined;
    };
    undefine(out.metrics);
    for (auto& [column, values] : out.columns) undefine(values);
  }
  scores.tasks.push_back(std::move(out));
}

Evaluator::Evaluator(Session& session, const data::Spec& spec, const data::Fitted& fitted)
    : state_(new State{session, spec, fitted, {}}) {}
Evaluator::~Evaluator() = default;

Scores Evaluator::of_right_answers(const std::vector<SplitOf>& splits) {
  State& s = *state_;
  Scores scores;
  for (const SplitOf& part : splits) {
    for (const TaskInfo& task : s.session.model().tasks) {
      if (task.source != part.source || task.target.empty()) continue;
      const data::Column& gold = part.split->columns.at(task.target);
      Said said{&task, part.split, {}, {}, {}, {}, 0, 0, {}};
      said.labelled = labelled_rows(*part.split, task);
      said.starts = row_starts(*part.split, task);
      said.rows.width = std::max<int64_t>(gold.width, 1);
      for (const int32_t id : gold.ids) said.rows.ids.push_back(std::max(id, 0));
      for (const float x : gold.numbers) said.rows.numbers.push_back(std::isnan(x) ? 0.0f : x);
      if (needs_scores(task)) {
        said.heads.width = task.classes.value();
        said.heads.numbers.assign(gold.ids.size() * static_cast<size_t>(said.heads.width), 0.0f);
      }
      s.measure(said, scores);
    }
  }
  return scores;
}

Scores Evaluator::evaluate(const std::vector<SplitOf>& splits) {
  const auto began = std::chrono::steady_clock::now();
  State& s = *state_;
  std::vector<Said> unordered, said;
  for (const SplitOf& part : splits) s.run(part, unordered);
  for (const TaskInfo& task : s.session.model().tasks)
    for (Said& one : unordered)
      if (one.task == &task) said.push_back(std::move(one));
  Scores scores;
  for (Said& one : said) {
    if (wants(s.session.model().metrics, one.task->name)) one.correct = correct_rows(one);
    s.measure(one, scores);
  }
  for (const ModelMetric& metric : s.session.model().metrics) {
    if (metric.kind == ModelMetric::Kind::mean) {
      scores.combined.push_back(mean_of(metric, scores));
    } else {
      const double share = all_correct(metric, said);
      scores.combined.push_back({metric.name, share, share});
    }
  }
  scores.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return scores;
}

namespace {
std::string why_undefined(const TaskScores& task, Metric metric) {
  if (!task.not_numbers.empty()) return task.not_numbers;
  switch (metric) {
    case Metric::auc:
      return "its labelled rows are all true or all false";
    case Metric::gauc:
      return "no group has true rows and false ones";
    case Metric::r2:
      return "one row has no variance";
    case Metric::pearson:
      return "the targets or the predictions are all the same";
    default:
      return "nothing counts there";
  }
}
}  // namespace

void warn_undefined(const Scores& scores, const std::string& split, std::set<std::string>& said,
                    diag::Emitter& emitter) {
  const auto warn = [&](const TaskScores& task, const MetricValues& values, const std::string& column) {
    bool any = false;
    for (const auto& [metric, value] : values) {
      if (!std::isnan(value)) continue;
      any = true;
      const std::string name = task.task + "." + metric_name(metric) + column;
      if (said.insert(name + " " + split).second)
        emitter.report(diag::MetricUndefined, name, split, why_undefined(task, metric));
    }
    return any;
  };
  for (const TaskScores& task : scores.tasks) {
    bool any = false;
    for (const auto& [column, values] : task.columns) any = warn(task, values, "." + column) || any;
    if (!any) warn(task, task.metrics, "");
  }
}

}  // namespace mtl::training
