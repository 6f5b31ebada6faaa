// See train_config.h. Optimizers have PyTorch's names and defaults of parameters (torch.optim); `beta1, beta2` stand
// for its `betas`, which is taken, too.
#include "compiler/sema/train_config.h"

#include <algorithm>
#include <set>

#include "compiler/sema/optimizer_setting.h"
#include "compiler/sema/path_statements.h"
#include "compiler/sema/settings.h"
#include "compiler/sema/task_metrics.h"
#include "compiler/sema/train_tables.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using training::MixKind;
using training::ScheduleConfig;
using training::TrainConfig;

class TrainReader {
 public:
  TrainReader(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model, std::set<std::string> sources,
              diag::Emitter& emitter)
      : file_(file),
        model_(model),
        sources_(std::move(sources)),
        emitter_(emitter),
        reader_(file, unit, emitter),
        paths_(model, reader_) {}

  std::optional<TrainConfig> read() {
    for (const syntax::ModelItem& item : model_.items) {
      if (const auto* freeze = std::get_if<syntax::FreezeStmt>(&item.node)) read_freeze(*freeze, item.range);
      if (const auto* load = std::get_if<syntax::LoadStmt>(&item.node)) read_load(*load, item.range);
      const auto* train = std::get_if<syntax::TrainBlock>(&item.node);
      if (train == nullptr) continue;
      config_.range = item.range;
      for (const syntax::TrainSetting& setting : train->settings) one(setting);
      for (const syntax::TrainGroup& group : train->groups) read_group(group);
    }
    const bool both = has("epochs") && has("steps");
    if (both)
      fail(diag::ExclusiveSettings, "epochs", "steps").at(range_of_["steps"]).label(range_of_["epochs"], "set here");
    return good_ ? std::optional(std::move(config_)) : std::nullopt;
  }

 private:
  template <class... Args>
  diag::Report fail(const diag::Kind& kind, Args&&... args) {
    good_ = false;
    return emitter_.report(kind, std::forward<Args>(args)...);
  }
  bool has(const std::string& name) const { return range_of_.contains(name); }

  template <class T>
  void store(const std::optional<T>& value, T& into) {
    if (value) into = *value;
    good_ = good_ && value;
  }

  void one(const syntax::TrainSetting& setting) {
    if (!setting.value || is_broken(*setting.value)) return;
    const std::string& name = setting.name.text;
    if (setting.source) return batch_of(setting);
    if (!reader_.known_setting(setting.name, "training", syntax::PhrasePlace::train, train_settings(), seen_,
                               setting.value)) {
      good_ = false;
      return;
    }
    range_of_[name] = setting.range;
    const syntax::Expr& value = *setting.value;
    if (name == "optimizer") return optimizer(value);
    if (name == "schedule") return schedule(value);
    if (name == "batch") return store(batch_size(value), config_.batch);
    if (name == "stop") return stop(value);
    if (name == "precision") return precision(value);
    if (name == "average") return average(value);
    if (name == "mix") return mix(value);
    if (name == "lazy") return lazy(value);
    if (name == "clip_norm") return store(reader_.number32(value, name, kPositive), config_.clip_norm);
    const std::optional<int64_t> number = reader_.integer(value, name, name == "seed" ? 0 : 1);
    good_ = good_ && number;
    if (!number) return;
    if (name == "epochs") config_.epochs = *number;
    if (name == "steps") config_.steps = *number;
    if (name == "accumulate") config_.accumulate = *number;
    if (name == "seed") config_.seed = static_cast<uint64_t>(*number);
  }

  void lazy(const syntax::Expr& value) {
    const std::optional<bool> flag = reader_.boolean(value, "lazy");
    good_ = good_ && flag;
    lazy_ = flag.value_or(false);
    config_.optimizer.lazy = config_.optimizer.lazy || lazy_;
  }

  void optimizer(const syntax::Expr& value) {
    const std::optional<training::OptimizerConfig> read = read_optimizer(value, reader_);
    good_ = good_ && read;
    if (read) config_.optimizer = *read;
    config_.optimizer.lazy = config_.optimizer.lazy || lazy_;
  }

  // ---- schedule ----

