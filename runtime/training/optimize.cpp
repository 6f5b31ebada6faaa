// Runs, tables, clipping, accumulation and averaging; the formulas themselves are in runtime/optimizers/optimizer.h.
#include "runtime/training/optimize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

using runtime::OptimizerRule;
using runtime::RowTable;
using Block = std::unique_ptr<float[], void (*)(void*)>;

constexpr double kClipEpsilon = 1e-6;  // as torch.nn.utils.clip_grad_norm_

struct Settings {
  double lr = 0, weight_decay = 0;
  int64_t from_epoch = 1, from_update = 1;  // frozen before
  bool operator==(const Settings&) const = default;
};

Settings settings_of(const TrainConfig& config, const std::string& path) {
  Settings settings{config.optimizer.lr, config.optimizer.weight_decay};
  for (const GroupConfig& group : config.groups) {  // later ones win
    if (!match_path(group.pattern, path)) continue;
    if (group.lr) settings.lr = *group.lr;
    if (group.weight_decay) settings.weight_decay = *group.weight_decay;
  }
  for (const FreezeConfig& freeze : config.frozen) {
    if (!freezes(freeze, path)) continue;
    if (freeze.until == FreezeConfig::Until::epoch) settings.from_epoch = std::max(settings.from_epoch, freeze.limit);
    if (freeze.until == FreezeConfig::Until::step) settings.from_update = std::max(settings.from_update, freeze.limit);
  }
  return settings;
}

// Neighbouring parameters that always move together.
struct Run {
  int64_t begin = 0, size = 0;  // floats; padding between entries is zero and stays so
  size_t first = 0, last = 0;   // entries
  Settings settings;
  std::vector<bool> kinds;
  int64_t count = 0;     // updates so far
  bool pending = false;  // has gradients
};

struct Table {
  size_t entry = 0;
  Settings settings;
  std::unique_ptr<RowTable> rows;
  int64_t count = 0;
  bool pending = false;
};

// What to do with one sparse gradient of a kind.
struct SparsePart {
  size_t table = 0;    // of tables, or
  bool dense = false;  // scatter into the dense gradient of
  size_t entry = 0;
  bool first = false;  // the first of this entry: clears it
};

}  // namespace

bool check_patterns(const TrainConfig& config, const std::vector<elaborate::ParamInfo>& params,
                    diag::Emitter& emitter) {
  std::vector<std::string> paths;
  for (const elaborate::ParamInfo& param : params) paths.push_back(param.path);
  const auto names_one = [&](const std::string& word, const std::string& pattern, SourceRange range) {
    if (std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return match_path(pattern, path); }))
      return true;
    emitter.report(diag::PathNamesNothing, word + " " + pattern).at(range).help(help_for_path(pattern, paths));
    return false;
  };
  for (const GroupConfig& group : config.groups)
    if (!names_one("group", group.pattern, group.range)) return false;
  for (const FreezeConfig& freeze : config.frozen) {
    if (!names_one("freeze", freeze.pattern, freeze.range)) return false;
    for (const std::string& except : freeze.except)
      if (!names_one("except", except, freeze.range)) return false;
  }
  for (const LoadConfig& load : config.loads) {
    for (const std::string& pattern : load.patterns)
      if (!names_one("load", pattern, load.range)) return false;
    for (const std::string& except : load.except)
      if (!names_one("except", except, load.range)) return false;
  }
  const bool trains = std::any_of(params.begin(), params.end(), [&](const elaborate::ParamInfo& param) {
    return param.trained && !is_frozen(config, param.path);
  });
  if (config.frozen.empty() || trains) return true;
  emitter.report(diag::AllFrozen)
      .at(config.frozen.back().range)
      .help("`except` leaves some of them out, `until epoch 2` ends it");
  return false;
}

void warn_of_frozen(const TrainConfig& config, int64_t epochs, int64_t updates, diag::Emitter& emitter) {
  for (const FreezeConfig& freeze : config.frozen) {
    const bool by_epoch = freeze.until == FreezeConfig::Until::epoch;
    const int64_t last = by_epoch ? epochs : updates;
    if (freeze.until == FreezeConfig::Until::never || freeze.limit <= last) continue;
    emitter
        .report(diag::FrozenToTheEnd, freeze.pattern,
                std::string(by_epoch ? "epoch " : "step ") + std::to_string(freeze.limit),
                count_of(static_cast<size_t>(last), by_epoch ? "epoch" : "step"))
        .at(freeze.range)
        .help("without `until` it is frozen always, and costs no gradient");
  }
}

