// Collects the facts that two runs have to share, and words their differences.
#include "runtime/training/run_facts.h"

#include <algorithm>
#include <cstdio>

#include "compiler/ir/print.h"
#include "runtime/core/deploy/weights_file.h"
#include "support/base/text.h"

namespace mtl::training {

namespace {

constexpr const char* kComputation = "the computation";
constexpr const char* kRules[] = {"sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop", "lamb"};
constexpr const char* kSchedules[] = {"constant",     "warmup_linear", "warmup_cosine",
                                      "inverse_sqrt", "inverse_time",  "exponential"};
constexpr const char* kMixes[] = {"joint", "round_robin", "proportional", "uniform",
                                  "sqrt",  "temperature", "weighted",     "in_turn"};

std::string text(double value) {
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%.9g", value);
  return digits;
}

template <class T>
std::string hash_of(const T& values) {
  return std::to_string(runtime::deploy::weights_checksum(values.data(), values.size() * sizeof(*values.data())));
}

std::string text(const BatchSize& batch) {
  const std::string count = std::to_string(batch.count);
  return batch.tokens ? "tokens(" + count + ")" : count;
}

std::string text(const ScheduleConfig& schedule) {
  std::string out = kSchedules[static_cast<size_t>(schedule.kind)];
  if (schedule.warmup_fraction > 0) out += ", warmup " + text(100 * schedule.warmup_fraction) + "%";
  if (schedule.warmup_steps) out += ", warmup " + std::to_string(*schedule.warmup_steps);
  if (schedule.rate != 0) out += ", rate " + text(schedule.rate);
  if (schedule.every) out += ", every " + std::to_string(*schedule.every);
  if (schedule.floor != 0) out += ", floor " + text(schedule.floor);
  return out;
}

std::string text(const MixConfig& mix) {
  std::string out = kMixes[static_cast<size_t>(mix.kind)];
  if (mix.kind == MixKind::temperature) out += "(" + text(mix.temperature) + ")";
  for (const auto& [source, weight] : mix.weights) out += ", " + source + " " + text(weight);
  return out;
}

std::string text(const std::vector<int64_t>& dims) {
  std::vector<std::string> sizes;
  for (const int64_t dim : dims) sizes.push_back(std::to_string(dim));
  return "[" + join(sizes) + "]";
}

void add_settings(const TrainConfig& config, std::vector<Fact>& facts) {
  const OptimizerConfig& optimizer = config.optimizer;
  const runtime::OptimizerSettings& rule = optimizer.settings;
  const auto add = [&](const std::string& name, const std::string& value) {
    facts.push_back({"`" + name + "`", value, ""});
  };
  add("seed", std::to_string(config.seed));
  add("optimizer", kRules[static_cast<size_t>(rule.rule)]);
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, double>>{{"lr", optimizer.lr},
                                                             {"weight_decay", optimizer.weight_decay},
                                                             {"beta1", rule.beta1},
                                                             {"beta2", rule.beta2},
                                                             {"epsilon", rule.epsilon},
                                                             {"momentum", rule.momentum},
                                                             {"alpha", rule.alpha},
                                                             {"clip_norm", config.clip_norm},
                                                             {"ema", config.ema}})
    add(name, text(value));
  add("nesterov", rule.nesterov ? "true" : "false");
  add("lazy", optimizer.lazy ? "true" : "false");
  add("precision", config.bf16 ? "bf16" : "f32");
  add("accumulate", std::to_string(config.accumulate));
  add("schedule", text(config.schedule));
  add("mix", text(config.mix));
  add("batch", text(config.batch));
  for (const auto& [source, batch] : config.batch_of) add("batch[" + source + "]", text(batch));
  for (const GroupConfig& group : config.groups)
    add("group " + group.pattern, "lr " + (group.lr ? text(*group.lr) : "-") + ", weight_decay " +
                                      (group.weight_decay ? text(*group.weight_decay) : "-"));
}

void add_frozen(const TrainConfig& config, std::vector<Fact>& facts) {
  static constexpr const char* kUntil[] = {"always", "until epoch ", "until step "};
  for (const FreezeConfig& freeze : config.frozen) {
    std::string value = kUntil[static_cast<size_t>(freeze.until)];
    if (freeze.until != FreezeConfig::Until::never) value += std::to_string(freeze.limit);
    if (!freeze.except.empty()) value += ", except " + join(freeze.except);
    facts.push_back({"`freeze " + freeze.pattern + "`", value, ""});
  }
}

void add_data(const data::Dataset& dataset, std::vector<Fact>& facts) {
  // Row i of a table belongs to name i: other data may have as many of them, in another order.
  for (const auto* sets : {&dataset.fitted.vocabs, &dataset.fitted.sets}) {
    for (const auto& [key, set] : *sets) {
      std::string all;
      for (const std::string& name : set.names) all += name + '\0';
      facts.push_back({"`" + key + "`", std::to_string(set.names.size()) + " names", hash_of(all)});
    }
  }
  for (const data::Source& source : dataset.sources) {
    for (const auto& [split, name] : {std::pair(&source.train, "train"), std::pair(&source.dev, "dev")}) {
      facts.push_back({"`" + source.name + "` in " + name, std::to_string(split->examples) + " examples", ""});
      for (const auto& [key, column] : split->columns)
        facts.push_back({"column `" + source.name + "." + key + "` in " + name,
                         std::to_string(column.ids.size() + column.numbers.size()) + " values",
                         hash_of(column.ids) + hash_of(column.numbers)});
    }
  }
}

// Where two texts begin to differ.
std::string first_line(const std::string& file, const std::string& then, const std::string& now) {
  const std::vector<std::string> old = split(then, "\n"), lines = split(now, "\n");
  const auto line = [](const std::vector<std::string>& all, size_t i) {
    const std::string& text = i < all.size() ? all[i] : "";
    const size_t begin = text.find_first_not_of(" \t");
    return begin == std::string::npos ? std::string("empty") : "`" + text.substr(begin) + "`";
  };
  for (size_t i = 0; i < std::max(old.size(), lines.size()); ++i) {
    if (i < old.size() && i < lines.size() && old[i] == lines[i]) continue;
    return "line " + std::to_string(i + 1) + " of `" + file + "` was " + line(old, i) + " and is " + line(lines, i);
  }
  return "";
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

const std::string* find(const Pairs& pairs, const std::string& name) {
  for (auto at = pairs.rbegin(); at != pairs.rend(); ++at)
    if (at->first == name) return &at->second;
  return nullptr;
}

// What of the program may be why the computation is another one; empty: nothing.
std::string place_of(const RunFacts& then, const RunFacts& now) {
  for (const auto* sets : {&now.sets, &then.sets}) {
    for (const auto& [name, value] : *sets) {
      const std::string *old = find(then.sets, name), *here = find(now.sets, name);
      if (old != nullptr && here != nullptr && *old == *here) continue;
      return "`--set " + name + "` was " + (old ? *old : "not given") + " and is " + (here ? *here : "not given");
    }
  }
  for (const auto& [name, source] : now.sources) {
    const std::string* old = find(then.sources, name);
    const std::string where = old ? first_line(name, *old, source) : "`" + name + "` is new";
    if (!where.empty()) return where;
  }
  return "";
}

}  // namespace

std::optional<RunFacts> facts_of(const TrainInput& input, const TrainConfig& config, const MetricRef& best_by,
                                 Session& session) {
  RunFacts out;
  out.sources = input.about.sources;
  out.sets = input.about.sets;
  out.facts.push_back({"the model", "`" + session.model().name + "`", ""});
  add_settings(config, out.facts);
  add_frozen(config, out.facts);
  out.facts.push_back({"what the best epoch is chosen by", "`" + join(best_by.names, "`, `", "` and `") + "`", ""});
  add_data(input.dataset, out.facts);
  for (const model::Entry& entry : session.weights().entries())
    out.facts.push_back({"parameter `" + entry.path + "`", text(entry.dims), ""});
  elaborate::ElaborateOptions training;
  training.training = true;
  for (const elaborate::TaskInfo& task : session.model().tasks)
    if (task.has_loss) training.objective_tasks.insert(task.name);
  const auto model = input.elaborator(training);
  if (!model) return std::nullopt;
  out.facts.push_back({kComputation, "", hash_of(ir::print(model->graph))});
  return out;
}

std::string difference(const RunFacts& then, const RunFacts& now) {
  std::vector<std::string> found;
  // Two statements may have one name: each is compared with the one of its number.
  const auto find_in = [](const RunFacts& facts, const RunFacts& of, const Fact& fact) {
    const auto named = [&](const Fact& other) { return other.name == fact.name; };
    auto skip = std::count_if(of.facts.data(), &fact, named);
    return std::find_if(facts.facts.begin(), facts.facts.end(),
                        [&](const Fact& other) { return named(other) && skip-- == 0; });
  };
  for (const Fact& fact : now.facts) {
    const auto old = find_in(then, now, fact);
    if (old == then.facts.end()) {
      found.push_back(fact.name + " is new");
    } else if (old->value != fact.value) {
      found.push_back(fact.name + " was " + old->value + " and is " + fact.value);
    } else if (old->hash != fact.hash) {
      const bool computation = fact.name == kComputation;
      const std::string place = computation ? place_of(then, now) : "";
      if (computation && place.empty() && !found.empty()) continue;  // sizes that came from the data
      found.push_back(!place.empty()
                          ? place
                          : fact.name + (computation ? " is not what it was"
                                                     : " (" + fact.value + ") has other contents, or another order"));
    }
  }
  for (const Fact& fact : then.facts)
    if (find_in(now, then, fact) == now.facts.end()) found.push_back(fact.name + " is gone");
  constexpr size_t kNamed = 3;
  const size_t more = found.size() > kNamed ? found.size() - kNamed : 0;
  found.resize(found.size() - more);
  return join(found, "; ", "; ") + (more > 0 ? "; and " + std::to_string(more) + " more" : "");
}

}  // namespace mtl::training