  void schedule(const syntax::Expr& value) {
    static const std::vector<std::string> known = names_of(schedules());
    const std::optional<Word> word = reader_.word(value, "schedule", known);
    if (!word) return void(good_ = false);
    ScheduleConfig& out = config_.schedule;
    out.kind = find_row(schedules(), word->name)->kind;
    if (out.kind == ScheduleConfig::Kind::constant) {
      good_ = reader_.bind(*word, {}).has_value() && good_;
    } else if (out.kind == ScheduleConfig::Kind::inverse_time || out.kind == ScheduleConfig::Kind::exponential) {
      const bool inverse = out.kind == ScheduleConfig::Kind::inverse_time;
      const std::optional<Bound> bound = reader_.bind(*word, {"rate", "every"}, 1);
      if (!bound) return void(good_ = false);
      static const Range kUpToOne{0, 1, true, false, "above 0 and at most 1"};
      store(reader_.number(*(*bound)["rate"], "rate", inverse ? kNotNegative : kUpToOne), out.rate);
      if (const syntax::Expr* every = (*bound)["every"]) {
        out.every = reader_.integer(*every, "every", 1);
        good_ = good_ && out.every;
      }
    } else {
      const bool root = out.kind == ScheduleConfig::Kind::inverse_sqrt;
      const std::vector<std::string> names =
          root ? std::vector<std::string>{"warmup"} : std::vector<std::string>{"warmup", "floor"};
      const std::optional<Bound> bound = reader_.bind(*word, names, root ? 1 : 0);
      if (!bound) return void(good_ = false);
      if (const syntax::Expr* given = (*bound)["warmup"]) warmup(*given);
      static const Range kShare{0, 1, false, false, "from 0 to 1"};
      const syntax::Expr* floor = root ? nullptr : (*bound)["floor"];
      if (floor != nullptr) store(reader_.number(*floor, "floor", kShare), out.floor);
    }
  }

  // 10% of all steps, or a number of steps; a bare 0.1 could be meant as either.
  void warmup(const syntax::Expr& expr) {
    const std::optional<StaticValue> value = reader_.value(expr);
    if (!value) return void(good_ = false);
    if (const auto* fraction = std::get_if<Fraction>(&value->value)) {
      config_.schedule.warmup_fraction = fraction->value;
      if (fraction->value >= 0 && fraction->value < 1) return;
      fail(diag::NumberOutside, "warmup", "from 0% to below 100%", value->text()).at(expr.range);
    } else if (value->is_int()) {
      config_.schedule.warmup_steps = *value->as_int();
      if (*value->as_int() >= 0) return;
      fail(diag::NumberOutside, "warmup", "0 or more", value->text()).at(expr.range);
    } else {
      fail(diag::WrongForm, "warmup", "warmup = 10%` (of all steps) or `warmup = 500").at(expr.range);
    }
  }

  // ---- batches ----

  std::optional<training::BatchSize> batch_size(const syntax::Expr& value) {
    const std::optional<Word> word = as_word(value);
    training::BatchSize size;
    std::optional<int64_t> count;
    if (std::holds_alternative<syntax::ListExpr>(value.node)) {
      fail(diag::WrongForm, "batch", "batch = 32`, and for one source `batch[news] = 16").at(value.range);
      return std::nullopt;
    }
    if (!word || word->arguments == nullptr) {
      count = reader_.integer(value, "batch", 1);
    } else if (reader_.word(value, "batch", {"tokens"})) {
      size.tokens = true;
      const std::optional<Bound> bound = reader_.bind(*word, {"count"}, 1);
      if (bound) count = reader_.integer(*(*bound)["count"], "tokens", 1);
    }
    good_ = good_ && count;
    if (!count) return std::nullopt;
    size.count = *count;
    return size;
  }

  void batch_of(const syntax::TrainSetting& setting) {
    if (setting.name.text != "batch") {
      fail(diag::WrongForm, setting.name.text, setting.name.text + " = ...").at(setting.name.range);
      return;
    }
    const syntax::Name& source = *setting.source;
    if (!known_source(source)) return;
    const std::optional<training::BatchSize> size = batch_size(*setting.value);
    if (!size) return;
    if (!config_.batch_of.emplace(source.text, *size).second) {
      fail(diag::DoubledSetting, "batch[" + source.text + "]").at(setting.range);
    }
  }

