// The way to the first step, the loop of epochs, and the steps of each. What a step is stands in steps.cpp.
#include "runtime/training/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "runtime/core/random.h"
#include "runtime/training/events.h"
#include "runtime/training/initialise.h"
#include "runtime/training/labels.h"
#include "runtime/training/row_weights.h"
#include "runtime/training/run.h"
#include "runtime/training/schedule.h"
#include "runtime/training/selection.h"
#include "runtime/training/start_values.h"
#include "runtime/training/unknown.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

constexpr double kWriteEvery = 2.0;      // seconds between writes of models and checkpoints; the last is always written
constexpr double kSmooth = 0.98;         // of the running losses
constexpr int64_t kFirstSteps = 50;      // all of them are in metrics.jsonl,
constexpr int64_t kSampledSteps = 1000;  // later ones about so often

// Why no example has a label of the task.
std::string what_is_missing(const data::Split& split, const elaborate::TaskInfo& task) {
  const std::string value = "a value in column `" + task.source + "." + task.target + "`";
  elaborate::TaskInfo always = task;
  always.when.clear();
  if (task.when.empty() || count_labels(split, always) == 0) return value;
  return value + " and `true` in `" + task.source + "." + task.when + "`, as its `when` asks";
}

}  // namespace

// ---- before the first step ----

// A loss of a whole sequence (a conditional random field's) cannot be had of a part of it.
void Run::warn_of_sequences(const data::Split& train, const elaborate::TaskInfo& task) {
  if (!task.loss_of_sequences) return;
  const std::vector<bool> labelled = labelled_rows(train, task);
  const std::vector<int64_t> starts = row_starts(train, task);
  int64_t left_out = 0;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const int64_t there = std::count(labelled.begin() + starts[i], labelled.begin() + starts[i + 1], true);
    left_out += there > 0 && there < starts[i + 1] - starts[i];
  }
  if (left_out > 0)
    emitter_.report(diag::SequencesLeftOut, task.name, left_out, train.examples)
        .at(task.range)
        .help("a loss of each position, `cross_entropy()`, trains on the rest of them");
}

bool Run::check_tasks() {
  if (session_->sources(true).empty()) {
    emitter_.report(diag::NothingToTrain, session_->model().name);
    return false;
  }
  bool good = true;
  for (const elaborate::TaskInfo& task : session_->model().tasks) {
    const data::Source* source = find_source(input_.dataset, task.source);
    MTL_CHECK(source != nullptr, "data of every source that a task reads");
    good = check_inputs(source->train, "train", task, emitter_) && check_inputs(source->dev, "dev", task, emitter_) &&
           check_inputs(source->test, "test", task, emitter_) && good;
    if (!task.has_loss || task.target.empty()) continue;  // nothing to predict, nothing to be labelled
    for (const auto& [there, split, name] :
         {std::tuple(source->has_dev, &source->dev, "dev"), std::tuple(source->has_test, &source->test, "test")})
      if (there && count_labels(*split, task) == 0)
        emitter_.report(diag::TaskWithoutDevLabels, task.name, name).at(task.range);
    warn_of_sequences(source->train, task);
    if (count_labels(source->train, task) > 0) {
      warn_of_target(source->train, task);
      continue;
    }
    emitter_.report(diag::TaskWithoutLabels, task.name, what_is_missing(source->train, task)).at(task.range);
    good = false;
  }
  return choose_selection() && good;
}

bool Run::choose_selection() {
  if (!config_.stop_on) {
    std::vector<elaborate::TaskInfo> tasks;
    for (const elaborate::TaskInfo& task : session_->model().tasks) {
      const data::Source* source = find_source(input_.dataset, task.source);
      if (source->has_dev && (task.target.empty() || count_labels(source->dev, task) > 0)) tasks.push_back(task);
    }
    best_by_ = default_selection(tasks);
    return true;
  }
  best_by_ = *config_.stop_on;
  bool good = true;
  const std::vector<std::string> names = metric_names(session_->model(), input_.spec);
  for (const std::string& name : best_by_.names) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const auto near = nearest(name, names);
    emitter_.report(diag::UnknownMetricValue, name)
        .at(config_.range)
        .help(near ? "did you mean `" + *near + "`?" : "it has " + join(names));
    good = false;
  }
  return good;
}

