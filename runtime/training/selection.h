// The number that the best epoch is chosen by: what it is where `stop` names none, and how it is called.
#pragma once
#include <string>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/training/report.h"

namespace mtl::training {

// The mean of the first metric of each task, if it is a score for all of them (or there is one task): scores have no
// unit, and more is better. Else each task's first score: in place of errors, which have the unit of a column, R^2, as
// scikit-learn scores regressors. Of tasks without metrics, the mean of their losses. `tasks` are those with labels on
// dev; empty: there is nothing to choose by.
MetricRef default_selection(const std::vector<elaborate::TaskInfo>& tasks);

// "the highest mean of `a.auc` and `b.r2` on dev", "the lowest `a.loss` on dev".
std::string to_text(const MetricRef& on, const std::vector<ModelMetric>& metrics);

// Those that `dev` lacks or does not define.
std::vector<std::string> undefined_of(const Scores& dev, const MetricRef& on);

}  // namespace mtl::training
