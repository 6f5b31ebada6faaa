// Finds the columns that a task's labels, names and weights come from.
#include "runtime/training/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/training/spans.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

const data::Source* find_source(const data::Dataset& dataset, const std::string& name) {
  for (const data::Source& source : dataset.sources)
    if (source.name == name) return &source;
  return nullptr;
}

const data::SourceSpec* find_source(const data::Spec& spec, const std::string& name) {
  for (const data::SourceSpec& source : spec.sources)
    if (source.name == name) return &source;
  return nullptr;
}

const data::ColumnSpec* find_column(const data::Spec& spec, const std::string& source, const std::string& column) {
  const data::SourceSpec* found = find_source(spec, source);
  if (found == nullptr) return nullptr;
  for (const data::ColumnSpec& mine : found->columns)
    if (mine.name == column) return &mine;
  return nullptr;
}

const data::IdSet* label_set(const data::Spec& spec, const data::Fitted& fitted, const std::string& source,
                             const std::string& column) {
  const auto own = fitted.sets.find(source + "." + column);
  if (own != fitted.sets.end()) return &own->second;
  const data::ColumnSpec* found = find_column(spec, source, column);  // label(src.col): the set of another column
  if (found == nullptr || found->labels_of.empty()) return nullptr;
  const auto other = fitted.sets.find(found->labels_of);
  return other == fitted.sets.end() ? nullptr : &other->second;
}

std::vector<std::string> element_names(const data::ColumnSpec* column, int64_t width) {
  std::vector<std::string> names;
  if (column != nullptr) names = column->binding.names;
  if (column != nullptr && names.empty())
    for (const int64_t index : column->binding.indices) names.push_back(std::to_string(index));
  if (std::ssize(names) == width) return names;
  names.clear();
  for (int64_t i = 0; i < width; ++i) names.push_back(std::to_string(i));
  return names;
}

bool has_columns(const elaborate::TaskInfo& task) {
  return !task.target.empty() && (task.kind == TargetKind::boolean || task.kind == TargetKind::number);
}

bool has_class_scores(const elaborate::TaskInfo& task) {
  return task.kind == TargetKind::label && !task.target.empty();
}

bool needs_scores(const elaborate::TaskInfo& task) {
  return task.kind == TargetKind::label &&
         std::find(task.metrics.begin(), task.metrics.end(), Metric::log_loss) != task.metrics.end();
}

std::vector<bool> rows_that_count(const data::Split& split, const elaborate::TaskInfo& task) {
  if (task.when.empty()) return {};
  const data::Column& when = split.columns.at(task.when);
  std::vector<bool> counts(when.numbers.size());
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = when.numbers[i] > 0.5f;  // NaN: it does not
  if (!task.per_position) return counts;
  const data::Ragged& ragged = split.ragged.at(task.target_dim);
  const auto positions = static_cast<size_t>(ragged.offsets.back());
  if (counts.size() == positions) return counts;  // `when` is per position itself
  std::vector<bool> by_position(positions);
  for (size_t i = 0; i + 1 < ragged.offsets.size(); ++i)
    for (int32_t p = ragged.offsets[i]; p < ragged.offsets[i + 1]; ++p) by_position[static_cast<size_t>(p)] = counts[i];
  return by_position;
}

std::vector<bool> labelled_rows(const data::Split& split, const elaborate::TaskInfo& task) {
  const auto found = split.columns.find(task.target);
  MTL_CHECK(found != split.columns.end(), "the target column of a task");
  const data::Column& column = found->second;
  const auto width = static_cast<size_t>(std::max<int64_t>(column.width, 1));
  const size_t rows = (column.is_ids ? column.ids.size() : column.numbers.size()) / width;
  std::vector<bool> labelled = rows_that_count(split, task);
  if (labelled.empty()) labelled.assign(rows, true);
  for (size_t row = 0; row < rows; ++row) {
    bool has = false;
    for (size_t i = row * width; i < (row + 1) * width; ++i)
      has = has || (column.is_ids ? column.ids[i] != data::kMissing : !std::isnan(column.numbers[i]));
    if (!has) labelled[row] = false;
  }
  return labelled;
}