void Run::count_updates() {
  const auto of_epoch = [&](int64_t epoch) {
    const auto steps = static_cast<int64_t>(steps_->mix().plan(epoch).size());
    return (steps + config_.accumulate - 1) / config_.accumulate;
  };
  int64_t limit = config_.steps ? *config_.steps : std::numeric_limits<int64_t>::max();
  if (options_.max_updates > 0) limit = std::min(limit, options_.max_updates);
  const int64_t all = config_.steps ? std::numeric_limits<int64_t>::max() : config_.epochs;
  constexpr int64_t kCounted = 1000000;  // one by one; nobody waits for the rest to be counted, or to be trained
  for (epochs_ = 0; epochs_ < std::min(all, kCounted) && updates_ < limit; ++epochs_) updates_ += of_epoch(epochs_);
  if (epochs_ == kCounted && updates_ < limit) {
    const int64_t each = std::max<int64_t>(of_epoch(0), 1), to_limit = (limit - updates_) / each;
    const int64_t more = std::min(all - epochs_, to_limit + 1);
    epochs_ += more;
    updates_ = more > to_limit ? limit : updates_ + more * each;
  }
  updates_ = std::min(updates_, limit);
}

bool Run::prepare() {
  SessionOptions session;
  session.frozen = [this](const std::string& path) { return is_frozen(config_, path); };
  session.object_cache = options_.object_cache;
  session.rows = Optimizer::wants_rows(config_);
  session.bf16 = config_.bf16;
  session_ = Session::open(input_.elaborator, session);
  if (!session_) return false;
  if (input_.requirements && !input_.requirements(session_->model())) return false;
  if (!check_tasks() || !check_patterns(config_, session_->params(), emitter_)) return false;
  if (!check_tags(session_->params(), input_.dataset, emitter_)) return false;
  if (!check_class_weights(session_->params(), input_.dataset, emitter_)) return false;
  if (!check_span_metrics(session_->model().tasks, input_.spec, input_.dataset.fitted, emitter_)) return false;
  if (!check_row_weights(*session_, input_.dataset, emitter_)) return false;
  initialise(session_->params(), input_.dataset, config_.seed, session_->weights());
  std::vector<Fact> of_files;
  if (!start_from_files(input_, options_.from, *session_, report_.start, of_files, emitter_)) return false;
  warn_of_unknown(drawn_params(session_->params(), report_.start), input_.spec, input_.dataset, emitter_);
  for (const model::Tensor& tensor : options_.initial) {
    const model::Entry* entry = session_->weights().find(tensor.name);
    MTL_CHECK(entry != nullptr && entry->dims == tensor.dims, "initial values of a parameter that the model has");
    std::copy(tensor.values.begin(), tensor.values.end(), session_->weights().of(*entry));
  }
  folder_ = RunFolder::open(options_.run_dir, options_.resume, emitter_);
  if (!folder_) return false;
  steps_ = Steps::make(*session_, config_, input_.spec, input_.dataset, config_.seed, emitter_);
  if (!steps_) return false;
  evaluator_ = std::make_unique<Evaluator>(*session_, input_.spec, input_.dataset.fitted);
  count_updates();
  warn_of_warmup();
  warn_of_frozen(config_, epochs_, updates_, emitter_);
  warn_of_undefined_metrics();
  if (splits(true).empty()) emitter_.report(diag::NoDevSplit);
  auto facts = facts_of(input_, config_, best_by_, *session_);
  if (!facts) return false;
  facts_ = std::move(*facts);
  facts_.facts.insert(facts_.facts.end(), of_files.begin(), of_files.end());
  running_ = sums_ = steps_->losses();
  shares_.assign(steps_->shares().size(), kNone);
  running_weight_.assign(running_.size(), 0.0);
  counts_.assign(running_.size(), 0.0);
  first_losses_.assign(running_.size(), kNone);
  find_usual_losses();
  samples_.resize(kFirstSteps + 2 * kSampledSteps + 2, Sample{0, 0, std::vector<double>(running_.size())});
  if (options_.resume && !resume()) return false;
  start();
  return true;
}

