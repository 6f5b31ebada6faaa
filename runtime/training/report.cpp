// Looks scores up by name, and compares them.
#include "runtime/training/report.h"

#include <cmath>
#include <cstdio>

#include "runtime/training/json.h"
#include "support/base/text.h"

namespace mtl::training {

namespace {

// The value of this name, the larger the better.
std::optional<double> merit(const Scores& scores, const std::string& name) {
  for (const CombinedScore& mine : scores.combined)
    if (mine.name == name) return mine.merit;
  const auto value = scores.find(name);
  return value && scale_of(name, {}) != MetricScale::score ? -*value : value;
}

}  // namespace

std::string say_start(const StartValues& start) {
  size_t whole = 0, part = 0;
  for (const StartValues::Param& param : start.params) {
    whole += param.taken == param.size;
    part += param.taken > 0 && param.taken < param.size;
  }
  std::string out = start.by + ": " + count_of(whole, "parameter");
  if (part > 0) out += " and parts of " + std::to_string(part);
  out += " of " + std::to_string(start.params.size()) + " start from `" + printable(start.file) + "`";
  if (!start.left.empty()) out += "; " + count_of(start.left.size(), "tensor") + " of it left";
  return out;
}

std::string say_coverage(const VectorFacts& facts) {
  const data::VectorCoverage& c = facts.coverage;
  const auto n = [](int64_t count) { return std::to_string(count); };
  std::string out = "vectors of " + facts.vocab + ": " + facts.file + " has " + n(c.found) + " of the " + n(c.words) +
                    " words of train";
  if (c.words > 0) {
    char percent[16];
    std::snprintf(percent, sizeof percent, " (%.1f%%)",
                  100.0 * static_cast<double>(c.found) / static_cast<double>(c.words));
    out += percent;
  }
  if (c.folded > 0) out += ", " + n(c.folded) + " of them in another case";
  if (c.would_fold > 0) out += "; with `lowercase = true` " + n(c.would_fold) + " more";
  if (c.others > 0) out += "; " + n(c.others_found) + " of the " + n(c.others) + " other words of the data";
  return out + "; " + n(c.more) + " words that train lacks are kept";
}

std::optional<double> Scores::find(const std::string& name) const {
  for (const CombinedScore& mine : combined)
    if (mine.name == name) return mine.value;
  for (const TaskScores& task : tasks) {
    if (name.size() <= task.task.size() + 1 || name.compare(0, task.task.size(), task.task) != 0) continue;
    if (name[task.task.size()] != '.') continue;
    if (name.compare(task.task.size() + 1, std::string::npos, "loss") == 0) return task.loss;
    for (const auto& [metric, value] : task.metrics)
      if (name.compare(task.task.size() + 1, std::string::npos, metric_name(metric)) == 0) return value;
    for (const auto& [column, metrics] : task.columns)
      for (const auto& [metric, value] : metrics)
        if (name == task.task + "." + metric_name(metric) + "." + column) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Scores::names() const {
  std::vector<std::string> names;
  for (const TaskScores& task : tasks)
    for (const auto& [metric, value] : task.metrics) names.push_back(task.task + "." + metric_name(metric));
  for (const CombinedScore& mine : combined) names.push_back(mine.name);
  return names;
}

std::optional<double> stop_value(const Scores& dev, const MetricRef& on) {
  double sum = 0;
  int64_t count = 0;
  for (const std::string& name : on.names) {
    const auto value = merit(dev, name);
    if (!value || std::isnan(*value)) continue;
    sum += *value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

std::string to_json(const Scores& scores) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const TaskScores& task : scores.tasks) {
    if (task.loss) out[task.task + ".loss"] = number(*task.loss);
    for (const auto& [metric, value] : task.metrics) out[task.task + "." + metric_name(metric)] = number(value);
    for (const auto& [column, metrics] : task.columns)
      for (const auto& [metric, value] : metrics)
        out[task.task + "." + metric_name(metric) + "." + column] = number(value);
  }
  for (const CombinedScore& mine : scores.combined) out[mine.name] = number(mine.value);
  return out.dump();
}

std::string to_text(const Scores& scores) {
  std::string out;
  for (const std::string& name : scores.names()) {
    char cell[32];
    std::snprintf(cell, sizeof(cell), " %.4f", *scores.find(name));
    out += (out.empty() ? "" : "  ") + name + cell;
  }
  return out;
}

std::string to_text(const EpochEvent& event) {
  char cell[64];
  std::snprintf(cell, sizeof(cell), "  %.1f s  loss", event.seconds);
  std::string out = "epoch " + std::to_string(event.epoch) + "/" + std::to_string(event.epochs) + cell;
  for (const TaskLoss& loss : event.losses) {
    std::snprintf(cell, sizeof(cell), " %.4f", loss.loss);
    out += " " + loss.task + (std::isnan(loss.loss) ? " -" : cell);
  }
  for (const auto& [name, value] : event.monitors) {
    std::snprintf(cell, sizeof(cell), " %.4g", value);
    out += "  " + name + cell;
  }
  if (event.dev) out += "  dev " + to_text(*event.dev);
  if (event.dev && event.best) out += "  best so far";
  if (!event.whole) out += "  (interrupted)";
  return out;
}

}  // namespace mtl::training
