// Names of metrics, and path patterns. See train_config.h.
#include "support/settings/train_config.h"

#include <algorithm>

#include "support/base/text.h"

namespace mtl::training {
namespace {

struct MetricName {
  Metric metric;
  const char* name;
  const char* about;
};
constexpr MetricName kMetrics[] = {
    {Metric::accuracy, "accuracy",
     "share of rows, positions or decisions that are right; scikit-learn's accuracy_score"},
    {Metric::macro_f1, "macro_f1",
     "mean of the classes' F1, also of those that only the split has; scikit-learn's f1_score(average=\"macro\")"},
    {Metric::micro_f1, "micro_f1", "F1 of all decisions together; scikit-learn's f1_score(average=\"micro\")"},
    {Metric::f1, "f1", "F1 of true, decided at 0.5; scikit-learn's f1_score, 0 where nothing is true or said to be"},
    {Metric::auc, "auc",
     "area under the ROC curve, ties count one half; scikit-learn's roc_auc_score, undefined where one value is "
     "missing"},
    {Metric::gauc, "gauc",
     "auc(by = SOURCE.COLUMN): the mean of the AUCs of the groups that have both values, each counting the same"},
    {Metric::log_loss, "log_loss",
     "mean of -log(probability of what is so), of classes by the softmax of the head; scikit-learn's log_loss of "
     "float32"},
    {Metric::exact_match, "exact_match",
     "share of rows whose whole set is right; scikit-learn's accuracy_score of sets"},
    {Metric::span_f1, "span_f1",
     "F1 of the spans that tags mark, by kind, begin and end; conlleval's, as seqeval's default"},
    {Metric::mae, "mae", "mean absolute error in the data's unit; scikit-learn's mean_absolute_error"},
    {Metric::rmse, "rmse", "root of the mean squared error in the data's unit; scikit-learn's root_mean_squared_error"},
    {Metric::r2, "r2", "1 - squared error / variance; scikit-learn's r2_score, 0 or 1 where the target is constant"},
    {Metric::pearson, "pearson", "correlation; scipy's pearsonr, undefined where either is constant"}};

// One part of a pattern against one part of a path: "gate" names every copy "gate@task", "gate@intent" that one.
bool match_part(const std::string& pattern, const std::string& part) {
  const size_t pattern_at = pattern.find('@'), part_at = part.find('@');
  if (pattern_at != std::string::npos) {
    if (part_at == std::string::npos || pattern.substr(pattern_at) != part.substr(part_at)) return false;
  }
  const std::string name = pattern.substr(0, pattern_at);
  return name == "*" || name == part.substr(0, part_at);
}

bool match_from(const std::vector<std::string>& pattern, size_t p, const std::vector<std::string>& path, size_t q) {
  if (p == pattern.size()) return true;  // everything below
  if (pattern[p] == "**") {
    for (size_t skip = q; skip <= path.size(); ++skip) {
      if (match_from(pattern, p + 1, path, skip)) return true;
    }
    return false;
  }
  return q < path.size() && match_part(pattern[p], path[q]) && match_from(pattern, p + 1, path, q + 1);
}

}  // namespace

const char* metric_name(Metric metric) {
  for (const MetricName& known : kMetrics) {
    if (known.metric == metric) return known.name;
  }
  return "";
}

const char* metric_about(Metric metric) {
  for (const MetricName& known : kMetrics) {
    if (known.metric == metric) return known.about;
  }
  return "";
}

std::optional<Metric> metric_from_name(const std::string& name) {
  for (const MetricName& known : kMetrics) {
    if (name == known.name) return known.metric;
  }
  return std::nullopt;
}

MetricScale metric_scale(Metric metric) {
  if (metric == Metric::log_loss) return MetricScale::loss;
  return metric == Metric::rmse || metric == Metric::mae ? MetricScale::error : MetricScale::score;
}

MetricScale scale_of(const std::string& name, const std::vector<ModelMetric>& metrics) {
  for (const ModelMetric& metric : metrics) {
    if (metric.name != name) continue;
    return metric.values.empty() ? MetricScale::score : scale_of(metric.values[0], {});
  }
  const size_t task = name.find('.') + 1, column = name.find('.', task);
  const std::optional<Metric> metric = metric_from_name(name.substr(task, column - task));
  return metric ? metric_scale(*metric) : MetricScale::loss;
}

bool match_path(const std::string& pattern, const std::string& path) {
  return match_from(split(pattern, "."), 0, split(path, "."), 0);
}

bool match_whole_path(const std::string& pattern, const std::string& path) {
  // Both end with a part that no name is, so a pattern that ends inside the path does not match.
  return match_path(pattern + ".\n", path + ".\n");
}

std::string help_for_path(const std::string& pattern, const std::vector<std::string>& paths) {
  if (const auto near = nearest(pattern, paths)) return "did you mean `" + *near + "`?";
  constexpr size_t kShown = 200;  // characters
  std::string above = pattern;
  for (size_t dot = above.rfind('.'); dot != std::string::npos; dot = above.rfind('.')) {
    above.resize(dot);
    std::vector<std::string> below;
    for (const std::string& path : paths) {
      if (match_path(above, path)) below.push_back(path);
    }
    if (!below.empty()) return "below `" + above + "` there are " + excerpt(join(below), kShown);
  }
  return "there are " + excerpt(join(paths), kShown);
}

bool freezes(const FreezeConfig& freeze, const std::string& path) {
  const auto names = [&](const std::string& pattern) { return match_path(pattern, path); };
  return names(freeze.pattern) && std::none_of(freeze.except.begin(), freeze.except.end(), names);
}

bool loads(const LoadConfig& load, const std::string& path) {
  const auto names = [&](const std::string& pattern) { return match_path(pattern, path); };
  return std::any_of(load.patterns.begin(), load.patterns.end(), names) &&
         std::none_of(load.except.begin(), load.except.end(), names);
}

bool is_frozen(const TrainConfig& config, const std::string& path) {
  return std::any_of(config.frozen.begin(), config.frozen.end(), [&](const FreezeConfig& freeze) {
    return freeze.until == FreezeConfig::Until::never && freezes(freeze, path);
  });
}

}  // namespace mtl::training
