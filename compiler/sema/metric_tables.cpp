// One row for each metric of each kind of target, and one for each name that other libraries give it.
#include "compiler/sema/metric_tables.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "support/base/check.h"
#include "support/base/text.h"

namespace mtl::sema {

using training::Metric;
using training::MetricScale;
using training::TargetKind;

namespace {

// A word of scikit-learn, Keras, PyTorch or seqeval, and what is nearest to it here: the first that the target has.
struct Habit {
  std::string_view word;
  std::vector<Metric> metrics;
  std::string_view note;
};

const std::vector<Habit>& habits() {
  const std::vector<Metric> f1{Metric::f1, Metric::span_f1, Metric::macro_f1};
  static const std::vector<Habit> table{
      {"acc", {Metric::accuracy, Metric::exact_match}, ""},
      {"accuracy", {Metric::accuracy, Metric::exact_match}, ""},
      {"accuracyscore", {Metric::accuracy, Metric::exact_match}, ""},
      {"categoricalaccuracy", {Metric::accuracy}, ""},
      {"sparsecategoricalaccuracy", {Metric::accuracy}, ""},
      {"binaryaccuracy", {Metric::accuracy, Metric::exact_match}, ""},
      {"tokenaccuracy", {Metric::accuracy}, ""},
      {"balancedaccuracy", {Metric::macro_f1, Metric::f1}, "classes count alike in it, too"},
      {"balancedaccuracyscore", {Metric::macro_f1, Metric::f1}, "classes count alike in it, too"},
      {"f1", f1, ""},
      {"f1score", f1, ""},
      {"fscore", f1, ""},
      {"fbeta", f1, ""},
      {"f1macro", {Metric::macro_f1, Metric::f1}, ""},
      {"f1micro", {Metric::micro_f1, Metric::f1}, ""},
      {"f1weighted", {Metric::micro_f1, Metric::f1}, "frequent classes count more in it, too"},
      {"weightedf1", {Metric::micro_f1, Metric::f1}, "frequent classes count more in it, too"},
      {"precision", f1, "it is of precision and recall together"},
      {"recall", f1, "it is of precision and recall together"},
      {"precisionscore", f1, "it is of precision and recall together"},
      {"recallscore", f1, "it is of precision and recall together"},
      {"chunkf1", {Metric::span_f1}, ""},
      {"entityf1", {Metric::span_f1}, ""},
      {"nerf1", {Metric::span_f1}, ""},
      {"seqeval", {Metric::span_f1}, ""},
      {"entsf", {Metric::span_f1}, ""},
      {"conll", {Metric::span_f1}, ""},
      {"rocauc", {Metric::auc}, ""},
      {"rocaucscore", {Metric::auc}, ""},
      {"auroc", {Metric::auc}, ""},
      {"averageprecision", {Metric::auc}, "it is of the order of scores, too"},
      {"averageprecisionscore", {Metric::auc}, "it is of the order of scores, too"},
      {"prauc", {Metric::auc}, "it is of the order of scores, too"},
      {"logloss", {Metric::log_loss}, ""},
      {"crossentropy", {Metric::log_loss}, ""},
      {"binarycrossentropy", {Metric::log_loss}, ""},
      {"ce", {Metric::log_loss}, ""},
      {"bce", {Metric::log_loss}, ""},
      {"nll", {Metric::log_loss}, ""},
      {"brier", {Metric::log_loss}, "it is of probabilities, too"},
      {"brierscoreloss", {Metric::log_loss}, "it is of probabilities, too"},
      {"perplexity", {Metric::log_loss}, "perplexity is `exp` of it"},
      {"mse", {Metric::rmse}, "the square root of it, in the unit of the column"},
      {"meansquarederror", {Metric::rmse}, "the square root of it, in the unit of the column"},
      {"negmeansquarederror", {Metric::rmse}, "the square root of it, in the unit of the column"},
      {"rootmeansquarederror", {Metric::rmse}, ""},
      {"l1", {Metric::mae}, ""},
      {"meanabsoluteerror", {Metric::mae}, ""},
      {"r2score", {Metric::r2}, ""},
      {"rsquared", {Metric::r2}, ""},
      {"explainedvariance", {Metric::r2}, ""},
      {"correlation", {Metric::pearson}, ""},
      {"pearsonr", {Metric::pearson}, ""},
      {"spearman", {Metric::pearson}, "it is of values, not of ranks"},
      {"spearmanr", {Metric::pearson}, "it is of values, not of ranks"},
      {"hamming", {Metric::micro_f1, Metric::accuracy}, ""},
      {"hammingloss", {Metric::micro_f1, Metric::accuracy}, ""},
      {"jaccard", {Metric::micro_f1, Metric::macro_f1}, ""},
      {"subsetaccuracy", {Metric::exact_match, Metric::accuracy}, ""},
  };
  return table;
}

// `val_F1_score` as `f1score`.
std::string folded(std::string_view word) {
  for (const std::string_view split : {"val_", "dev_", "eval_", "valid_", "validation_", "test_"})
    if (word.starts_with(split)) word.remove_prefix(split.size());
  std::string out;
  for (const char c : word)
    if (c != '_') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

struct Known {
  Metric metric;
  std::string_view note;
};

std::optional<Known> find_habit(const std::string& word, const TargetForm& form) {
  const std::vector<Metric>& has = metrics_of(form).metrics;
  const std::string plain = folded(word);
  for (const Metric metric : has)
    if (folded(training::metric_name(metric)) == plain) return Known{metric, ""};
  for (const Habit& habit : habits()) {
    if (habit.word != plain) continue;
    for (const Metric metric : habit.metrics)
      if (std::find(has.begin(), has.end(), metric) != has.end()) return Known{metric, habit.note};
  }
  return std::nullopt;
}

}  // namespace

const TargetMetrics& metrics_of(const TargetForm& form) {
  const char* target = "";
  switch (form.kind) {
    case TargetKind::label:
      target = form.per_position() ? "label[T]" : "label";
      break;
    case TargetKind::labels:
      target = "labels";
      break;
    case TargetKind::boolean:
      target = "bool";
      break;
    case TargetKind::number:
      target = "f32";
      break;
  }
  const auto found = std::ranges::find(target_metrics(), target, &TargetMetrics::target);
  MTL_CHECK(found != target_metrics().end(), "a target without metrics");
  return *found;
}

std::string target_text(const TargetForm& form) {
  switch (form.kind) {
    case TargetKind::label:
      return form.per_position() ? "label[" + join(form.ragged) + "]" : "label";
    case TargetKind::labels:
      return "labels";
    case TargetKind::boolean:
      return "bool";
    case TargetKind::number:
      return "f32";
  }
  return "";
}

std::string scale_text(MetricScale scale) {
  switch (scale) {
    case MetricScale::score:
      return "a score without a unit, more is better";
    case MetricScale::error:
      return "an error in the unit of its column, less is better";
    case MetricScale::loss:
      return "a loss, less is better";
  }
  return "";
}

std::string metric_in_habit(const std::string& word, const TargetForm& form) {
  if (folded(word) == "loss") return "loss";
  const auto found = find_habit(word, form);
  return found ? training::metric_name(found->metric) : "";
}

std::string metric_advice(const std::string& word, const TargetForm& form) {
  if (folded(word) == "loss") return "write `TASK.loss` behind `on`; among metrics leave it out: it is always shown";
  const auto found = find_habit(word, form);
  if (!found) return "";
  const std::string note(found->note);
  return std::string("write `") + training::metric_name(found->metric) + "`" + (note.empty() ? "" : ": " + note);
}

}  // namespace mtl::sema