namespace {

// In which example a row of `dim` is ("": the row is one).
int64_t example_of(const data::Split& split, std::string dim, size_t row) {
  while (!dim.empty()) {
    const data::Ragged& ragged = split.ragged.at(dim);
    row = static_cast<size_t>(std::upper_bound(ragged.offsets.begin(), ragged.offsets.end(), row) -
                              ragged.offsets.begin() - 1);
    dim = ragged.parent;
  }
  return static_cast<int64_t>(row);
}

// Calls `found` with the row of the rule's parent and the length that is too small, until it says no.
template <class Found>
void find_short(const data::Split& split, const std::string& above, const elaborate::LengthRule& rule, Found&& found) {
  if (split.examples == 0) return;
  const size_t rows = above.empty() ? static_cast<size_t>(split.examples) : split.ragged.at(above).offsets.size() - 1;
  const int64_t least = -rule.rest.constant_term();
  for (size_t row = 0; row < rows; ++row) {
    const int64_t rest = rule.rest.evaluate([&](const std::string& dim) {  // nested ones go by their full path
      const auto& offsets = split.ragged.at((above.empty() ? "" : above + ".") + dim).offsets;
      return offsets[row + 1] - offsets[row];
    });
    if (rest < 0 && !found(row, rest + least)) return;
  }
}

// The ragged dimension of a rule's parent, "" for the examples.
std::string dim_above(const elaborate::TaskInfo& task, const elaborate::LengthRule& rule) {
  return rule.parent.size() > task.source.size() ? rule.parent.substr(task.source.size() + 1) : "";
}

bool check_lengths(const data::Split& split, const std::string& where, const elaborate::TaskInfo& task,
                   const elaborate::LengthRule& rule, diag::Emitter& emitter) {
  const std::string above = dim_above(task, rule);
  bool good = true;
  find_short(split, above, rule, [&](size_t row, int64_t length) {
    emitter
        .report(diag::SequenceTooShort, task.name, rule.rest.variable_part().text(), -rule.rest.constant_term(), length)
        .at(rule.range)
        .note(split.place_of(example_of(split, above, row)) + ", in " + where)
        .help("`pad` makes a sequence longer, `concat` joins two");
    return good = false;
  });
  return good;
}

}  // namespace

std::vector<Unreadable> unreadable_examples(const data::Split& split, const elaborate::TaskInfo& task) {
  std::vector<Unreadable> all;
  for (const std::string& name : task.inputs) {
    const auto found = split.columns.find(name);
    if (found == split.columns.end() || found->second.missing == 0) continue;
    const data::Column& column = found->second;
    const auto width = static_cast<size_t>(std::max<int64_t>(column.width, 1));
    for (size_t i = 0; i < std::max(column.ids.size(), column.numbers.size()); ++i) {
      if (column.is_ids ? column.ids[i] != data::kMissing : !std::isnan(column.numbers[i])) continue;
      all.push_back({example_of(split, column.dim, i / width), name});
    }
  }
  for (const elaborate::LengthRule& rule : task.lengths) {
    const std::string above = dim_above(task, rule);
    find_short(split, above, rule, [&](size_t row, int64_t length) {
      all.push_back({example_of(split, above, row), "", &rule, length});
      return true;
    });
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.example < b.example; });
  return all;
}

bool check_inputs(const data::Split& split, const std::string& where, const elaborate::TaskInfo& task,
                  diag::Emitter& emitter) {
  for (const std::string& name : task.inputs) {
    const auto found = split.columns.find(name);
    if (found == split.columns.end() || found->second.missing == 0) continue;
    emitter
        .report(diag::MissingInput, task.name, task.source + "." + name,
                count_of(static_cast<size_t>(found->second.missing), "missing value"))
        .at(task.range)
        .note("the first is at " + found->second.first_missing)
        .help("give the column a value for them: `fill(0.0)`, `fill(mean)` or `fill(\"none\")`");
    return false;
  }
  return std::all_of(task.lengths.begin(), task.lengths.end(), [&](const elaborate::LengthRule& rule) {
    return check_lengths(split, where, task, rule, emitter);
  });
}

