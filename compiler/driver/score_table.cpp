// Lays scores out as a table and as one line.
#include "compiler/driver/score_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/driver/terminal.h"

namespace mtl::driver {
namespace {

std::string cell(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4f}", value);
}

}  // namespace

std::string score_table(const training::Scores& scores, bool color) {
  std::vector<std::string> metrics;  // every metric that some task has, in order of first use
  for (const auto& task : scores.tasks) {
    for (const auto& [metric, value] : task.metrics) {
      const std::string name = training::metric_name(metric);
      if (std::find(metrics.begin(), metrics.end(), name) == metrics.end()) metrics.push_back(name);
    }
  }
  std::vector<std::vector<std::string>> rows = {{"task", "loss"}};
  rows[0].insert(rows[0].end(), metrics.begin(), metrics.end());
  const auto add = [&](std::string title, std::string loss, const training::MetricValues& values) {
    std::vector<std::string> row = {std::move(title), std::move(loss)};
    for (const std::string& name : metrics) {
      const auto at = std::find_if(values.begin(), values.end(),
                                   [&](const auto& m) { return name == training::metric_name(m.first); });
      row.push_back(at == values.end() ? "" : cell(at->second));
    }
    rows.push_back(std::move(row));
  };
  for (const auto& task : scores.tasks) {
    add(task.task, task.loss ? cell(*task.loss) : "", task.metrics);
    for (const auto& [column, values] : task.columns) add("  " + column, "", values);
  }
  std::string out = table(rows, color);
  for (const auto& combined : scores.combined) out += fmt::format("{}  {}\n", combined.name, cell(combined.value));
  return out;
}

std::string score_line(const training::Scores& scores) {
  std::string out;
  for (const auto& task : scores.tasks) {
    for (const auto& [metric, value] : task.metrics)
      out += fmt::format("  {}.{} {}", task.task, training::metric_name(metric), cell(value));
  }
  for (const auto& combined : scores.combined) out += fmt::format("  {} {}", combined.name, cell(combined.value));
  return out.empty() ? out : out.substr(2);
}

}  // namespace mtl::driver
