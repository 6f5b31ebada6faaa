// What can stand in a task and in `train`: one row for each setting, optimizer, schedule, mix and way of balancing.
#pragma once
#include <cstdint>
#include <span>

#include "compiler/sema/entries.h"
#include "support/settings/optimizer.h"
#include "support/settings/train_config.h"

namespace mtl::sema {

struct OptimizerRow : Entry {
  runtime::OptimizerRule rule = runtime::OptimizerRule::sgd;
  std::string_view parameters;  // "lr, momentum, weight_decay": in order, see optimizer_parameters()
  double lr = 0, weight_decay = 0;
  float epsilon = 0, momentum = 0;
};

struct ScheduleRow : Entry {
  training::ScheduleConfig::Kind kind = training::ScheduleConfig::Kind::constant;
};

struct MixRow : Entry {
  training::MixKind kind = training::MixKind::joint;
};

std::span<const Entry> task_entries();
std::span<const Entry> train_entries();
std::span<const Entry> group_entries();
std::span<const OptimizerRow> optimizers();
std::span<const Entry> optimizer_parameters();
std::span<const ScheduleRow> schedules();
std::span<const MixRow> mixes();
std::span<const Entry> balancing_entries();
std::span<const Entry> model_metric_entries();

}  // namespace mtl::sema
