// What training and evaluation report, as plain data: scores, events of a run, and its final report. The command line
// prints it; `to_json` is what metrics.jsonl and the model file hold.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/dataset.h"
#include "support/settings/train_config.h"

namespace mtl::training {

using MetricValues = std::vector<std::pair<Metric, double>>;  // in the task's order; NaN: undefined on this split

struct TaskScores {
  std::string task;
  std::optional<double> loss;  // mean over the split; nullopt: the task has no loss
  MetricValues metrics;
  int64_t counted = 0;                                        // labelled examples or positions
  std::vector<std::pair<std::string, MetricValues>> columns;  // bool[K], f32[K]: of each column, by its name
  std::string not_numbers;  // a labelled row has a score of NaN, so that no metric is defined: which, and why
};

struct CombinedScore {  // `metric NAME = ...` of the model
  std::string name;
  double value = 0;
  double merit = 0;  // what to choose an epoch by: a mean of errors counts negative, what is undefined is left out
};

// All tasks on one split.
struct Scores {
  std::vector<TaskScores> tasks;  // in file order; tasks without labels here are left out
  std::vector<CombinedScore> combined;
  double seconds = 0;
  // "intent.accuracy", "intent.loss" or the name of a combined metric.
  std::optional<double> find(const std::string& name) const;
  std::vector<std::string> names() const;
};

// One number to choose the epoch by, the larger the better: the mean over `on`, negative where it is of errors or
// losses. What is undefined is left out; nullopt: all of it is.
std::optional<double> stop_value(const Scores& dev, const MetricRef& on);
std::string to_json(const Scores& scores);
std::string to_text(const Scores& scores);  // "intent.accuracy 0.9712  slots.span_f1 0.8931"

struct TaskLoss {
  std::string task;
  double loss = 0;
  double count = 0;  // of a step: how many rows it is the mean of
};

struct SourceFacts {
  std::string name;
  int64_t train = 0, dev = 0, test = 0;  // examples
};
struct VectorFacts {
  std::string vocab, file;
  data::VectorCoverage coverage;
};

// What of the parameters starts from a file: what a `load` statement names, or all of them with `--from`.
struct StartValues {
  std::string by;    // "load encoder", "--from"
  std::string file;  // as it was written
  struct Param {
    std::string path;
    int64_t size = 0, taken = 0;  // numbers
    std::string note;             // of which names it has rows, or why it has none
  };
  std::vector<Param> params;
  std::vector<std::string> left;  // tensors of the file that none of them took
};

struct StartEvent {
  std::string model;
  int64_t parameters = 0;  // numbers that are trained
  std::vector<SourceFacts> sources;
  std::vector<VectorFacts> vectors;  // of vocabularies with `embeddings`
  std::vector<StartValues> start;    // by statement `load`, in the order of the file; `--from` behind them
  int64_t epochs = 0, updates = 0;   // planned
  uint64_t seed = 0;
  int64_t resumed_epoch = 0;  // 0: a fresh run
  MetricRef best_by;          // names that the best epoch is chosen by; none: there is no dev split
  std::string earlier;        // where the files of the run before were moved; empty: there were none
  std::string best_by_text;   // "the highest mean of `a.auc` and `b.r2` on dev"
};

// "en: vectors.txt has 7 of the 8 words of train ..."
std::string say_coverage(const VectorFacts& facts);

// "load encoder: 24 parameters of `bert.safetensors`; 5 tensors of it are left"
std::string say_start(const StartValues& start);

// After every update. References live until the observer returns.
struct StepEvent {
  int64_t epoch = 1, epochs = 1;
  int64_t update = 1, updates = 1;  // of the run
  int64_t step_in_epoch = 1, steps_in_epoch = 1;
  double objective = 0;                  // of this step
  const std::vector<TaskLoss>& losses;   // of this step's tasks, by number of task; NaN: absent, or no row counted
  const std::vector<TaskLoss>& running;  // smoothed over about 50 steps; NaN: not seen yet
  double learning_factor = 1;
  double gradient_norm = 0;  // 0 unless clip_norm asks for it
  double examples_per_second = 0;
  double seconds_left = 0;
};

struct EpochEvent {
  int64_t epoch = 1, epochs = 1;
  std::vector<TaskLoss> losses;  // means over the rows that counted in the epoch, of every trained task; NaN: none did
  std::vector<double>
      shares;  // what the balancer gave the tasks of `losses` last; NaN: nothing yet. Empty: no balancer
  std::map<std::string, double> monitors;  // of the last step that had them
  std::optional<Scores> dev;
  std::optional<double> stop;  // stop_value of dev
  bool best = false;
  bool whole = true;     // false: interrupted, and reported again when its rest is done
  int64_t update = 0;    // of the run, the last one of the epoch
  int64_t examples = 0;  // that it trained on
  double seconds = 0;    // of training, without dev
  double examples_per_second = 0;
};

// "epoch 3/10  2.1 s  loss intent 0.3120 slots 0.2011  dev intent.accuracy 0.9712 ...  best so far"
std::string to_text(const EpochEvent& event);

struct TrainReport {
  std::vector<EpochEvent> epochs;  // of this process (a resumed run lacks the earlier ones)
  int64_t best_epoch = 0;          // 0: the last weights
  std::optional<Scores> dev;       // with the kept weights
  std::optional<Scores> test;
  int64_t updates = 0;
  double seconds = 0;
  bool interrupted = false;
  std::string model_path;
  std::vector<StartValues> start;
};

// What a command shows while training runs. Every function does nothing unless overridden.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_start(const StartEvent&) {}
  virtual void on_step(const StepEvent&) {}
  virtual void on_warning() {}  // something was reported that is worth seeing now
  virtual void on_epoch(const EpochEvent&) {}
  virtual void on_end(const TrainReport&) {}
};

}  // namespace mtl::training