bool check_span_metrics(const std::vector<elaborate::TaskInfo>& tasks, const data::Spec& spec,
                        const data::Fitted& fitted, diag::Emitter& emitter) {
  constexpr size_t kShown = 4;
  for (const elaborate::TaskInfo& task : tasks) {
    if (std::find(task.metrics.begin(), task.metrics.end(), Metric::span_f1) == task.metrics.end()) continue;
    const data::IdSet* labels = label_set(spec, fitted, task.source, task.target);
    if (labels == nullptr || find_span_form(labels->names)) continue;
    std::vector<std::string> some;
    for (size_t i = 0; i < labels->names.size() && i < kShown; ++i) some.push_back("`" + labels->names[i] + "`");
    if (labels->names.size() > kShown) some.push_back("and so on");
    const std::vector<std::string> odd = labels_beside_tags(labels->names);
    emitter.report(diag::LabelsMarkNoSpans, task.name, task.source + "." + task.target)
        .at(task.range)
        .note(odd.empty() ? "they are " + join(some, ", ")
                          : "all but `" + join(odd, "`, `", "` and `") + "` are tags or stand outside")
        .help(
            "write `accuracy` or `macro_f1`; tags that mark spans are `B-per`, `I-per` and `O`, `per-B`, or `B`, `I`, "
            "`O`");
    return false;
  }
  return true;
}

std::pair<size_t, size_t> rows_of(const data::Split& split, const std::string& dim, size_t example) {
  if (dim.empty()) return {example, example + 1};
  const data::Ragged& ragged = split.ragged.at(dim);
  const auto [begin, end] = rows_of(split, ragged.parent, example);
  return {static_cast<size_t>(ragged.offsets[begin]), static_cast<size_t>(ragged.offsets[end])};
}

std::string why_no_number(const data::Split& split, const elaborate::TaskInfo& task, size_t example) {
  float largest = 0;
  std::string of;
  for (const std::string& name : task.inputs) {
    const auto found = split.columns.find(name);
    if (found == split.columns.end() || found->second.is_ids) continue;
    const data::Column& column = found->second;
    const auto [begin, end] = rows_of(split, column.dim, example);
    const auto width = static_cast<size_t>(std::max<int64_t>(column.width, 1));
    const std::string called = "`" + task.source + "." + name + "`";
    for (size_t i = begin * width; i < end * width; ++i) {
      const float x = std::abs(column.numbers[i]);
      if (std::isinf(x)) return called + " is infinite once its transforms are done";
      if (of.empty() || x > largest) largest = x, of = called;
    }
  }
  if (of.empty()) return "the model makes them, it reads no numbers";
  return fmt::format("the model makes them of finite numbers, of which the largest is {:.4g} in {}", largest, of);
}

int64_t count_labels(const data::Split& split, const elaborate::TaskInfo& task) {
  const std::vector<bool> labelled = labelled_rows(split, task);
  return std::count(labelled.begin(), labelled.end(), true);
}

std::vector<int64_t> row_starts(const data::Split& split, const elaborate::TaskInfo& task) {
  std::vector<int64_t> starts;
  if (task.per_position) {
    const auto& offsets = split.ragged.at(task.target_dim).offsets;
    starts.assign(offsets.begin(), offsets.end());
  } else {
    for (int64_t i = 0; i <= split.examples; ++i) starts.push_back(i);
  }
  return starts;
}

std::vector<Metric> metrics_of(const elaborate::TaskInfo& task, const data::IdSet* labels) {
  std::vector<Metric> metrics = task.metrics;
  if (!task.span_f1_if_tagged || labels == nullptr || !find_span_form(labels->names)) return metrics;
  if (std::find(metrics.begin(), metrics.end(), Metric::span_f1) == metrics.end()) metrics.push_back(Metric::span_f1);
  return metrics;
}

std::vector<std::string> metric_names(const elaborate::ElaboratedModel& model, const data::Spec& spec) {
  std::vector<std::string> names;
  for (const elaborate::TaskInfo& task : model.tasks) {
    std::vector<std::string> columns;
    const data::ColumnSpec* target = find_column(spec, task.source, task.target);
    int64_t width = 1;
    if (target != nullptr && has_columns(task))
      for (const int64_t dim : target->fixed) width *= dim;
    if (width > 1) columns = element_names(target, width);
    for (Metric metric : task.metrics) {
      names.push_back(task.name + "." + metric_name(metric));
      for (const std::string& column : columns) names.push_back(task.name + "." + metric_name(metric) + "." + column);
    }
    if (task.has_loss) names.push_back(task.name + ".loss");
  }
  for (const ModelMetric& metric : model.metrics) names.push_back(metric.name);
  return names;
}

}  // namespace mtl::training
