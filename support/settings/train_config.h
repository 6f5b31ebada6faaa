// How to train, as plain data: what the `train` block and the tasks' settings say. Made by sema/elaborate.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/base/source.h"
#include "support/settings/optimizer.h"

namespace mtl::training {

struct OptimizerConfig {
  runtime::OptimizerSettings settings;
  double lr = 1e-3;
  double weight_decay = 0;
  bool lazy = false;
};

struct ScheduleConfig {
  enum class Kind : uint8_t {
    constant,
    warmup_linear,
    warmup_cosine,
    inverse_sqrt,
    inverse_time,
    exponential
  } kind = Kind::constant;
  double warmup_fraction = 0;  // of all steps, or
  std::optional<int64_t> warmup_steps;
  double rate = 0;               // inverse_time, exponential: per epoch, or
  std::optional<int64_t> every;  // exponential(rate = 0.75, every = 5000): once in so many steps
  double floor = 0;              // cosine, linear: lowest factor
};

struct GroupConfig {    // group encoder { lr = 2e-5 }
  std::string pattern;  // "encoder", "encoder.layer.*", see match_path
  std::optional<double> lr, weight_decay;
  SourceRange range;
};

struct FreezeConfig {  // freeze encoder except **.bias until epoch 2
  std::string pattern;
  std::vector<std::string> except;
  enum class Until : uint8_t { never, epoch, step } until = Until::never;
  int64_t limit = 0;  // the epoch or update, counted from 1, from which on it trains
  SourceRange range;
};

// load encoder from "bert.safetensors" except *.after { strip = "bert."  rename "gamma" = "weight" }
struct LoadConfig {
  std::vector<std::string> patterns, except;                 // several patterns: of a range of indices
  std::string file;                                          // relative to the folder of the data
  std::string strip;                                         // what is taken off the beginnings of the file's names
  std::vector<std::pair<std::string, std::string>> renames;  // parts of its names, in this order
  SourceRange range;
};

enum class MixKind : uint8_t { joint, round_robin, proportional, uniform, sqrt, temperature, weighted, in_turn };
struct MixConfig {
  MixKind kind = MixKind::joint;
  double temperature = 1;
  std::map<std::string, double> weights;
  SourceRange range;
};

// One number of the dev table: "intent.accuracy", "intent.loss", a model-level metric's name, or mean(...) of these.
struct MetricRef {
  std::vector<std::string> names;  // more than one: their mean
};

struct BatchSize {  // batch = 32, batch = tokens(4096)
  int64_t count = 32;
  bool tokens = false;  // count positions of each example's longest outer dimension, not examples
  bool operator==(const BatchSize&) const = default;
};

struct TrainConfig {
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  std::vector<GroupConfig> groups;
  std::vector<FreezeConfig> frozen;
  std::vector<LoadConfig> loads;
  MixConfig mix;
  BatchSize batch;
  std::map<std::string, BatchSize> batch_of;  // batch[news] = 16
  int64_t epochs = 10;
  std::optional<int64_t> steps;  // instead of epochs
  double clip_norm = 0;          // 0: none
  int64_t accumulate = 1;
  int64_t patience = 0;  // 0: no early stopping
  std::optional<MetricRef> stop_on;
  uint64_t seed = 1;
  bool bf16 = false;  // precision = bf16: products with weights read operands rounded to bfloat16, in training
  double ema = 0;     // average = ema(0.999); 0: none
  SourceRange range;
};

// Which tags may stand where. BIO: I only behind a tag of its kind. IOBES (and BILOU, BMES): besides, a stretch goes on
// until its end is marked. IOB1: B only behind a tag of its kind.
enum class TagScheme : uint8_t { bio, iobes, iob1 };
constexpr const char* kTagSchemes[] = {"bio", "iobes", "iob1"};

enum class TargetKind : uint8_t { label, labels, boolean, number };
enum class Metric : uint8_t {
  accuracy,
  macro_f1,
  micro_f1,
  f1,
  auc,
  gauc,  // auc(by = log.user)
  log_loss,
  exact_match,
  span_f1,
  mae,
  rmse,
  r2,
  pearson
};
const char* metric_name(Metric metric);
const char* metric_about(Metric metric);  // what it is, and of which library
std::optional<Metric> metric_from_name(const std::string& name);

// What a number is in. A mean is of numbers of one scale.
enum class MetricScale : uint8_t {
  score,  // no unit, 1 at best: the larger the better
  error,  // the unit of the target's column: the smaller the better
  loss    // the task's loss: the smaller the better
};
MetricScale metric_scale(Metric metric);

// metric name = all_correct([intent, slots]) (per = T: per position) or mean(intent.accuracy, slots.span_f1).
struct ModelMetric {
  std::string name;
  enum class Kind : uint8_t { all_correct, mean } kind = Kind::mean;
  std::vector<std::string> tasks;   // all_correct
  std::string per;                  // a ragged dimension, or empty
  std::vector<std::string> values;  // mean: "intent.accuracy"
};

// Of "intent.accuracy", "intent.loss" or the name of one of `metrics`, whose means are over one scale.
MetricScale scale_of(const std::string& name, const std::vector<ModelMetric>& metrics);

// Path patterns: `a.b` names everything below it; `*` any part of one name or index, `**` any number of them.
// A copy's "@task" is matched only if the pattern names a task.
bool match_path(const std::string& pattern, const std::string& path);
bool match_whole_path(const std::string& pattern, const std::string& path);  // not what is below it
// What to write instead of a pattern that names none of these paths: the nearest one, or those below the longest part
// of it that names some.
std::string help_for_path(const std::string& pattern, const std::vector<std::string>& paths);
bool freezes(const FreezeConfig& freeze, const std::string& path);
bool loads(const LoadConfig& load, const std::string& path);
// Frozen in the whole training: it needs no gradient.
bool is_frozen(const TrainConfig& config, const std::string& path);

}  // namespace mtl::training
