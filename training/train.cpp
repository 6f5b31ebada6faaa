// One run, as a class that goes through prepare(), epochs and finish(). What a step is stands in steps.cpp, what the
// files are in run_folder.cpp.
#include "training/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "compiler/base/check.h"
#include "compiler/base/text.h"
#include "runtime/random.h"
#include "training/evaluate.h"
#include "training/initialise.h"
#include "training/labels.h"
#include "training/run_folder.h"
#include "training/schedule.h"
#include "training/steps.h"

namespace mtl::training {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kWriteEvery = 2.0;      // seconds between writes of models and checkpoints; the last is always written
constexpr double kSmooth = 0.98;         // of the running losses
constexpr int64_t kFirstSteps = 50;      // all of them are in metrics.jsonl,
constexpr int64_t kSampledSteps = 1000;  // later ones about so often

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
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
  bool check_inputs(const elaborate::TaskInfo& task);
  void count_updates();
  bool resume();
  void start();
  bool run_epoch();
  bool update(int64_t in_group);
  bool step(int32_t stream);
  void report_step(const std::vector<int32_t>& plan);
  void close_epoch();
  bool interrupted() const { return options_.interrupted != nullptr && options_.interrupted->load(); }

  std::vector<SplitOf> splits(bool dev) const;
  Scores evaluate(bool dev);
  void consider(EpochEvent& event);
  void keep(const float* weights);
  bool write_model();
  void checkpoint();
  std::string fingerprint() const;
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

  int64_t epochs_ = 0, updates_ = 0;       // planned
  int64_t epoch_ = 0, done_in_epoch_ = 0;  // at hand, from 0
  int64_t update_ = 0, batch_ = 0;         // done
  int64_t best_epoch_ = 0, waited_ = 0;
  double best_value_ = kNone;
  std::vector<float> best_;  // empty: none yet
  std::optional<Scores> best_dev_;
  bool unwritten_ = false;  // best_ is newer than the model file
  Clock::time_point model_written_{}, checkpoint_written_{};

  std::vector<TaskLoss> running_, sums_;
  std::vector<double> running_weight_, counts_;
  std::vector<Sample> samples_;
  size_t sampled_ = 0;
  double objective_ = 0, norm_ = 0, factor_ = 1, seconds_ = 0, earlier_seconds_ = 0;
  int64_t examples_ = 0, session_updates_ = 0;
  double step_seconds_ = 0;
  Clock::time_point began_ = Clock::now(), epoch_began_;
  TrainReport report_;
};

// ---- before the first step ----

// A head cannot read a value that is not there.
bool Run::check_inputs(const elaborate::TaskInfo& task) {
  const data::Source* source = find_source(input_.dataset, task.source);
  MTL_CHECK(source != nullptr, "data of every source that a task reads");
  for (const std::string& name : task.inputs)
    for (const data::Split* split : {&source->train, &source->dev, &source->test}) {
      const auto found = split->columns.find(name);
      if (found == split->columns.end() || found->second.missing == 0) continue;
      emitter_
          .report(diag::MissingInput, task.name, task.source + "." + name,
                  count_of(static_cast<size_t>(found->second.missing), "missing value"))
          .at(task.range)
          .note("the first is at " + found->second.first_missing)
          .help("give the column a value for them: `fill(0.0)`, `fill(mean)` or `fill(\"none\")`");
      return false;
    }
  return true;
}

