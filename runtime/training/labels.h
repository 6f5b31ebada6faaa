// The labels that a task's examples or positions have: who counts, and in which sets their names are.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/data/dataset.h"
#include "support/diag/emitter.h"

namespace mtl::training {

const data::Source* find_source(const data::Dataset& dataset, const std::string& name);
const data::SourceSpec* find_source(const data::Spec& spec, const std::string& name);
const data::ColumnSpec* find_column(const data::Spec& spec, const std::string& source, const std::string& column);
// The names of a label column's classes; nullptr: it has none (numbers, booleans).
const data::IdSet* label_set(const data::Spec& spec, const data::Fitted& fitted, const std::string& source,
                             const std::string& column);

// What the elements of a row of bool[K] or f32[K] are called: the names or numbers of their columns in the file, or
// 0 to K - 1 where one cell holds them all.
std::vector<std::string> element_names(const data::ColumnSpec* column, int64_t width);
// Whether its rows are of truth values or numbers, whose elements have such names.
bool has_columns(const elaborate::TaskInfo& task);
// Whether a metric of this task is of the head's scores, not of what is predicted.
bool needs_scores(const elaborate::TaskInfo& task);
// Whether its answer is an id, which says nothing of the scores that it was chosen by.
bool has_class_scores(const elaborate::TaskInfo& task);

// By row of the task's target: whether it counts (`when` holds there). Empty: all do.
std::vector<bool> rows_that_count(const data::Split& split, const elaborate::TaskInfo& task);
// By row of the task's target: whether it has a value (labels that train does not have included) and counts.
std::vector<bool> labelled_rows(const data::Split& split, const elaborate::TaskInfo& task);
// A head cannot read a value that is not there: of an input column, or of a sequence that is too short. False after a
// report of the first column, and of the first example that is too short. `where`: "train", "the input".
bool check_inputs(const data::Split& split, const std::string& where, const elaborate::TaskInfo& task,
                  diag::Emitter& emitter);
// An example that the head of a task cannot read: an input column lacks a value there, or a sequence is too short.
struct Unreadable {
  int64_t example = 0;
  std::string column;                           // empty: a sequence
  const elaborate::LengthRule* rule = nullptr;  // the sequence's
  int64_t length = 0;
};
std::vector<Unreadable> unreadable_examples(const data::Split& split, const elaborate::TaskInfo& task);
// A metric of spans needs labels that mark some. False after a report.
bool check_span_metrics(const std::vector<elaborate::TaskInfo>& tasks, const data::Spec& spec,
                        const data::Fitted& fitted, diag::Emitter& emitter);
// Rows of a column along `dim` that belong to an example.
std::pair<size_t, size_t> rows_of(const data::Split& split, const std::string& dim, size_t example);
// What made the scores of an example NaN: an input that is infinite, or the model.
std::string why_no_number(const data::Split& split, const elaborate::TaskInfo& task, size_t example);
int64_t count_labels(const data::Split& split, const elaborate::TaskInfo& task);
// Where the rows of each example begin in the task's target; examples + 1 numbers.
std::vector<int64_t> row_starts(const data::Split& split, const elaborate::TaskInfo& task);
// The task's metrics, with span F1 where its labels turn out to mark spans.
std::vector<Metric> metrics_of(const elaborate::TaskInfo& task, const data::IdSet* labels);

// "intent.accuracy", "intent.loss", "flags.f1.cheap", ..., and the model's own metrics.
std::vector<std::string> metric_names(const elaborate::ElaboratedModel& model, const data::Spec& spec);

}  // namespace mtl::training