bool Run::resume() {
  std::string why;
  const std::string path = folder_->checkpoint_path();
  auto saved = read_checkpoint(path, why);
  const auto refuse = [&](const std::string& reason) {
    emitter_.report(diag::CannotResume, path, reason)
        .help("without `--resume` a new run begins, and the files of this one are moved to `earlier/`");
    return false;
  };
  if (!saved) return refuse(why);
  model::Weights& weights = session_->weights();
  if (const std::string other = difference(saved->about, facts_); !other.empty()) return refuse(other);
  const std::vector<float*> blocks = steps_->optimizer().blocks();
  bool fits = saved->optimizer.size() == blocks.size() && saved->cursors.size() == steps_->cursors().size();
  for (const auto* by_task : {&saved->losses, &saved->loss_counts, &saved->first_losses})
    fits = fits && by_task->size() == sums_.size();
  for (const auto& block : saved->optimizer) fits = fits && static_cast<int64_t>(block.size()) == weights.size();
  for (size_t i = 0; fits && i < saved->cursors.size(); ++i) fits = saved->cursors[i].at <= steps_->examples(i);
  fits = fits && steps_->optimizer().resume(saved->counts, saved->deferred);
  if (!fits) return refuse("it does not fit the model and its data");
  if (!saved->best.empty()) {
    if (!model::to_weights(saved->best, weights, why)) return refuse(why);
    best_.assign(weights.data(), weights.data() + weights.size());
  }
  if (!model::to_weights(saved->weights, weights, why)) return refuse(why);
  for (size_t i = 0; i < blocks.size(); ++i)
    std::copy(saved->optimizer[i].begin(), saved->optimizer[i].end(), blocks[i]);
  steps_->resume(saved->cursors);
  epoch_ = saved->epoch;
  done_in_epoch_ = saved->steps_done;
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i].loss = saved->losses[i];
  counts_ = saved->loss_counts;
  first_losses_ = saved->first_losses;
  examples_ = saved->examples;
  seconds_ = saved->epoch_seconds;
  update_ = saved->updates;
  batch_ = saved->batches;
  best_epoch_ = saved->best_epoch;
  best_value_ = saved->best_epoch > 0 ? saved->best_value : kNone;
  waited_ = saved->waited;
  earlier_seconds_ = saved->seconds;
  return folder_->cut_metrics(update_);
}

void Run::start() {
  StartEvent event;
  event.model = session_->model().name;
  for (const elaborate::ParamInfo& param : session_->params())
    if (param.trained) event.parameters += session_->weights().find(param.path)->size;
  for (const std::string& name : session_->sources(false)) {
    const data::Source* source = find_source(input_.dataset, name);
    event.sources.push_back({name, source->train.examples, source->has_dev ? source->dev.examples : 0,
                             source->has_test ? source->test.examples : 0});
  }
  for (const data::VocabSpec& vocab : input_.spec.vocabs) {
    const auto vectors = input_.dataset.fitted.vectors.find(vocab.name);
    if (vectors == input_.dataset.fitted.vectors.end()) continue;
    event.vectors.push_back({vocab.name, vocab.embeddings, vectors->second.coverage});
    folder_->log(say_coverage(event.vectors.back()));
  }
  if (!options_.resume) event.start = report_.start;  // else its checkpoint has what became of it
  for (const StartValues& start : event.start) folder_->log(say_start(start));
  event.epochs = epochs_;
  event.updates = updates_;
  event.resumed_epoch = options_.resume ? epoch_ + 1 : 0;
  event.earlier = folder_->moved_to();
  event.best_by = best_by_;
  if (!best_by_.names.empty()) event.best_by_text = to_text(best_by_, session_->model().metrics);
  event.seed = config_.seed;
  folder_->metrics(to_event(event).dump());
  folder_->log((options_.resume ? "resumed " : "started ") + event.model + ": " + std::to_string(event.parameters) +
               " parameters, " + std::to_string(epochs_) + " epochs of " + std::to_string(updates_) +
               " steps in all, seed " + std::to_string(config_.seed));
  if (!event.best_by_text.empty()) folder_->log("the best epoch is that of " + event.best_by_text);
  observer_.on_start(event);
}

