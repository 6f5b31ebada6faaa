// Tests of runtime/training/report.h.
#include "runtime/training/report.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mtl::training;

static Scores sample() {
  Scores scores;
  scores.tasks = {{"intent", 0.5, {{Metric::accuracy, 0.9}, {Metric::macro_f1, 0.7}}, 10},
                  {"in.tent", std::nullopt, {{Metric::rmse, 2.0}}, 10}};
  scores.combined = {{"sentence", 0.4, 0.4}};
  return scores;
}

TEST_CASE("scores are found by name") {
  const Scores scores = sample();
  CHECK(scores.find("intent.macro_f1") == 0.7);
  CHECK(scores.find("in.tent.rmse") == 2.0);
  CHECK(scores.find("sentence") == 0.4);
  CHECK(scores.find("intent.loss") == 0.5);
  CHECK_FALSE(scores.find("in.tent.loss"));
  CHECK_FALSE(scores.find("intent.f1"));
  CHECK_FALSE(scores.find("intent"));
  CHECK(scores.names() == std::vector<std::string>{"intent.accuracy", "intent.macro_f1", "in.tent.rmse", "sentence"});
}

TEST_CASE("the number to stop by") {
  Scores scores = sample();
  CHECK(*stop_value(scores, MetricRef{{"sentence"}}) == Approx(0.4));
  CHECK(*stop_value(scores, MetricRef{{"intent.accuracy", "sentence"}}) == Approx(0.65));
  CHECK(*stop_value(scores, MetricRef{{"in.tent.rmse"}}) == Approx(-2.0));
  CHECK(*stop_value(scores, MetricRef{{"intent.loss"}}) == Approx(-0.5));
  scores.combined[0].merit = -0.4;  // a mean of errors
  CHECK(*stop_value(scores, MetricRef{{"sentence"}}) == Approx(-0.4));
  scores.tasks[0].metrics[0].second = NAN;  // undefined: the others decide
  CHECK(*stop_value(scores, MetricRef{{"intent.accuracy", "intent.macro_f1"}}) == Approx(0.7));
  CHECK_FALSE(stop_value(scores, MetricRef{{"intent.accuracy"}}));
}

TEST_CASE("scores as JSON; what is undefined is null") {
  Scores scores = sample();
  scores.combined[0].value = NAN;
  CHECK(to_json(scores) ==
        R"({"intent.loss":0.5,"intent.accuracy":0.9,"intent.macro_f1":0.7,"in.tent.rmse":2.0,"sentence":null})");
}

TEST_CASE("an epoch in one line") {
  EpochEvent event;
  event.epoch = 3;
  event.epochs = 10;
  event.seconds = 2.14;
  event.losses = {{"intent", 0.31204}, {"slots", 0.2}};
  CHECK(to_text(event) == "epoch 3/10  2.1 s  loss intent 0.3120 slots 0.2000");
  event.dev = Scores{{{"intent", 0.5, {{Metric::accuracy, 0.9}}, 10}}, {{"whole", 0.25, 0.25}}, 0};
  event.best = true;
  CHECK(to_text(event) ==
        "epoch 3/10  2.1 s  loss intent 0.3120 slots 0.2000  dev intent.accuracy 0.9000  whole 0.2500  best so far");
}

TEST_CASE("a loss that no row counted in is no number") {
  EpochEvent event;
  event.losses = {{"intent", NAN}};
  CHECK(to_text(event) == "epoch 1/1  0.0 s  loss intent -");
}