  bool known_source(const syntax::Name& name) {
    if (sources_.contains(name.text)) return true;
    const std::vector<std::string> names(sources_.begin(), sources_.end());
    const std::optional<std::string> near = nearest(name.text, names);
    fail(diag::MixUnknownSource, name.text)
        .at(name.range)
        .help(near ? "did you mean `" + *near + "`?" : "the sources are " + join(names, ", ", " and "));
    return false;
  }

  // ---- the rest ----

  void stop(const syntax::Expr& value) {
    const std::optional<Word> word = reader_.word(value, "stop", {"patience"});
    const std::optional<Bound> bound = word ? reader_.bind(*word, {"epochs", "on"}, 1) : std::nullopt;
    if (!bound) return void(good_ = false);
    store(reader_.integer(*(*bound)["epochs"], "patience", 1), config_.patience);
    const syntax::Expr* on = (*bound)["on"];
    if (on == nullptr) return;
    config_.stop_on = metric_ref(file_, model_, *on, emitter_);
    good_ = good_ && config_.stop_on;
  }

  void precision(const syntax::Expr& value) {
    const std::optional<Word> word = reader_.word(value, "precision", {"f32", "bf16"});
    if (!word || !reader_.bind(*word, {})) return void(good_ = false);
    config_.bf16 = word->name == "bf16";
  }

  void average(const syntax::Expr& value) {
    const std::optional<Word> word = reader_.word(value, "average", {"ema"});
    const std::optional<Bound> bound = word ? reader_.bind(*word, {"decay"}, 1) : std::nullopt;
    if (!bound) return void(good_ = false);
    store(reader_.number32(*(*bound)["decay"], "decay", kOpenUnit), config_.ema);
  }

  void mix(const syntax::Expr& value) {
    static const std::vector<std::string> known = names_of(mixes());
    const std::optional<Word> word = reader_.word(value, "mix", known);
    if (!word) return void(good_ = false);
    config_.mix.range = value.range;
    config_.mix.kind = find_row(mixes(), word->name)->kind;
    if (config_.mix.kind == MixKind::weighted) return weights(*word);
    if (config_.mix.kind == MixKind::temperature) {
      const std::optional<Bound> bound = reader_.bind(*word, {"temperature"}, 1);
      if (!bound) return void(good_ = false);
      return store(reader_.number(*(*bound)["temperature"], "temperature", kPositive), config_.mix.temperature);
    }
    good_ = reader_.bind(*word, {}).has_value() && good_;
  }

  void weights(const Word& word) {
    static const std::vector<syntax::Argument> nothing;
    for (const syntax::Argument& argument : word.arguments ? *word.arguments : nothing) {
      if (!argument.name) {
        fail(diag::WrongForm, "weighted", "weighted(source = 3, other = 1)").at(argument.value->range);
        return;
      }
      if (!known_source(*argument.name)) continue;
      const std::optional<double> weight = reader_.number(*argument.value, argument.name->text, kPositive);
      good_ = good_ && weight;
      const bool doubled = weight && !config_.mix.weights.emplace(argument.name->text, *weight).second;
      if (doubled) fail(diag::DoubledArgument, argument.name->text).at(argument.name->range);
    }
    for (const syntax::ModelItem& item : model_.items) {
      const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
      const bool known = task == nullptr || !task->predicts || !sources_.contains(task->predicts->source.text);
      if (known || config_.mix.weights.contains(task->predicts->source.text) || !good_) continue;
      fail(diag::MixMissesSource, task->predicts->source.text).at(word.whole).label(task->predicts->range, "read here");
    }
  }

  // ---- groups ----

  void read_group(const syntax::TrainGroup& group) {
    training::GroupConfig out;
    out.range = group.range;
    std::vector<std::string> seen;
    for (const syntax::Setting& setting : group.settings) {
      if (!reader_.known_setting(setting.name, "a group", syntax::PhrasePlace::train, names_of(group_entries()), seen,
                                 setting.value)) {
        good_ = false;
        continue;
      }
      if (!setting.value || is_broken(*setting.value)) continue;
      const bool lr = setting.name.text == "lr";
      std::optional<double> number = reader_.number32(*setting.value, setting.name.text, lr ? kPositive : kNotNegative);
      good_ = good_ && number;
      (lr ? out.lr : out.weight_decay) = number;
    }
    if (group.target.segments.empty()) return;
    check_root(group.target);
    for (std::string& pattern : patterns(group.target)) {
      for (const training::GroupConfig& earlier : config_.groups) {
        if (earlier.pattern != pattern) continue;
        fail(diag::DoubledSetting, "group " + pattern).at(group.range).label(earlier.range, "set here");
        return;
      }
      out.pattern = std::move(pattern);
      config_.groups.push_back(out);
    }
  }

