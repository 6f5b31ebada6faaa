// Names of metrics, and path patterns. See config.h.
#include "training/config.h"

#include <array>

#include "compiler/base/text.h"

namespace mtl::training {
namespace {

constexpr std::array<std::pair<Metric, const char*>, 11> kMetrics{{{Metric::accuracy, "accuracy"},
                                                                   {Metric::macro_f1, "macro_f1"},
                                                                   {Metric::micro_f1, "micro_f1"},
                                                                   {Metric::f1, "f1"},
                                                                   {Metric::auc, "auc"},
                                                                   {Metric::exact_match, "exact_match"},
                                                                   {Metric::span_f1, "span_f1"},
                                                                   {Metric::mae, "mae"},
                                                                   {Metric::rmse, "rmse"},
                                                                   {Metric::r2, "r2"},
                                                                   {Metric::pearson, "pearson"}}};

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
  for (const auto& [value, name] : kMetrics) {
    if (value == metric) return name;
  }
  return "";
}

std::optional<Metric> metric_from_name(const std::string& name) {
  for (const auto& [value, text] : kMetrics) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool match_path(const std::string& pattern, const std::string& path) {
  return match_from(split(pattern, "."), 0, split(path, "."), 0);
}

}  // namespace mtl::training