struct Optimizer::State {
  const TrainConfig& config;
  model::Weights& weights;
  float* gradients;
  Block slot1{nullptr, nullptr}, slot2{nullptr, nullptr}, sums{nullptr, nullptr}, average{nullptr, nullptr};
  std::vector<Run> runs;
  std::vector<Table> tables;
  std::vector<std::vector<size_t>> runs_of;        // by kind
  std::vector<std::vector<SparsePart>> sparse_of;  // by kind
  int64_t updates = 0, epoch = 1;

  State(const TrainConfig& c, model::Weights& w, float* g) : config(c), weights(w), gradients(g) {}

  float* slot(const Block& block, int64_t offset) const { return block ? block.get() + offset : nullptr; }
  const float* source() const { return sums ? sums.get() : gradients; }

  void make_blocks();
  void make_tables(const std::vector<Reach>& kinds, std::set<std::string>& by_rows);
  void make_runs(const std::vector<Reach>& kinds, const std::set<std::string>& by_rows);
  void make_parts(const std::vector<Reach>& kinds);
  void scatter(const SparsePart& part, const engine::SparseRows& rows);
  bool waits(const Settings& settings) const {
    return epoch < settings.from_epoch || updates + 1 < settings.from_update;
  }
  void leave_frozen();
  double norm() const;
  void apply(double lr_factor, double scale);
  void move_average();
};

void Optimizer::State::make_blocks() {
  const int slots = runtime::state_slots(config.optimizer.settings.rule);
  if (slots > 0) slot1 = weights.like();
  if (slots > 1) slot2 = weights.like();
  if (config.accumulate > 1) sums = weights.like();
  if (config.ema > 0) {
    average = weights.like();
    std::memcpy(average.get(), weights.data(), static_cast<size_t>(weights.size()) * sizeof(float));
  }
}

// A table goes by rows if all kinds that read it have its sparse gradient and no dense one.
void Optimizer::State::make_tables(const std::vector<Reach>& kinds, std::set<std::string>& by_rows) {
  std::set<std::string> not_rows;
  for (const Reach& kind : kinds) {
    const std::set<std::string> sparse(kind.tables.begin(), kind.tables.end());
    by_rows.insert(sparse.begin(), sparse.end());
    not_rows.insert(kind.dense.begin(), kind.dense.end());
    for (const std::string& path : kind.reads)
      if (!sparse.count(path)) not_rows.insert(path);
  }
  if (!wants_rows(config)) by_rows.clear();
  for (const std::string& path : not_rows) by_rows.erase(path);
  const auto& entries = weights.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    const model::Entry& entry = entries[i];
    if (!by_rows.count(entry.path)) continue;
    MTL_CHECK(entry.dims.size() >= 2, "a table has rows");
    Table table{i, settings_of(config, entry.path), nullptr, 0, false};
    table.rows = std::make_unique<RowTable>(config.optimizer.settings, weights.of(entry), slot(slot1, entry.offset),
                                            slot(slot2, entry.offset), entry.dims[0],
                                            entry.dims[0] == 0 ? 0 : entry.size / entry.dims[0]);
    table.rows->set_lazy(config.optimizer.lazy);
    tables.push_back(std::move(table));
  }
}

void Optimizer::State::make_runs(const std::vector<Reach>& kinds, const std::set<std::string>& by_rows) {
  std::map<std::string, std::vector<bool>> reached;
  for (size_t k = 0; k < kinds.size(); ++k) {
    const auto note = [&](const std::string& path) {
      auto& mine = reached[path];
      mine.resize(kinds.size());
      mine[k] = true;
    };
    for (const std::string& path : kinds[k].dense) note(path);
    for (const std::string& path : kinds[k].tables)
      if (!by_rows.count(path)) note(path);
  }
  const bool one_by_one = config.optimizer.settings.rule == OptimizerRule::lamb;
  const auto& entries = weights.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto found = reached.find(entries[i].path);
    if (found == reached.end()) continue;
    const Settings settings = settings_of(config, entries[i].path);
    const bool joins = !one_by_one && !runs.empty() && runs.back().last + 1 == i && runs.back().settings == settings &&
                       runs.back().kinds == found->second;
    if (!joins) runs.push_back({entries[i].offset, 0, i, i, settings, found->second, 0, false});
    runs.back().last = i;
    runs.back().size = entries[i].offset + entries[i].size - runs.back().begin;
  }
  runs_of.resize(kinds.size());
  for (size_t r = 0; r < runs.size(); ++r)
    for (size_t k = 0; k < kinds.size(); ++k)
      if (runs[r].kinds[k]) runs_of[k].push_back(r);
}

