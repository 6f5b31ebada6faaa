// The events of a run as JSON objects. `mtlc run --json` prints them and metrics.jsonl holds them, a line each, under
// the same names:
//
//   start  model, parameters, sources [{name, train, dev, test}], epochs, updates, seed, best_by [name]; where there
//   are
//          such, resumed_epoch, earlier (the folder of the run before) and start_values [{by, file, taken [path],
//          part [{path, note}], fresh [{path, note}], left [tensor of the file]}]
//   step   epoch, update, objective, losses {task: loss of this step}
//   epoch  epoch, epochs, update, seconds, examples, examples_per_second, losses {task: mean}, dev {name: value}, best,
//          whole (false: interrupted)
//   end    best_epoch, updates, seconds, interrupted, model, dev, test
//
// What is not a number is null; dev and test are left out where there is no such split.
#pragma once
#include "runtime/training/json.h"
#include "runtime/training/report.h"

namespace mtl::training {

Json to_event(const StartEvent& event);
Json to_event(const EpochEvent& event);
Json to_event(const TrainReport& report);
Json step_event(int64_t epoch, int64_t update, double objective, const std::vector<TaskLoss>& losses);
// By task; NaN: not in that step, so left out.
Json losses_by_task(const std::vector<TaskLoss>& losses);

}  // namespace mtl::training
