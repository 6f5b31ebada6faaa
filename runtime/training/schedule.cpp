// Evaluates the schedules that the header defines.
#include "runtime/training/schedule.h"

#include <algorithm>
#include <cmath>

namespace mtl::training {

double schedule_factor(const ScheduleConfig& schedule, int64_t update, int64_t updates, int64_t epoch) {
  using Kind = ScheduleConfig::Kind;
  const double t = static_cast<double>(update), all = static_cast<double>(std::max(updates, update));
  const double w = schedule.warmup_steps ? static_cast<double>(*schedule.warmup_steps)
                                         : std::round(schedule.warmup_fraction * static_cast<double>(updates));
  const bool warms_up = schedule.kind == Kind::warmup_linear || schedule.kind == Kind::warmup_cosine ||
                        schedule.kind == Kind::inverse_sqrt;
  if (warms_up && t <= w) return t / w;
  const double past = (t - w) / (all - w + 1.0);
  const double e =
      schedule.every ? std::floor((t - 1.0) / static_cast<double>(*schedule.every)) : static_cast<double>(epoch);
  switch (schedule.kind) {
    case Kind::constant:
      return 1.0;
    case Kind::warmup_linear:
      return 1.0 - (1.0 - schedule.floor) * past;
    case Kind::warmup_cosine:
      return schedule.floor + (1.0 - schedule.floor) * 0.5 * (1.0 + std::cos(M_PI * past));
    case Kind::inverse_sqrt:
      return std::sqrt(std::max(w, 1.0) / t);
    case Kind::inverse_time:
      return 1.0 / (1.0 + schedule.rate * e);
    case Kind::exponential:
      return std::pow(schedule.rate, e);
  }
  return 1.0;
}

}  // namespace mtl::training
