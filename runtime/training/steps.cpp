// Makes the kinds of steps of a run, and runs one.
#include "runtime/training/steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "support/base/check.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

// One training program and all that a step of it touches, found once.
struct Kind {
  TrainingProgram program;
  std::vector<size_t> streams;
  std::vector<engine::SparseRows> rows;
  std::vector<float> scalars;
  int progress = -1, epoch = -1;
  uint32_t objective = 0;                             // outputs of the engine, by number
  std::vector<uint32_t> loss_outputs, count_outputs;  // "loss.TASK", "count.TASK"
  std::vector<uint32_t> share_outputs;                // "balance.TASK"; none: the model has no balancer
  std::vector<size_t> tasks;                          // numbers of program.tasks
  std::vector<std::pair<uint32_t, const model::Entry*>> updates;
  std::vector<std::pair<uint32_t, std::string>> monitors;
  // Of TrainingProgram::after: its scalars, and which of them are which outputs "weighted.TASK" of the step.
  std::vector<float> after_scalars;
  runtime::StepScalars last;  // what the last step was keyed by
  int after_progress = -1, after_epoch = -1;
  std::vector<std::pair<uint32_t, int>> before;
  std::vector<std::pair<uint32_t, const model::Entry*>> after_updates;
};

void set_scalar(std::vector<float>& scalars, int index, double value) {
  if (index >= 0) scalars[static_cast<size_t>(index)] = static_cast<float>(value);
}

const data::Split* train_split(const data::Dataset& dataset, const std::string& source) {
  for (const data::Source& mine : dataset.sources)
    if (mine.name == source) return &mine.train;
  return nullptr;
}

BatchSize batch_size(const TrainConfig& config, const std::string& source) {
  const auto own = config.batch_of.find(source);
  return own == config.batch_of.end() ? config.batch : own->second;
}

}  // namespace

struct Steps::State {
  Session& session;
  std::vector<Stream> streams;
  std::vector<std::unique_ptr<data::Batch>> batches;  // by stream
  std::vector<std::vector<data::UnknownDraw>> draws;  // by stream
  std::vector<Kind> kinds;                            // one, or one for each stream
  std::unique_ptr<Mix> mix;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<TaskLoss> losses;
  std::vector<double> shares;  // by number of task; see Steps::shares
  size_t last_kind = 0;        // of the last step
  std::map<std::string, double> monitors;
  uint64_t seed = 0;

  explicit State(Session& s) : session(s) {}

  bool make_kind(std::vector<size_t> taking_part);
  void open_after(Kind& kind, const std::vector<const data::Batch*>& bound);
  void write(engine::Engine& engine, const std::vector<std::pair<uint32_t, const model::Entry*>>& updates) {
    for (const auto& [output, entry] : updates)
      std::memcpy(session.weights().of(*entry), engine.output_f32(output),
                  static_cast<size_t>(entry->size) * sizeof(float));
  }
  void find_rows(Kind& kind) {
    for (size_t i = 0; i < kind.rows.size(); ++i) kind.rows[i] = kind.program.engine->sparse_rows(i);
  }
};

bool Steps::State::make_kind(std::vector<size_t> taking_part) {
  Kind kind;
  kind.streams = std::move(taking_part);
  std::set<std::string> sources;
  std::vector<const data::Batch*> bound;
  for (size_t stream : kind.streams) {
    sources.insert(streams[stream].source());
    bound.push_back(batches[stream].get());
  }
  auto program = session.training(sources);
  if (!program) return false;
  kind.program = std::move(*program);
  kind.program.engine->bind(bound);
  kind.rows.resize(kind.program.reach.tables.size());
  kind.scalars = scalars_with_progress(*kind.program.engine, 0.0);
  kind.progress = kind.program.engine->scalar("progress");
  kind.epoch = kind.program.engine->scalar("epoch");
  for (const std::string& task : kind.program.tasks) {
    const auto found = std::find_if(losses.begin(), losses.end(), [&](const TaskLoss& l) { return l.task == task; });
    kind.tasks.push_back(static_cast<size_t>(found - losses.begin()));
    kind.loss_outputs.push_back(kind.program.engine->output("loss." + task));
    kind.count_outputs.push_back(kind.program.engine->output("count." + task));
    if (kind.program.balanced) kind.share_outputs.push_back(kind.program.engine->output("balance." + task));
  }
  for (const std::string& path : kind.program.updates)
    kind.updates.emplace_back(kind.program.engine->output("update " + path), session.weights().find(path));
  for (const std::string& name : kind.program.monitors)
    kind.monitors.emplace_back(kind.program.engine->output("monitor." + name), name);
  kind.objective = kind.program.engine->output("objective");
  if (kind.program.balanced) shares.assign(losses.size(), kAbsent);
  if (kind.program.after) open_after(kind, bound);
  kinds.push_back(std::move(kind));
  return true;
}

void Steps::State::open_after(Kind& kind, const std::vector<const data::Batch*>& bound) {
  engine::Engine& after = *kind.program.after;
  after.bind(bound);
  kind.after_scalars = scalars_with_progress(after, 0.0);
  kind.after_progress = after.scalar("progress");
  kind.after_epoch = after.scalar("epoch");
  for (const std::string& task : kind.program.tasks) {
    const int index = after.scalar("before." + task);
    if (index >= 0) kind.before.emplace_back(kind.program.engine->output("weighted." + task), index);
  }
  for (const std::string& path : kind.program.after_updates)
    kind.after_updates.emplace_back(after.output("update " + path), session.weights().find(path));
}