void Optimizer::State::make_parts(const std::vector<Reach>& kinds) {
  for (const Reach& kind : kinds) {
    sparse_of.emplace_back();
    std::set<std::string> seen(kind.dense.begin(), kind.dense.end());  // those were written by the program
    for (const std::string& path : kind.tables) {
      const model::Entry* entry = weights.find(path);
      MTL_CHECK(entry != nullptr, "a table that the weights hold");
      SparsePart part;
      part.entry = static_cast<size_t>(entry - weights.entries().data());
      const auto found =
          std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.entry == part.entry; });
      part.dense = found == tables.end();
      part.table = static_cast<size_t>(found - tables.begin());
      part.first = seen.insert(path).second;
      sparse_of.back().push_back(part);
    }
  }
}

void Optimizer::State::scatter(const SparsePart& part, const engine::SparseRows& rows) {
  const model::Entry& entry = weights.entries()[part.entry];
  float* out = gradients + entry.offset;
  const int64_t width = entry.size / std::max<int64_t>(entry.dims[0], 1);
  if (part.first) std::memset(out, 0, static_cast<size_t>(entry.size) * sizeof(float));
  for (int64_t i = 0; i < rows.count; ++i) {
    if (rows.ids[i] < 0) continue;
    float* row = out + rows.ids[i] * width;
    for (int64_t d = 0; d < width; ++d) row[d] += rows.rows[i * width + d];
  }
}

// What is frozen in this update forgets its gradients.
void Optimizer::State::leave_frozen() {
  for (Run& run : runs) run.pending = run.pending && !waits(run.settings);
  for (Table& table : tables) table.pending = table.pending && !waits(table.settings);
}

double Optimizer::State::norm() const {
  double sum = 0;
  for (const Run& run : runs)
    if (run.pending) sum += runtime::sum_of_squares(source() + run.begin, run.size);
  for (const Table& table : tables)
    if (table.pending) sum += table.rows->gradient_sum_of_squares();
  return std::sqrt(sum);
}

void Optimizer::State::apply(double lr_factor, double scale) {
  const auto step_of = [&](const Settings& settings, int64_t count) {
    runtime::UpdateStep step;
    step.lr = static_cast<float>(settings.lr * lr_factor);
    step.weight_decay = static_cast<float>(settings.weight_decay);
    step.gradient_scale = static_cast<float>(scale);
    step.step = count;
    return step;
  };
  for (Run& run : runs) {
    if (!run.pending) continue;
    run.pending = false;
    runtime::update_dense(config.optimizer.settings, step_of(run.settings, ++run.count), weights.data() + run.begin,
                          source() + run.begin, slot(slot1, run.begin), slot(slot2, run.begin), run.size);
  }
  for (Table& table : tables) {
    if (!table.pending) continue;
    table.pending = false;
    table.rows->update(step_of(table.settings, ++table.count));
  }
}

// The decay starts low and grows to its value, as in TensorFlow's ExponentialMovingAverage with its number of
// updates, so that a short run is not held back by the first weights.
void Optimizer::State::move_average() {
  const double n = static_cast<double>(updates);
  const auto keep = static_cast<float>(std::min(config.ema, (1.0 + n) / (10.0 + n)));
  float* mine = average.get();
  const float* now = weights.data();
  for (int64_t i = 0; i < weights.size(); ++i)  // what is frozen keeps its bits: adding 0 would lose the sign of -0
    mine[i] = now[i] == mine[i] ? mine[i] : mine[i] + (1.0f - keep) * (now[i] - mine[i]);
}