  void read_freeze(const syntax::FreezeStmt& stmt, SourceRange range) {
    training::FreezeConfig out;
    out.range = range;
    using From = syntax::FreezeStmt::Until;
    using Until = training::FreezeConfig::Until;
    out.until = stmt.until == From::never ? Until::never : stmt.until == From::epoch ? Until::epoch : Until::step;
    if (stmt.limit) {
      const auto limit = reader_.integer(*stmt.limit, stmt.until == From::epoch ? "until epoch" : "until step", 1);
      good_ = good_ && limit;
      out.limit = limit.value_or(1);
    }
    if (!targets(stmt.target, stmt.except, out.except)) return;
    for (std::string& pattern : patterns(stmt.target)) {
      out.pattern = std::move(pattern);
      config_.frozen.push_back(out);
    }
  }

  void read_load(const syntax::LoadStmt& stmt, SourceRange range) {
    training::LoadConfig out;
    out.range = range;
    out.file = stmt.file;
    if (out.file.empty()) fail(diag::LoadWithoutFile).at(range);
    std::vector<std::string> seen;
    for (const syntax::Setting& setting : stmt.settings) {
      if (!reader_.known_setting(setting.name, "a load block", syntax::PhrasePlace::train, {"strip"}, seen,
                                 setting.value)) {
        good_ = false;
        continue;
      }
      const auto strip = setting.value ? reader_.text(*setting.value, "strip") : std::nullopt;
      good_ = good_ && strip;
      out.strip = strip.value_or("");
    }
    out.renames = stmt.renames;
    for (const auto& [from, to] : stmt.renames)
      if (from.empty()) fail(diag::RenameOfNothing, to).at(range);
    if (!targets(stmt.target, stmt.except, out.except)) return;
    out.patterns = patterns(stmt.target);
    config_.loads.push_back(std::move(out));
  }

  // False where the parser reported what is written there.
  bool targets(const syntax::Pattern& target, const std::vector<syntax::Pattern>& except,
               std::vector<std::string>& excepted) {
    for (const syntax::Pattern& one : except) {
      if (one.segments.empty()) return false;
      check_root(one);
      for (std::string& pattern : patterns(one)) excepted.push_back(std::move(pattern));
    }
    if (target.segments.empty()) return false;
    check_root(target);
    return true;
  }

  void check_root(const syntax::Pattern& pattern) { good_ = paths_.check_root(pattern) && good_; }
  std::vector<std::string> patterns(const syntax::Pattern& pattern) {
    std::vector<std::string> out = paths_.texts(pattern);
    good_ = good_ && !out.empty();
    return out;
  }

  const CheckedFile& file_;
  const syntax::ModelDecl& model_;
  std::set<std::string> sources_;
  diag::Emitter& emitter_;
  SettingReader reader_;
  PathPatterns paths_;
  TrainConfig config_;
  std::vector<std::string> seen_;
  std::map<std::string, SourceRange> range_of_;
  bool lazy_ = false;
  bool good_ = true;
};

std::set<std::string> sources_in(const std::set<const syntax::Decl*>& decls) {
  std::set<std::string> names;
  for (const syntax::Decl* decl : decls) {
    if (const auto* data = std::get_if<syntax::DataDecl>(&decl->node)) names.insert(data->name.text);
  }
  return names;
}

}  // namespace

void check_train(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model, DeclFacts& facts,
                 diag::Emitter& emitter) {
  TrainReader(file, unit, model, sources_in(facts.uses), emitter).read();
}

std::optional<TrainConfig> describe_train(const CheckedFile& file, diag::Emitter& emitter) {
  MTL_CHECK(file.model != nullptr, "describe_train of a file without a model");
  return TrainReader(file, 0, *file.model, sources_in(file.reached), emitter).read();
}

}  // namespace mtl::sema
