// One training run, as a class that goes through prepare(), train() and finish(). train.cpp has the way to the first
// step and the steps, run_results.cpp what is made of their weights: scores, the best so far, the files. Private to the
// two.
#pragma once
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/training/evaluate.h"
#include "runtime/training/run_folder.h"
#include "runtime/training/steps.h"
#include "runtime/training/train.h"

namespace mtl::training {

using Clock = std::chrono::steady_clock;
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
inline double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

// Losses that a step had, kept until the epoch is over so that a step writes nothing.
struct Sample {
  int64_t update = 0;
  double objective = 0;
  std::vector<double> losses;
};

class Run {
 public:
  Run(const TrainInput& input, const TrainOptions& options, Observer& observer, diag::Emitter& emitter)
      : input_(input), options_(options), observer_(observer), emitter_(emitter), config_(input.config) {
    if (options.seed) config_.seed = *options.seed;
  }
  bool prepare();
  bool train();
  std::optional<TrainReport> finish();
  void rescue();

 private:
  bool check_tasks();
  bool choose_selection();
  void warn_of_sequences(const data::Split& train, const elaborate::TaskInfo& task);
  void warn_of_target(const data::Split& train, const elaborate::TaskInfo& task);
  void warn_of_bounds(const data::Split& train, const elaborate::TaskInfo& task, const data::ColumnSpec& column);
  void warn_of_warmup();
  void find_usual_losses();
  void warn_of_losses(double done);
  void warn_of_undefined_metrics();
  void count_updates();
  bool resume();
  void start();
  bool run_epoch();
  void count_time();
  bool update(int64_t in_group);
  bool step(int32_t stream);
  void report_step(const std::vector<int32_t>& plan);
  void close_epoch();
  bool interrupted() const { return options_.interrupted != nullptr && options_.interrupted->load(); }

  std::vector<SplitOf> splits(bool dev) const;
  Scores evaluate(bool dev);
  void consider(EpochEvent& event);
  void warn_of_undefined(const EpochEvent& event);
  void keep(const float* weights);
  bool write_model();
  bool weights_finite();  // false after a report
  bool checkpoint_is_due() const;
  bool save_inside();
  bool checkpoint();  // false after a report
  void write_steps();
  void write_epoch(const EpochEvent& event);
  bool failed(const Steps::Result& result);

  const TrainInput& input_;
  const TrainOptions& options_;
  Observer& observer_;
  diag::Emitter& emitter_;
  TrainConfig config_;

  std::unique_ptr<Session> session_;
  std::unique_ptr<Steps> steps_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<RunFolder> folder_;
  RunFacts facts_;

  int64_t epochs_ = 0, updates_ = 0;       // planned
  int64_t epoch_ = 0, done_in_epoch_ = 0;  // at hand, from 0
  int64_t update_ = 0, batch_ = 0;         // done
  int64_t best_epoch_ = 0, waited_ = 0;
  double best_value_ = std::numeric_limits<double>::quiet_NaN();
  MetricRef best_by_;                     // what the best epoch is chosen by; no names: there is no dev split
  std::set<std::string> undefined_;       // of these, those that have been warned of
  std::set<std::string> said_undefined_;  // see warn_undefined
  std::vector<float> best_;               // empty: none yet
  std::optional<Scores> best_dev_;
  bool unwritten_ = false;  // best_ is newer than the model file
  std::chrono::steady_clock::time_point model_written_{}, checkpoint_written_{};

  std::vector<TaskLoss> running_, sums_;
  std::vector<double> running_weight_, counts_, shares_;  // shares_: of the last step that had the task
  std::vector<double> first_losses_;                      // of the first step that has the task
  std::vector<double> usual_losses_, rows_;  // see warn_of_losses; of each epoch that passes over the data once
  std::vector<Sample> samples_;
  size_t sampled_ = 0;
  double objective_ = 0, norm_ = 0, factor_ = 1, seconds_ = 0, earlier_seconds_ = 0;
  int64_t examples_ = 0, session_updates_ = 0;
  double step_seconds_ = 0;
  bool epoch_whole_ = true;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now(), epoch_began_;
  TrainReport report_;
};

}  // namespace mtl::training