std::unique_ptr<Steps> Steps::make(Session& session, const TrainConfig& config, const data::Spec& spec,
                                   const data::Dataset& dataset, uint64_t seed, diag::Emitter& emitter) {
  auto state = std::make_unique<State>(session);
  state->seed = seed;
  for (const elaborate::TaskInfo& task : session.model().tasks) state->losses.push_back({task.name, kAbsent});
  for (const std::string& source : session.sources(true)) {
    const data::Split* split = train_split(dataset, source);
    MTL_CHECK(split != nullptr, "data of every source that a task trains on");
    const BatchSize size = batch_size(config, source);
    state->streams.emplace_back(*split, source, size, seed);
    state->batches.push_back(std::make_unique<data::Batch>(*split, source, state->streams.back().most_examples(),
                                                           size.tokens ? size.count : 0));
    state->draws.push_back(data::unknown_draws(spec, dataset.fitted, source));
  }
  state->mix = std::make_unique<Mix>(config.mix, state->streams, seed);

  std::vector<size_t> all(state->streams.size());
  double weight = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = i;
    weight += state->mix->weight(i);
  }
  if (!(weight > 0)) {
    emitter.report(diag::MixTrainsNothing).at(config.mix.range);
    return nullptr;
  }
  if (config.mix.kind == MixKind::joint) {
    if (!state->make_kind(all)) return nullptr;
  } else {
    for (size_t i : all)
      if (!state->make_kind({i})) return nullptr;
  }
  std::vector<Reach> reaches;
  for (const Kind& kind : state->kinds) reaches.push_back(kind.program.reach);
  state->optimizer = std::make_unique<Optimizer>(config, session.weights(), session.gradients(), std::move(reaches));
  return std::unique_ptr<Steps>(new Steps(std::move(state)));
}

Steps::Steps(std::unique_ptr<State> state) : state_(std::move(state)) {}
Steps::~Steps() = default;

Steps::Result Steps::run(int32_t stream, int64_t number, double progress, int64_t epoch) {
  State& s = *state_;
  const size_t index = stream == Mix::kAll ? 0 : static_cast<size_t>(stream);
  Kind& kind = s.kinds[index];
  Result result;
  for (size_t i : kind.streams) {
    s.batches[i]->fill(s.streams[i].next());
    s.batches[i]->draw_unknown(s.draws[i], s.seed, static_cast<uint64_t>(number));
    result.examples += s.batches[i]->examples();
  }
  set_scalar(kind.scalars, kind.progress, progress);
  set_scalar(kind.scalars, kind.epoch, static_cast<double>(epoch));
  set_scalar(kind.after_scalars, kind.after_progress, progress);
  set_scalar(kind.after_scalars, kind.after_epoch, static_cast<double>(epoch));

  engine::Engine& engine = *kind.program.engine;
  s.find_rows(kind);
  s.optimizer->before(index, kind.rows);
  runtime::StepScalars step;
  step.seed = s.seed;
  step.step = static_cast<uint64_t>(number);
  step.values = kind.scalars.data();
  engine.run(step);

  s.last_kind = index;
  kind.last = step;
  for (TaskLoss& loss : s.losses) loss.loss = kAbsent;
  std::fill(s.shares.begin(), s.shares.end(), kAbsent);
  result.objective = *engine.output_f32(kind.objective);
  result.finite = std::isfinite(result.objective);
  for (size_t i = 0; i < kind.tasks.size(); ++i) {
    const double loss = *engine.output_f32(kind.loss_outputs[i]);
    TaskLoss& mine = s.losses[kind.tasks[i]];
    mine.count = *engine.output_f32(kind.count_outputs[i]);
    mine.loss = std::isfinite(loss) && mine.count == 0 ? kAbsent : loss;
    if (!std::isfinite(loss)) {
      result.finite = false;
      if (result.bad_task < 0) result.bad_task = static_cast<int>(kind.tasks[i]);
    }
    if (kind.share_outputs.empty() || mine.count == 0) continue;
    const double share = s.shares[kind.tasks[i]] = *engine.output_f32(kind.share_outputs[i]);
    if (std::isfinite(share) && share >= 0) continue;
    result.finite = false;
    if (result.bad_share < 0) result.bad_share = static_cast<int>(kind.tasks[i]);
  }
  for (const auto& [output, name] : kind.monitors) s.monitors[name] = *engine.output_f32(output);
  if (!result.finite) return result;
  s.find_rows(kind);
  s.optimizer->collect(index, kind.rows);
  s.write(engine, kind.updates);
  return result;
}

void Steps::balance() {
  State& s = *state_;
  Kind& kind = s.kinds[s.last_kind];
  if (!kind.program.after) return;
  for (const auto& [output, index] : kind.before)
    set_scalar(kind.after_scalars, index, *kind.program.engine->output_f32(output));
  runtime::StepScalars step = kind.last;
  step.values = kind.after_scalars.data();
  kind.program.after->run(step);
  s.write(*kind.program.after, kind.after_updates);
}

const Mix& Steps::mix() const {
  return *state_->mix;
}
Optimizer& Steps::optimizer() {
  return *state_->optimizer;
}
const std::vector<TaskLoss>& Steps::losses() const {
  return state_->losses;
}

const std::vector<double>& Steps::shares() const {
  return state_->shares;
}

const std::map<std::string, double>& Steps::monitors() const {
  return state_->monitors;
}

std::vector<Stream::Cursor> Steps::cursors() const {
  std::vector<Stream::Cursor> cursors;
  for (const Stream& stream : state_->streams) cursors.push_back(stream.cursor());
  return cursors;
}

int64_t Steps::examples(size_t stream) const {
  return state_->streams[stream].examples();
}

void Steps::resume(const std::vector<Stream::Cursor>& cursors) {
  MTL_CHECK(cursors.size() == state_->streams.size(), "a cursor for every stream");
  for (size_t i = 0; i < cursors.size(); ++i) state_->streams[i].resume(cursors[i]);
}

}  // namespace mtl::training
