// What a run makes of its weights: dev and test scores, the best so far, the model file, checkpoints and logs.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/training/events.h"
#include "runtime/training/labels.h"
#include "runtime/training/run.h"
#include "runtime/training/selection.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

std::vector<SplitOf> Run::splits(bool dev) const {
  std::vector<SplitOf> splits;
  for (const std::string& name : session_->sources(false)) {
    const data::Source* source = find_source(input_.dataset, name);
    if (dev ? source->has_dev : source->has_test) splits.push_back({name, dev ? &source->dev : &source->test});
  }
  return splits;
}

// With the averaged weights, where there are such.
Scores Run::evaluate(bool dev) {
  return evaluator_->evaluate(splits(dev));
}

void Run::keep(const float* weights) {
  best_.assign(weights, weights + session_->weights().size());
  unwritten_ = true;
}

// Of each member of the number to choose by, once.
void Run::warn_of_undefined(const EpochEvent& event) {
  std::vector<std::string> names;
  const std::vector<std::string> all = undefined_of(*event.dev, best_by_);
  for (const std::string& name : all)
    if (undefined_.insert(name).second) names.push_back(name);
  if (best_by_.names.empty() && undefined_.insert("").second) names.push_back("");  // there is not even a loss
  if (names.empty()) return;
  std::string text = best_by_.names.empty() ? "every loss" : "`" + join(names, "`, `", "` and `") + "`";
  text += names.size() > 1 ? " are" : " is";
  if (!event.stop) {
    emitter_.report(diag::StopUndefined, text).at(config_.range);
    return;
  }
  MetricRef rest;
  for (const std::string& name : best_by_.names)
    if (std::find(all.begin(), all.end(), name) == all.end()) rest.names.push_back(name);
  emitter_.report(diag::StopPartlyUndefined, text, to_text(rest, session_->model().metrics)).at(config_.range);
}

// What the labels of dev and test leave undefined, whatever the answers.
void Run::warn_of_undefined_metrics() {
  warn_undefined(evaluator_->of_right_answers(splits(true)), "dev", said_undefined_, emitter_);
  if (options_.test) warn_undefined(evaluator_->of_right_answers(splits(false)), "test", said_undefined_, emitter_);
}

// Dev scores of the weights at hand, and whether they are the best so far.
void Run::consider(EpochEvent& event) {
  model::Weights& weights = session_->weights();
  const float* averaged = steps_->optimizer().averaged();
  std::vector<float> aside;
  if (averaged != weights.data()) {
    aside.assign(weights.data(), weights.data() + weights.size());
    std::memcpy(weights.data(), averaged, static_cast<size_t>(weights.size()) * sizeof(float));
  }
  if (!splits(true).empty()) {
    event.dev = evaluate(true);
    event.stop = stop_value(*event.dev, best_by_);
    warn_of_undefined(event);
    warn_undefined(*event.dev, "dev", said_undefined_, emitter_);
  }
  // Without a number to choose by, later is better; one that is undefined is not better than any.
  const bool later = !event.stop && best_epoch_ == 0;
  const bool better = event.stop && (std::isnan(best_value_) || *event.stop > best_value_);
  event.best = better || !event.dev;
  if (better || later) {
    best_value_ = event.stop.value_or(kNone);
    best_epoch_ = event.stop ? event.epoch : 0;
    best_dev_ = event.dev;
    keep(weights.data());
  }
  if (!aside.empty()) std::copy(aside.begin(), aside.end(), weights.data());
}

bool Run::write_model() {
  model::ModelFile file = input_.about;
  file.model = session_->model().name;
  file.fitted = input_.dataset.fitted;
  Json metrics = Json::object();
  if (best_epoch_ > 0) metrics["epoch"] = best_epoch_;
  if (best_dev_) metrics["dev"] = Json::parse(to_json(*best_dev_));
  if (report_.test) metrics["test"] = Json::parse(to_json(*report_.test));
  file.metrics = metrics.dump();
  for (const model::Entry& entry : session_->weights().entries())
    file.tensors.push_back(
        {entry.path, entry.dims,
         std::vector<float>(best_.begin() + entry.offset, best_.begin() + entry.offset + entry.size)});
  std::string why;
  model_written_ = Clock::now();
  if (!model::save_model(folder_->model_path(), file, why)) {
    emitter_.report(diag::CannotWriteFile, why);
    return false;
  }
  unwritten_ = false;
  return true;
}

