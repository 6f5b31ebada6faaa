// The factor on the learning rate, by update. With t = 1 .. U the update at hand, w the warm-up updates, e = 0, 1, ..
// the epoch at hand:
//
//   constant        1
//   warmup_linear   t/w up to w, then from 1 down in equal steps to floor: 1 - (1 - floor) (t - w) / (U - w + 1)
//   warmup_cosine   t/w up to w, then floor + (1 - floor) (1 + cos(pi (t - w) / (U - w + 1))) / 2
//   inverse_sqrt    t/w up to w, then sqrt(w / t)                                          (Vaswani et al. 2017)
//   inverse_time    1 / (1 + rate e)             (with `every` n: e = (t - 1) / n, rounded down; Hashimoto et al. 2017)
//   exponential     rate^e                       (the same)
//
// The first update has a factor above 0 and so has the last, so none is wasted.
#pragma once
#include <cstdint>

#include "support/settings/train_config.h"

namespace mtl::training {

double schedule_factor(const ScheduleConfig& schedule, int64_t update, int64_t updates, int64_t epoch);

}  // namespace mtl::training
