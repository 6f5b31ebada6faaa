// Metrics of tasks and of models: which there are for a target, which is the default, and what refers to them.
#pragma once
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/sema/facts.h"
#include "compiler/sema/settings.h"
#include "support/settings/train_config.h"

namespace mtl::sema {

// What a target column asks of its task; nullopt for columns that are no target (yet).
struct TargetForm {
  training::TargetKind kind = training::TargetKind::label;
  std::vector<std::string> ragged;  // label[T]: {"T"}
  bool per_position() const { return !ragged.empty(); }
};
std::optional<TargetForm> target_form(const syntax::ColumnDecl& column);

// The metrics of a type of target; the first `defaults` of them are those of a task that names none.
struct TargetMetrics {
  std::string_view target;  // "label[T]"
  std::vector<training::Metric> metrics;
  size_t defaults = 0;
};
std::span<const TargetMetrics> target_metrics();

struct TaskMetrics {
  std::vector<training::Metric> metrics;
  std::string group;  // TaskInfo::group
  // The task names none: besides these, span F1 is worth having if its labels turn out to be BIO or IOBES tags.
  bool span_f1_if_tagged = false;
};
// The metrics of one task. `setting` is the value of its `metric = ...`, null if it has none: then its target's type
// decides. Metrics that `stop` or a metric of the model refers to are added behind. nullopt after errors.
std::optional<TaskMetrics> task_metrics(const CheckedFile& file, const syntax::ModelDecl& model,
                                        const syntax::TaskDecl& task, const syntax::Expr* setting,
                                        diag::Emitter& emitter);

// Columns SOURCE.COLUMN that auc(by = ...) of a task of the model names.
std::set<std::string> group_columns(const CheckedFile& file);
// What their groups are read into, a column of the same source.
std::string group_column(const std::string& column);

// metric NAME = all_correct(...) | mean(...), in file order. nullopt after errors.
std::optional<std::vector<training::ModelMetric>> model_metrics(const CheckedFile& file, const syntax::ModelDecl& model,
                                                                diag::Emitter& emitter);
// What stands behind `on =`: sentence, intent.accuracy, mean(intent.accuracy, slots.span_f1).
std::optional<training::MetricRef> metric_ref(const CheckedFile& file, const syntax::ModelDecl& model,
                                              const syntax::Expr& expr, diag::Emitter& emitter);

void check_metrics(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model, DeclFacts& facts,
                   diag::Emitter& emitter);

}  // namespace mtl::sema
