// What trains without an error and is hardly meant: targets that say nothing, a warm-up that never ends, losses that no
// training has.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/data/load.h"
#include "runtime/training/labels.h"
#include "runtime/training/run.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

constexpr double kFarAbove = 10;  // times a loss by chance

// The values of one element of a target, of the rows that count.
struct Seen {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  double squares = 0, count = 0;
  void add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
    squares += x * x;
    ++count;
  }
};

std::vector<Seen> numbers_of(const data::Split& train, const elaborate::TaskInfo& task) {
  const data::Column& column = train.columns.at(task.target);
  const std::vector<bool> counts = labelled_rows(train, task);
  const auto width = static_cast<size_t>(std::max<int64_t>(column.width, 1));
  std::vector<Seen> seen(width);
  for (size_t row = 0; row < counts.size(); ++row) {
    for (size_t i = 0; counts[row] && i < width; ++i) {
      const double x = column.is_ids ? column.ids[row * width + i] : column.numbers[row * width + i];
      if (!std::isnan(x) && (!column.is_ids || x >= 0)) seen[i].add(x);
    }
  }
  return seen;
}

std::set<int32_t> classes_of(const data::Split& train, const elaborate::TaskInfo& task) {
  const data::Column& column = train.columns.at(task.target);
  std::set<int32_t> classes;
  if (!column.is_ids) {  // a row of 0 and 1 for each
    const std::vector<Seen> seen = numbers_of(train, task);
    for (size_t i = 0; i < seen.size(); ++i)
      if (seen[i].high == 1) classes.insert(static_cast<int32_t>(i));
    return classes;
  }
  const std::vector<bool> counts = labelled_rows(train, task);
  for (size_t row = 0; row < counts.size(); ++row)
    if (counts[row] && column.ids[row] >= 0) classes.insert(column.ids[row]);
  return classes;
}

// Of a head that knows nothing: all classes alike, or 0 for a number.
double loss_by_chance(const data::Split& train, const elaborate::TaskInfo& task, size_t classes) {
  if (task.kind == TargetKind::label) return std::log(static_cast<double>(std::max<size_t>(classes, 2)));
  if (task.kind != TargetKind::number) return std::log(2.0);
  double squares = 0, count = 0;
  for (const Seen& one : numbers_of(train, task)) squares += one.squares, count += one.count;
  return count > 0 ? squares / count : 0;
}

}  // namespace

void Run::warn_of_target(const data::Split& train, const elaborate::TaskInfo& task) {
  const std::string name = "`" + task.source + "." + task.target + "`";
  const data::ColumnSpec* column = find_column(input_.spec, task.source, task.target);
  const data::Fitted& fitted = input_.dataset.fitted;
  const auto constant = [&](const std::string& of, const std::string& value) {
    emitter_.report(diag::ConstantTarget, task.name, of, value)
        .at(task.range)
        .help("there is nothing to learn from it: look at the file, the column and its transforms");
  };
  if (const data::IdSet* set = label_set(input_.spec, fitted, task.source, task.target)) {
    const std::set<int32_t> there = classes_of(train, task);
    if (task.kind == TargetKind::label && there.size() == 1)
      return constant(name, "`" + set->names[static_cast<size_t>(*there.begin())] + "`");
    std::vector<std::string> absent;
    for (size_t i = 0; i < set->names.size(); ++i)
      if (!there.count(static_cast<int32_t>(i))) absent.push_back("`" + set->names[i] + "`");
    if (absent.empty() || there.empty()) return;
    const size_t all = absent.size(), shown = std::min<size_t>(all, 5);
    absent.resize(shown);
    emitter_
        .report(diag::ClassNotInTrain, task.name, name, join(absent) + (all > shown ? ", ..." : ""),
                count_of(all, "class"))
        .at(task.range)
        .help("a model does not learn to answer with them; leave them out of the set if they are not meant");
    return;
  }
  const std::vector<Seen> seen = numbers_of(train, task);
  if (task.kind == TargetKind::number && column != nullptr) warn_of_bounds(train, task, *column);
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].count < 2 || seen[i].low != seen[i].high) continue;
    const bool truth = task.kind == TargetKind::boolean;
    using Kind = data::Transform::Kind;
    const bool said = truth && seen[i].high == 0 && column != nullptr &&
                      std::any_of(column->transforms.begin(), column->transforms.end(),
                                  [](const data::Transform& t) { return t.kind == Kind::is; });
    if (said && seen.size() == 1) continue;  // W0507 has
    double value = seen[i].high;
    if (const auto stats = fitted.numbers.find(task.source + "." + task.target);
        !truth && column != nullptr && stats != fitted.numbers.end())
      value = data::restore_number(*column, stats->second, static_cast<int64_t>(i), value);
    const std::string of = seen.size() == 1 ? name : "number " + std::to_string(i) + " of " + name;
    constant(of, truth ? (value == 1 ? "`true`" : "`false`") : fmt::format("{:.6g}", value));
  }
}

