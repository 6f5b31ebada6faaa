// The metrics of each kind of target, and what other libraries call them.
#pragma once
#include <string>

#include "compiler/sema/task_metrics.h"
#include "support/settings/train_config.h"

namespace mtl::sema {

const TargetMetrics& metrics_of(const TargetForm& form);

std::string target_text(const TargetForm& form);      // "label[T]"
std::string scale_text(training::MetricScale scale);  // "a loss, less is better"

// What `word` of another library is called here: "macro_f1" for `f1_score`, "loss" for `val_loss`. Empty: the target
// has nothing like it.
std::string metric_in_habit(const std::string& word, const TargetForm& form);
// What to write for it, as a help; empty: nothing is known.
std::string metric_advice(const std::string& word, const TargetForm& form);

}  // namespace mtl::sema