// Between two updates: everything that the next one depends on. Nothing is changed, so a run is the same however many
// checkpoints it writes.
bool Run::checkpoint() {
  if (!weights_finite()) return false;
  write_steps();
  Checkpoint saved;
  model::Weights& weights = session_->weights();
  saved.weights = model::to_tensors(weights);
  if (!best_.empty())
    for (const model::Entry& entry : weights.entries())
      saved.best.push_back(
          {entry.path, entry.dims,
           std::vector<float>(best_.begin() + entry.offset, best_.begin() + entry.offset + entry.size)});
  for (const float* block : steps_->optimizer().blocks()) saved.optimizer.emplace_back(block, block + weights.size());
  saved.counts = steps_->optimizer().counts();
  saved.deferred = steps_->optimizer().deferred();
  saved.cursors = steps_->cursors();
  saved.epoch = epoch_;
  saved.steps_done = done_in_epoch_;
  for (const TaskLoss& sum : sums_) saved.losses.push_back(sum.loss);
  saved.loss_counts = counts_;
  saved.first_losses = first_losses_;
  saved.examples = examples_;
  saved.epoch_seconds = seconds_;
  saved.updates = update_;
  saved.batches = batch_;
  saved.best_epoch = best_epoch_;
  saved.best_value = best_epoch_ > 0 ? best_value_ : 0;
  saved.waited = waited_;
  saved.seconds = earlier_seconds_ + seconds_since(began_);
  saved.about = facts_;
  std::string why;
  if (!write_checkpoint(folder_->checkpoint_path(), saved, why)) emitter_.report(diag::LogNotWritten, why);
  checkpoint_written_ = Clock::now();
  return true;
}

// Those of the epoch at hand that are not in metrics.jsonl yet.
void Run::write_steps() {
  for (size_t i = 0; i < sampled_; ++i) {
    const Sample& sample = samples_[i];
    std::vector<TaskLoss> losses;
    for (size_t t = 0; t < sample.losses.size(); ++t) losses.push_back({running_[t].task, sample.losses[t]});
    folder_->metrics(step_event(epoch_ + 1, sample.update, sample.objective, losses).dump());
  }
  sampled_ = 0;
}

void Run::write_epoch(const EpochEvent& event) {
  write_steps();
  folder_->metrics(to_event(event).dump());
  folder_->log(to_text(event));
}

void Run::close_epoch() {
  EpochEvent event;
  event.epoch = epoch_ + 1;
  event.epochs = epochs_;
  event.whole = epoch_whole_;
  event.update = update_;
  event.examples = examples_;
  event.seconds = seconds_;
  event.examples_per_second = seconds_ > 0 ? static_cast<double>(examples_) / seconds_ : 0;
  for (size_t i = 0; i < sums_.size(); ++i)
    if (session_->model().tasks[i].has_loss)
      event.losses.push_back({sums_[i].task, counts_[i] > 0 ? sums_[i].loss / counts_[i] : kNone});
  event.monitors = steps_->monitors();
  event.shares = shares_;
  consider(event);
  waited_ = event.best ? 0 : waited_ + 1;
  write_epoch(event);
  observer_.on_epoch(event);
  report_.epochs.push_back(std::move(event));
}

std::optional<TrainReport> Run::finish() {
  model::Weights& weights = session_->weights();
  if (best_.empty()) keep(steps_->optimizer().averaged());
  std::copy(best_.begin(), best_.end(), weights.data());
  if (!best_dev_ && !splits(true).empty()) best_dev_ = evaluate(true);  // resumed, and nothing better came
  report_.dev = best_dev_;
  if (!write_model()) return std::nullopt;  // before test, so that nothing is lost
  if (options_.test && !splits(false).empty()) {
    report_.test = evaluate(false);
    warn_undefined(*report_.test, "test", said_undefined_, emitter_);
    if (!write_model()) return std::nullopt;
    folder_->log("test of epoch " + std::to_string(best_epoch_) + "  " + to_text(*report_.test));
  }
  report_.best_epoch = best_epoch_;
  report_.updates = update_;
  report_.seconds = earlier_seconds_ + seconds_since(began_);
  report_.model_path = folder_->model_path();
  folder_->metrics(to_event(report_).dump());
  observer_.on_end(report_);
  return std::move(report_);
}

// An error in the middle: what was best until then is not lost.
void Run::rescue() {
  if (!best_.empty() && unwritten_) write_model();
}

}  // namespace mtl::training