// A head that `sigmoid`, `tanh` or `relu` ends, and numbers that it never reaches.
void Run::warn_of_bounds(const data::Split& train, const elaborate::TaskInfo& task, const data::ColumnSpec& column) {
  size_t below = 0, above = 0;
  const std::vector<bool> counts = labelled_rows(train, task);
  const data::Column& numbers = train.columns.at(task.target);
  const auto width = static_cast<size_t>(std::max<int64_t>(numbers.width, 1));
  double low = 0, high = 0;  // the least and the greatest of those
  for (size_t i = 0; i < counts.size() * width; ++i) {
    const double x = numbers.numbers[i];
    if (!counts[i / width] || std::isnan(x)) continue;
    const double slack = 1e-5 * std::max(1.0, std::abs(x));
    if (x < task.low - slack) low = below++ == 0 ? x : std::min(low, x);
    if (x > task.high + slack) high = above++ == 0 ? x : std::max(high, x);
  }
  if (below + above == 0) return;
  std::vector<std::string> never, found;
  if (below > 0)
    never.push_back(fmt::format("below {:.4g}", task.low)), found.push_back(fmt::format("down to {:.4g}", low));
  if (above > 0)
    never.push_back(fmt::format("above {:.4g}", task.high)), found.push_back(fmt::format("up to {:.4g}", high));
  using Kind = data::Transform::Kind;
  const bool scaled = std::any_of(column.transforms.begin(), column.transforms.end(), [](const data::Transform& t) {
    return t.kind == Kind::standardize || t.kind == Kind::minmax || t.kind == Kind::log1p;
  });
  emitter_
      .report(diag::TargetOutsideHead, task.name, join(never, ", ", " or "),
              "`" + task.source + "." + task.target + "`" + (scaled ? ", as its transforms make it," : ""),
              join(found, ", ", " and "), count_of(below + above, "value"))
      .at(task.range)
      .help(task.low == 0 && task.high == 1 && !scaled
                ? "end the head with the last `linear(...)`, or bring the target between 0 and 1: `|> minmax`"
                : "end the head with the last `linear(...)`: a number needs no bound");
}

void Run::warn_of_warmup() {
  if (config_.schedule.warmup_steps.value_or(0) <= updates_) return;
  emitter_.report(diag::WarmupTooLong, *config_.schedule.warmup_steps, updates_)
      .at(config_.range)
      .help("`warmup = 10%` is a part of the training, however long that is");
}

// What warn_of_losses compares with.
void Run::find_usual_losses() {
  usual_losses_.assign(sums_.size(), std::numeric_limits<double>::quiet_NaN());
  rows_.assign(sums_.size(), 1);
  for (size_t i = 0; i < sums_.size(); ++i) {
    const elaborate::TaskInfo* task = session_->task(sums_[i].task);
    if (task->target.empty()) continue;
    const data::Split& train = find_source(input_.dataset, task->source)->train;
    const data::IdSet* set = label_set(input_.spec, input_.dataset.fitted, task->source, task->target);
    const auto labelled = static_cast<double>(count_labels(train, *task));
    usual_losses_[i] = loss_by_chance(train, *task, set ? set->names.size() : 0);
    rows_[i] = std::max(labelled, 1.0);
    if (!task->loss_of_sequences) continue;
    usual_losses_[i] *= labelled / static_cast<double>(train.examples);
    rows_[i] = static_cast<double>(train.examples);
  }
}

// A loss in the first epoch that no answer by chance has: the steps are too large, or the numbers that come in. It is
// said as soon as the epoch's mean cannot fall below that any more, as losses that are left are 0 at least; a loss of
// the task's own may be below. `done`: which part of the epoch's steps.
void Run::warn_of_losses(double done) {
  bool said = false;
  for (size_t i = 0; i < sums_.size(); ++i) {
    if (counts_[i] <= 0 || !std::isfinite(sums_[i].loss) || std::isnan(usual_losses_[i])) continue;
    const elaborate::TaskInfo* task = session_->task(sums_[i].task);
    if (task->own_loss && done < 1) continue;
    const double loss = sums_[i].loss / counts_[i], began = first_losses_[i];
    const double chance = usual_losses_[i], usual = task->own_loss ? std::max(chance, began) : chance;
    const double part = done < 1 ? std::min(done, counts_[i] / rows_[i]) : 1;
    if (!(loss * part > kFarAbove * usual) || usual <= 0) continue;
    usual_losses_[i] = std::numeric_limits<double>::quiet_NaN();  // once
    said = true;
    const bool at_once = began > kFarAbove * chance;
    emitter_
        .report(diag::LossAboveChance, task->name, fmt::format("{:.4g}", loss),
                done < 1 ? "the first " + count_of(static_cast<size_t>(update_), "step") : "epoch 1",
                task->own_loss ? fmt::format("{:.4g}, with which it began", began)
                               : fmt::format("{:.4g}, which answers by chance have", usual))
        .at(task->range)
        .help(at_once ? "it was so from the first step: numbers that come in large are scaled by `standardize`"
                      : "a lower `lr`, or `clip_norm = 1.0` in the train block, often helps");
  }
  if (said) observer_.on_warning();
}

}  // namespace mtl::training
