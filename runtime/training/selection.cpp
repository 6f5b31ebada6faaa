// Chooses the default selection, and words it.
#include "runtime/training/selection.h"

#include <algorithm>
#include <cmath>

#include "support/base/text.h"

namespace mtl::training {

MetricRef default_selection(const std::vector<elaborate::TaskInfo>& tasks) {
  const auto is_score = [](Metric metric) { return metric_scale(metric) == MetricScale::score; };
  const bool several =
      std::count_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task.metrics.empty(); }) > 1;
  MetricRef on;
  for (const elaborate::TaskInfo& task : tasks) {
    auto metric = task.metrics.begin();
    if (several) metric = std::find_if(task.metrics.begin(), task.metrics.end(), is_score);
    if (metric != task.metrics.end()) on.names.push_back(task.name + "." + metric_name(*metric));
  }
  if (!on.names.empty()) return on;
  for (const elaborate::TaskInfo& task : tasks)
    if (task.has_loss) on.names.push_back(task.name + ".loss");
  return on;
}

std::string to_text(const MetricRef& on, const std::vector<ModelMetric>& metrics) {
  const bool high = scale_of(on.names[0], metrics) == MetricScale::score;
  const std::string names = "`" + join(on.names, "`, `", "` and `") + "`";
  return std::string(high ? "the highest " : "the lowest ") + (on.names.size() > 1 ? "mean of " : "") + names +
         " on dev";
}

std::vector<std::string> undefined_of(const Scores& dev, const MetricRef& on) {
  std::vector<std::string> names;
  for (const std::string& name : on.names) {
    const auto value = dev.find(name);
    if (!value || std::isnan(*value)) names.push_back(name);
  }
  return names;
}

}  // namespace mtl::training