Optimizer::Optimizer(const TrainConfig& config, model::Weights& weights, float* gradients, std::vector<Reach> kinds)
    : state_(std::make_unique<State>(config, weights, gradients)) {
  std::set<std::string> by_rows;
  state_->make_blocks();
  state_->make_tables(kinds, by_rows);
  state_->make_runs(kinds, by_rows);
  state_->make_parts(kinds);
}

Optimizer::~Optimizer() = default;

bool Optimizer::wants_rows(const TrainConfig& config) {
  return config.optimizer.settings.rule != OptimizerRule::lamb && config.ema == 0 && config.accumulate == 1;
}

void Optimizer::before(size_t kind, std::span<const engine::SparseRows> rows) {
  const auto& parts = state_->sparse_of[kind];
  MTL_CHECK(rows.size() == parts.size(), "the rows of every sparse gradient");
  for (size_t i = 0; i < parts.size(); ++i)
    if (!parts[i].dense) state_->tables[parts[i].table].rows->catch_up(rows[i].ids, rows[i].count);
}

void Optimizer::collect(size_t kind, std::span<const engine::SparseRows> rows) {
  State& s = *state_;
  const auto& parts = s.sparse_of[kind];
  MTL_CHECK(rows.size() == parts.size(), "the rows of every sparse gradient");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].dense) {
      s.scatter(parts[i], rows[i]);
      continue;
    }
    Table& table = s.tables[parts[i].table];
    if (!table.pending) table.rows->begin_step();
    table.pending = true;
    table.rows->add_gradient(rows[i].ids, rows[i].rows, rows[i].count);
  }
  for (size_t r : s.runs_of[kind]) {
    Run& run = s.runs[r];
    if (s.sums) {
      float* sum = s.sums.get() + run.begin;
      const float* now = s.gradients + run.begin;
      if (!run.pending) std::memset(sum, 0, static_cast<size_t>(run.size) * sizeof(float));
      for (int64_t i = 0; i < run.size; ++i) sum[i] += now[i];
    }
    run.pending = true;
  }
}

double Optimizer::update(double lr_factor, int64_t accumulated) {
  State& s = *state_;
  double scale = 1.0 / static_cast<double>(accumulated), norm = 0;
  s.leave_frozen();
  if (s.config.clip_norm > 0) {
    norm = scale * s.norm();
    if (!std::isfinite(norm)) return norm;
    scale *= std::min(1.0, s.config.clip_norm / (norm + kClipEpsilon));
  }
  ++s.updates;
  s.apply(lr_factor, scale);
  if (s.average) s.move_average();
  return norm;
}

void Optimizer::begin_epoch(int64_t epoch) {
  state_->epoch = epoch;
}

void Optimizer::flush() {
  for (Table& table : state_->tables) table.rows->flush();
}

const float* Optimizer::averaged() const {
  return state_->average ? state_->average.get() : state_->weights.data();
}

std::vector<float*> Optimizer::blocks() {
  std::vector<float*> blocks;
  for (Block* block : {&state_->slot1, &state_->slot2, &state_->average})
    if (*block) blocks.push_back(block->get());
  return blocks;
}

std::vector<int64_t> Optimizer::counts() const {
  std::vector<int64_t> counts(state_->weights.entries().size() + 1, 0);
  for (const Run& run : state_->runs)
    for (size_t i = run.first; i <= run.last; ++i) counts[i] = run.count;
  for (const Table& table : state_->tables) counts[table.entry] = table.count;
  counts.back() = state_->updates;
  return counts;
}

std::vector<RowTable::Deferred> Optimizer::deferred() const {
  std::vector<RowTable::Deferred> out;
  for (const Table& table : state_->tables) out.push_back(table.rows->deferred());
  return out;
}

bool Optimizer::resume(const std::vector<int64_t>& counts, const std::vector<RowTable::Deferred>& deferred) {
  State& s = *state_;
  if (counts.size() != s.weights.entries().size() + 1 || deferred.size() != s.tables.size()) return false;
  for (Run& run : s.runs) run.count = counts[run.first];
  for (size_t i = 0; i < s.tables.size(); ++i) {
    Table& table = s.tables[i];
    table.count = counts[table.entry];
    runtime::UpdateStep last;
    last.weight_decay = static_cast<float>(table.settings.weight_decay);
    last.step = table.count;
    if (!table.rows->resume(deferred[i], last)) return false;
  }
  s.updates = counts.back();
  return true;
}

}  // namespace mtl::training