bool Run::check_tasks() {
  if (session_->sources(true).empty()) {
    emitter_.report(diag::NothingToTrain, session_->model().name);
    return false;
  }
  bool good = true;
  for (const elaborate::TaskInfo& task : session_->model().tasks) {
    good = check_inputs(task) && good;
    if (!task.has_loss || task.target.empty()) continue;  // nothing to predict, nothing to be labelled
    const data::Source* source = find_source(input_.dataset, task.source);
    MTL_CHECK(source != nullptr, "data of every source that a task reads");
    if (count_labels(source->train, task) > 0) continue;
    emitter_.report(diag::TaskWithoutLabels, task.name, task.source + "." + task.target).at(task.range);
    good = false;
  }
  if (!config_.stop_on) return good;
  const std::vector<std::string> names = metric_names(session_->model());
  for (const std::string& name : config_.stop_on->names) {
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
  for (epochs_ = 0; epochs_ < all && updates_ < limit; ++epochs_) updates_ += of_epoch(epochs_);
  updates_ = std::min(updates_, limit);
}

bool Run::prepare() {
  SessionOptions session;
  session.object_cache = options_.object_cache;
  session.rows = Optimizer::wants_rows(config_);
  session_ = Session::open(input_.elaborator, session);
  if (!session_) return false;
  if (input_.requirements && !input_.requirements(session_->model())) return false;
  if (!check_tasks()) return false;
  initialise(session_->params(), input_.dataset.fitted, config_.seed, session_->weights());
  for (const model::Tensor& tensor : options_.initial) {
    const model::Entry* entry = session_->weights().find(tensor.name);
    MTL_CHECK(entry != nullptr && entry->dims == tensor.dims, "initial values of a parameter that the model has");
    std::copy(tensor.values.begin(), tensor.values.end(), session_->weights().of(*entry));
  }
  folder_ = RunFolder::open(options_.run_dir, options_.resume, emitter_);
  if (!folder_) return false;
  steps_ = Steps::make(*session_, config_, input_.dataset, config_.seed, emitter_);
  if (!steps_) return false;
  evaluator_ = std::make_unique<Evaluator>(*session_, input_.spec, input_.dataset.fitted);
  count_updates();
  running_ = sums_ = steps_->losses();
  running_weight_.assign(running_.size(), 0.0);
  counts_.assign(running_.size(), 0.0);
  samples_.resize(kFirstSteps + 2 * kSampledSteps + 2, Sample{0, 0, std::vector<double>(running_.size())});
  if (options_.resume && !resume()) return false;
  start();
  return true;
}

std::string Run::fingerprint() const {
  std::string all;
  for (const auto& [name, text] : input_.about.sources) all += name + '\0' + text + '\0';
  for (const auto& [name, value] : input_.about.sets) all += name + '=' + value + '\0';
  return std::to_string(runtime::hash_text(all.data(), all.size()));
}

bool Run::resume() {
  std::string why;
  const std::string path = folder_->checkpoint_path();
  auto saved = read_checkpoint(path, why);
  const auto refuse = [&](const std::string& reason) {
    emitter_.report(diag::CannotResume, path, reason);
    return false;
  };
  if (!saved) return refuse(why);
  model::Weights& weights = session_->weights();
  if (saved->fingerprint != fingerprint())
    return refuse("it is of a run of another source file, or with other --set values");
  if (saved->seed != config_.seed) return refuse("it is of a run with the seed " + std::to_string(saved->seed));
  const std::vector<float*> blocks = steps_->optimizer().blocks();
  bool fits = saved->counts.size() == weights.entries().size() + 1 && saved->optimizer.size() == blocks.size() &&
              saved->cursors.size() == steps_->cursors().size();
  for (const auto& block : saved->optimizer) fits = fits && static_cast<int64_t>(block.size()) == weights.size();
  for (size_t i = 0; fits && i < saved->cursors.size(); ++i) fits = saved->cursors[i].at <= steps_->examples(i);
  if (!fits) return refuse("it does not fit the model and its data");
  if (!saved->best.empty()) {
    if (!model::to_weights(saved->best, weights, why)) return refuse(why);
    best_.assign(weights.data(), weights.data() + weights.size());
  }
  if (!model::to_weights(saved->weights, weights, why)) return refuse(why);
  for (size_t i = 0; i < blocks.size(); ++i)
    std::copy(saved->optimizer[i].begin(), saved->optimizer[i].end(), blocks[i]);
  steps_->optimizer().resume(saved->counts);
  steps_->resume(saved->cursors);
  epoch_ = saved->epoch;
  done_in_epoch_ = saved->steps_done;
  update_ = saved->updates;
  batch_ = saved->batches;
  best_epoch_ = saved->best_epoch;
  best_value_ = saved->best_epoch > 0 ? saved->best_value : kNone;
  waited_ = saved->waited;
  earlier_seconds_ = saved->seconds;
  return true;
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
  event.epochs = epochs_;
  event.updates = updates_;
  event.resumed_epoch = options_.resume ? epoch_ + 1 : 0;
  Json line = {{"kind", "start"},   {"model", event.model}, {"parameters", event.parameters},
               {"epochs", epochs_}, {"steps", updates_},    {"seed", config_.seed}};
  if (options_.resume) line["resumed_epoch"] = event.resumed_epoch;
  folder_->metrics(line.dump());
  folder_->log(line.dump());
  observer_.on_start(event);
}

// ---- steps ----

bool Run::failed(const Steps::Result& result) {
  const auto text = [](double x) { return std::string(std::isnan(x) ? "not a number" : "infinite"); };
  const char* help = "a lower `lr`, or `clip_norm = 1.0` in the train block, often helps";
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
  const Steps::Result result = steps_->run(stream, batch_++, progress);
  if (!result.finite) return !failed(result);
  examples_ += result.examples;
  objective_ = result.objective;
  const auto& losses = steps_->losses();
  for (size_t i = 0; i < losses.size(); ++i) {
    if (std::isnan(losses[i].loss)) continue;
    counts_[i] += 1;
    sums_[i].loss += losses[i].loss;
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
  const double now = seconds_since(epoch_began_);
  const double all = step_seconds_ + now;
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
  const auto size = static_cast<int64_t>(plan.size());
  for (TaskLoss& sum : sums_) sum.loss = 0;
  std::fill(counts_.begin(), counts_.end(), 0.0);
  examples_ = 0;
  epoch_began_ = Clock::now();
  int64_t in_group = 0;
  while (done_in_epoch_ < size && update_ < updates_) {
    if (!step(plan[static_cast<size_t>(done_in_epoch_)])) return false;
    ++done_in_epoch_;
    if (++in_group < config_.accumulate && done_in_epoch_ < size) continue;
    if (!update(in_group)) return false;
    in_group = 0;
    report_step(plan);
    if (interrupted()) break;
  }
  seconds_ = seconds_since(epoch_began_);
  step_seconds_ += seconds_;
  return true;
}

// ---- after an epoch ----

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
    event.stop = stop_value(*event.dev, config_.stop_on);
  }
  // without a number to choose by, later is better
  event.best = !event.stop || std::isnan(best_value_) || *event.stop > best_value_;
  if (event.best) {
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

void Run::checkpoint() {
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
  saved.cursors = steps_->cursors();
  saved.epoch = epoch_;
  saved.steps_done = done_in_epoch_;
  saved.updates = update_;
  saved.batches = batch_;
  saved.best_epoch = best_epoch_;
  saved.best_value = best_epoch_ > 0 ? best_value_ : 0;
  saved.waited = waited_;
  saved.seconds = earlier_seconds_ + seconds_since(began_);
  saved.seed = config_.seed;
  saved.fingerprint = fingerprint();
  std::string why;
  if (!write_checkpoint(folder_->checkpoint_path(), saved, why)) emitter_.report(diag::LogNotWritten, why);
  checkpoint_written_ = Clock::now();
}

void Run::write_epoch(const EpochEvent& event) {
  for (size_t i = 0; i < sampled_; ++i) {
    const Sample& sample = samples_[i];
    Json losses = Json::object();
    for (size_t t = 0; t < sample.losses.size(); ++t)
      if (!std::isnan(sample.losses[t])) losses[running_[t].task] = sample.losses[t];
    folder_->metrics(Json{
        {"kind", "step"},
        {"step", sample.update},
        {"objective", number(sample.objective)},
        {"loss", losses}}.dump());
  }
  sampled_ = 0;
  Json line = {{"kind", "epoch"}, {"epoch", event.epoch}, {"step", update_}, {"seconds", event.seconds}};
  line["examples_per_second"] = number(event.examples_per_second);
  for (const TaskLoss& loss : event.losses) line["loss"][loss.task] = number(loss.loss);
  if (event.dev) line["dev"] = Json::parse(to_json(*event.dev));
  line["best"] = event.best;
  folder_->metrics(line.dump());
  folder_->log(line.dump());
}

void Run::close_epoch() {
  EpochEvent event;
  event.epoch = epoch_ + 1;
  event.epochs = epochs_;
  event.seconds = seconds_;
  event.examples_per_second = seconds_ > 0 ? static_cast<double>(examples_) / seconds_ : 0;
  for (size_t i = 0; i < sums_.size(); ++i)
    if (counts_[i] > 0) event.losses.push_back({sums_[i].task, sums_[i].loss / counts_[i]});
  consider(event);
  waited_ = event.best ? 0 : waited_ + 1;
  write_epoch(event);
  observer_.on_epoch(event);
  report_.epochs.push_back(std::move(event));
}

bool Run::train() {
  if (splits(true).empty()) emitter_.report(diag::NoDevSplit);
  while (update_ < updates_ && !(config_.patience > 0 && waited_ >= config_.patience)) {
    if (!run_epoch()) return false;
    steps_->optimizer().flush();
    report_.interrupted = interrupted();
    if (report_.interrupted && done_in_epoch_ > 0) checkpoint();  // as it stands, in the middle of the epoch
    close_epoch();
    if (report_.interrupted) break;
    ++epoch_;
    done_in_epoch_ = 0;
    const bool last = update_ >= updates_;
    if (!last && unwritten_ && seconds_since(model_written_) > kWriteEvery && !write_model()) return false;
    if (!last && seconds_since(checkpoint_written_) > kWriteEvery) checkpoint();
  }
  if (!report_.interrupted) checkpoint();
  return true;
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
    if (!write_model()) return std::nullopt;
    folder_->metrics(
        Json{{"kind", "test"}, {"epoch", best_epoch_}, {"test", Json::parse(to_json(*report_.test))}}.dump());
    folder_->log("test " + to_json(*report_.test));
  }
  report_.best_epoch = best_epoch_;
  report_.updates = update_;
  report_.seconds = earlier_seconds_ + seconds_since(began_);
  report_.model_path = folder_->model_path();
  observer_.on_end(report_);
  return std::move(report_);
}

// An error in the middle: what was best until then is not lost.
void Run::rescue() {
  if (!best_.empty() && unwritten_) write_model();
}

}  // namespace

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