// ---- steps ----

bool Run::failed(const Steps::Result& result) {
  const auto text = [](double x) { return std::string(std::isnan(x) ? "not a number" : "infinite"); };
  const char* help = "a lower `lr`, or `clip_norm = 1.0` in the train block, often helps";
  if (result.bad_task < 0 && result.bad_share >= 0) {
    const auto bad = static_cast<size_t>(result.bad_share);
    const TaskLoss& loss = steps_->losses()[bad];
    emitter_
        .report(diag::ShareNotUsable, loss.task, fmt::format("{:.6g}", steps_->shares()[bad]), update_ + 1, epoch_ + 1,
                fmt::format("{:.6g}", loss.loss))
        .at(session_->task(loss.task)->range)
        .help("methods that take the logarithm of a loss need losses above 0; `uncertainty`, `dwa` and `rlw` take any");
    return true;
  }
  if (result.bad_task < 0) {
    emitter_.report(diag::ObjectiveNotFinite, text(result.objective), update_ + 1, epoch_ + 1).help(help);
    return true;
  }
  const TaskLoss& loss = steps_->losses()[static_cast<size_t>(result.bad_task)];
  const elaborate::TaskInfo* task = session_->task(loss.task);
  emitter_.report(diag::LossNotFinite, loss.task, text(loss.loss), update_ + 1, epoch_ + 1).at(task->range).help(help);
  return true;
}

bool Run::step(int32_t stream) {
  const double progress = updates_ > 1 ? static_cast<double>(update_) / static_cast<double>(updates_ - 1) : 0.0;
  const Steps::Result result = steps_->run(stream, batch_++, progress, epoch_ + 1);
  if (!result.finite) return !failed(result);
  examples_ += result.examples;
  objective_ = result.objective;
  const auto& losses = steps_->losses();
  for (size_t i = 0; i < losses.size(); ++i) {
    if (std::isnan(losses[i].loss)) continue;
    if (!shares_.empty()) shares_[i] = steps_->shares()[i];
    if (std::isnan(first_losses_[i])) first_losses_[i] = losses[i].loss;
    counts_[i] += losses[i].count;
    sums_[i].loss += losses[i].count * losses[i].loss;
    running_weight_[i] = kSmooth * running_weight_[i] + (1 - kSmooth);
    if (std::isnan(running_[i].loss)) running_[i].loss = losses[i].loss;
    running_[i].loss += (1 - kSmooth) / running_weight_[i] * (losses[i].loss - running_[i].loss);
  }
  return true;
}

bool Run::update(int64_t in_group) {
  factor_ = schedule_factor(config_.schedule, update_ + 1, updates_, epoch_);
  norm_ = steps_->optimizer().update(factor_, in_group);
  if (!std::isfinite(norm_)) {
    emitter_.report(diag::GradientNotFinite, update_ + 1, epoch_ + 1)
        .help("a lower `lr` often helps; look for logarithms and divisions by what can be zero");
    return false;
  }
  steps_->balance();
  ++update_;
  ++session_updates_;
  const int64_t every = std::max<int64_t>(updates_ / kSampledSteps, 1);
  if ((update_ <= kFirstSteps || update_ % every == 0) && sampled_ < samples_.size()) {
    Sample& sample = samples_[sampled_++];
    sample.update = update_;
    sample.objective = objective_;
    for (size_t i = 0; i < sample.losses.size(); ++i) sample.losses[i] = steps_->losses()[i].loss;
  }
  return true;
}

void Run::report_step(const std::vector<int32_t>& plan) {
  const double here = seconds_since(epoch_began_), now = seconds_ + here;
  const double all = step_seconds_ + here;
  StepEvent event{.losses = steps_->losses(), .running = running_};
  event.epoch = epoch_ + 1;
  event.epochs = epochs_;
  event.update = update_;
  event.updates = updates_;
  event.step_in_epoch = done_in_epoch_;
  event.steps_in_epoch = static_cast<int64_t>(plan.size());
  event.objective = objective_;
  event.learning_factor = factor_;
  event.gradient_norm = norm_;
  event.examples_per_second = now > 0 ? static_cast<double>(examples_) / now : 0;
  event.seconds_left =
      all / static_cast<double>(std::max<int64_t>(session_updates_, 1)) * static_cast<double>(updates_ - update_);
  observer_.on_step(event);
}

