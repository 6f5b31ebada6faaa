// Tests of runtime/training/schedule.h.
#include "runtime/training/schedule.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mtl::training;
using Kind = ScheduleConfig::Kind;

static ScheduleConfig with(Kind kind) {
  ScheduleConfig schedule;
  schedule.kind = kind;
  return schedule;
}

TEST_CASE("warm-up rises to 1 and then falls, and no update is wasted") {
  for (Kind kind : {Kind::warmup_linear, Kind::warmup_cosine}) {
    ScheduleConfig schedule = with(kind);
    schedule.warmup_fraction = 0.1;
    CHECK(schedule_factor(schedule, 1, 100, 0) == Approx(0.1));
    CHECK(schedule_factor(schedule, 5, 100, 0) == Approx(0.5));
    CHECK(schedule_factor(schedule, 10, 100, 0) == Approx(1.0));
    double last = 1.0;
    for (int64_t t = 11; t <= 100; ++t) {
      const double factor = schedule_factor(schedule, t, 100, 0);
      CHECK(factor < last);
      last = factor;
    }
    CHECK(last > 0);
    CHECK(last < 0.02);
    schedule.floor = 0.2;
    CHECK(schedule_factor(schedule, 100, 100, 0) == Approx(0.2).margin(0.02));
  }
  CHECK(schedule_factor(with(Kind::warmup_linear), 51, 100, 0) == Approx(50.0 / 101.0));
  CHECK(schedule_factor(with(Kind::warmup_cosine), 1, 1, 0) == Approx(0.5));
}

TEST_CASE("the other schedules follow their formulas") {
  ScheduleConfig root = with(Kind::inverse_sqrt);
  root.warmup_steps = 4;
  CHECK(schedule_factor(root, 2, 100, 0) == Approx(0.5));
  CHECK(schedule_factor(root, 16, 100, 0) == Approx(0.5));
  ScheduleConfig time = with(Kind::inverse_time);
  time.rate = 0.3;
  CHECK(schedule_factor(time, 7, 100, 0) == Approx(1.0));
  CHECK(schedule_factor(time, 70, 100, 2) == Approx(1.0 / 1.6));
  ScheduleConfig decay = with(Kind::exponential);
  decay.rate = 0.5;
  CHECK(schedule_factor(decay, 70, 100, 3) == Approx(0.125));
  decay.every = 10;
  CHECK(schedule_factor(decay, 10, 100, 3) == Approx(1.0));
  CHECK(schedule_factor(decay, 11, 100, 3) == Approx(0.5));
  CHECK(schedule_factor(with(Kind::constant), 11, 100, 3) == 1.0);
}
