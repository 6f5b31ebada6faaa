// The metrics of each type of target. See task_metrics.h.
#include "compiler/sema/task_metrics.h"

namespace mtl::sema {

std::span<const TargetMetrics> target_metrics() {
  using training::Metric;
  static const TargetMetrics table[] = {
      {.target = "label",
       .metrics = {Metric::accuracy, Metric::macro_f1, Metric::micro_f1, Metric::log_loss},
       .defaults = 2},
      {.target = "label[T]",
       .metrics = {Metric::accuracy, Metric::span_f1, Metric::macro_f1, Metric::micro_f1},
       .defaults = 1},
      {.target = "labels", .metrics = {Metric::micro_f1, Metric::macro_f1, Metric::exact_match}, .defaults = 3},
      {.target = "bool",
       .metrics = {Metric::accuracy, Metric::f1, Metric::auc, Metric::log_loss, Metric::gauc},
       .defaults = 4},
      {.target = "f32", .metrics = {Metric::mae, Metric::rmse, Metric::r2, Metric::pearson}, .defaults = 4}};
  return table;
}

}  // namespace mtl::sema