// The steps that are left of the epoch at hand. False after a report.
bool Run::run_epoch() {
  const std::vector<int32_t> plan = steps_->mix().plan(epoch_);
  steps_->optimizer().begin_epoch(epoch_ + 1);
  const auto size = static_cast<int64_t>(plan.size());
  if (done_in_epoch_ == 0) {  // else it goes on, resumed
    for (TaskLoss& sum : sums_) sum.loss = 0;
    std::fill(counts_.begin(), counts_.end(), 0.0);
    examples_ = 0;
    seconds_ = 0;
  }
  epoch_began_ = Clock::now();
  int64_t in_group = 0;
  while (done_in_epoch_ < size && update_ < updates_) {
    if (!step(plan[static_cast<size_t>(done_in_epoch_)])) return false;
    ++done_in_epoch_;
    if (++in_group < config_.accumulate && done_in_epoch_ < size) continue;
    if (!update(in_group)) return false;
    in_group = 0;
    report_step(plan);
    if (epoch_ == 0 && done_in_epoch_ < size)
      warn_of_losses(static_cast<double>(done_in_epoch_) / static_cast<double>(size));
    if (interrupted()) break;
    if (done_in_epoch_ < size && update_ < updates_ && checkpoint_is_due() && !save_inside()) return false;
  }
  epoch_whole_ = done_in_epoch_ >= size || update_ >= updates_;
  if (epoch_ == 0 && epoch_whole_) warn_of_losses(1);
  count_time();
  return true;
}

// Of steps, since it was last counted.
void Run::count_time() {
  const double seconds = seconds_since(epoch_began_);
  seconds_ += seconds;
  step_seconds_ += seconds;
  epoch_began_ = Clock::now();
}

bool Run::checkpoint_is_due() const {
  return seconds_since(std::max(checkpoint_written_, began_)) >= options_.checkpoint_every;
}

// In the middle of an epoch, which may be hours from its end.
bool Run::save_inside() {
  count_time();
  return (!unwritten_ || write_model()) && checkpoint();
}

// Losses are looked at in each step, weights only here: a step that spoils them shows in its next loss, unless it was
// the last one, or nothing reads what is spoilt.
bool Run::weights_finite() {
  const model::Weights& weights = session_->weights();
  for (const model::Entry& entry : weights.entries()) {
    const float* values = weights.of(entry);
    if (std::all_of(values, values + entry.size, [](float x) { return std::isfinite(x); })) continue;
    emitter_.report(diag::WeightsNotFinite, entry.path, epoch_ + 1)
        .help("a lower `lr`, or `clip_norm = 1.0` in the train block, often helps");
    return false;
  }
  return true;
}

bool Run::train() {
  while (update_ < updates_ && !(config_.patience > 0 && waited_ >= config_.patience)) {
    if (!run_epoch()) return false;
    report_.interrupted = interrupted();
    // As it stands, in the middle of the epoch: rows that are behind stay so, or they would be rounded twice.
    if (report_.interrupted && !checkpoint()) return false;
    steps_->optimizer().flush();
    if (!weights_finite()) return false;
    close_epoch();
    if (report_.interrupted) break;
    ++epoch_;
    done_in_epoch_ = 0;
    const bool last = update_ >= updates_;
    if (!last && unwritten_ && seconds_since(model_written_) > kWriteEvery && !write_model()) return false;
    if (!last && seconds_since(checkpoint_written_) > kWriteEvery && !checkpoint()) return false;
  }
  return report_.interrupted || checkpoint();
}

std::optional<TrainReport> train(const TrainInput& input, const TrainOptions& options, Observer& observer,
                                 diag::Emitter& emitter) {
  Run run(input, options, observer, emitter);
  if (!run.prepare()) return std::nullopt;
  if (!run.train()) {
    run.rescue();
    return std::nullopt;
  }
  return run.finish();
}

}  // namespace mtl::training
