// Tests of runtime/training/optimize.h.
#include "runtime/training/optimize.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace mtl;
using namespace mtl::training;
using engine::SparseRows;
using runtime::OptimizerRule;

namespace {

TrainConfig config_of(OptimizerRule rule, double lr = 0.1, double decay = 0.0) {
  TrainConfig config;
  config.optimizer.settings.rule = rule;
  config.optimizer.lr = lr;
  config.optimizer.weight_decay = decay;
  return config;
}

// Two dense parameters and a table of 5 rows of 4.
struct Fixture {
  model::Weights weights{{{"a.weight", {3}}, {"b.weight", {20}}, {"table.weight", {5, 4}}}};
  std::unique_ptr<float[], void (*)(void*)> gradients = weights.like();
  Fixture() {
    for (const auto& entry : weights.entries())
      for (int64_t i = 0; i < entry.size; ++i)
        weights.of(entry)[i] = 0.1f * static_cast<float>(i % 7) - 0.2f + 0.01f * static_cast<float>(entry.offset);
  }
  float* w(const char* path) { return weights.of(*weights.find(path)); }
  float* g(const char* path) { return gradients.get() + weights.find(path)->offset; }
  void set_gradient(const char* path, float value) {
    for (int64_t i = 0; i < weights.find(path)->size; ++i) g(path)[i] = value + 0.05f * static_cast<float>(i);
  }
};

const Reach kDense{{"a.weight", "b.weight"}, {"a.weight", "b.weight"}, {}};

}  // namespace

TEST_CASE("sgd moves what was reached, by its group's rate") {
  Fixture f;
  TrainConfig config = config_of(OptimizerRule::sgd);
  config.groups.push_back({"a", 0.5, std::nullopt, {}});
  config.groups.push_back({"b", 7.0, std::nullopt, {}});
  config.groups.push_back({"b.weight", 0.2, std::nullopt, {}});  // later ones win
  Optimizer optimizer(config, f.weights, f.gradients.get(), {kDense});
  const float a = f.w("a.weight")[1], b = f.w("b.weight")[1], t = f.w("table.weight")[1];
  f.set_gradient("a.weight", 1);
  f.set_gradient("b.weight", 1);
  optimizer.collect(0, {});
  CHECK(optimizer.update(0.5, 1) == 0);
  CHECK(f.w("a.weight")[1] == Approx(a - 0.5 * 0.5 * 1.05));
  CHECK(f.w("b.weight")[1] == Approx(b - 0.2 * 0.5 * 1.05));
  CHECK(f.w("table.weight")[1] == t);
}

TEST_CASE("what is frozen waits for its epoch and its update, without a trace in the optimizer") {
  for (const OptimizerRule rule : {OptimizerRule::sgd, OptimizerRule::adamw}) {
    Fixture frozen, free;
    TrainConfig config = config_of(rule, 0.1, 0.1);
    config.clip_norm = 0.5;
    Optimizer other(config, free.weights, free.gradients.get(), {kDense});
    using Until = FreezeConfig::Until;
    config.frozen.push_back({"a", {}, Until::epoch, 2, {}});
    config.frozen.push_back({"*", {"a", "table"}, Until::step, 3, {}});
    Optimizer optimizer(config, frozen.weights, frozen.gradients.get(), {kDense});
    const float a = frozen.w("a.weight")[1], b = frozen.w("b.weight")[1];
    const auto step = [&](float gradient) {
      frozen.set_gradient("a.weight", gradient);
      frozen.set_gradient("b.weight", gradient);
      optimizer.collect(0, {});
      return optimizer.update(1.0, 1);
    };
    CHECK(step(100) == 0);  // nothing is left whose norm counts
    optimizer.begin_epoch(2);
    step(1);
    CHECK(frozen.w("a.weight")[1] != a);
    CHECK(frozen.w("b.weight")[1] == b);
    step(1);
    CHECK(frozen.w("b.weight")[1] != b);
    // The first update of `b` is that of a fresh optimizer after the second of `a`.
    free.set_gradient("a.weight", 1);
    free.set_gradient("b.weight", 1);
    other.collect(0, {});
    other.update(1.0, 1);
    CHECK(frozen.w("b.weight")[1] == Approx(free.w("b.weight")[1]));
  }
}

TEST_CASE("clip_norm counts all gradients and scales them") {
  Fixture f;
  TrainConfig config = config_of(OptimizerRule::sgd, 1.0);
  config.clip_norm = 1.0;
  Optimizer optimizer(config, f.weights, f.gradients.get(), {Reach{{}, {"a.weight"}, {"table.weight"}}});
  const int32_t ids[] = {2, 2, -1};
  const float rows[] = {1, 0, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9};
  const SparseRows sparse[] = {{ids, rows, 3}};
  const float a = f.w("a.weight")[0], t = f.w("table.weight")[8];
  f.g("a.weight")[0] = 4;
  optimizer.before(0, sparse);
  optimizer.collect(0, sparse);
  CHECK(optimizer.update(1.0, 1) == Approx(5.0));  // 4 and 1 + 2
  CHECK(f.w("a.weight")[0] == Approx(a - 0.8).epsilon(1e-5));
  CHECK(f.w("table.weight")[8] == Approx(t - 0.6).epsilon(1e-5));
  f.g("a.weight")[0] = INFINITY;
  optimizer.collect(0, sparse);
  CHECK_FALSE(std::isfinite(optimizer.update(1.0, 1)));
  CHECK(std::isfinite(f.w("a.weight")[0]));
}

TEST_CASE("rows of a table mean what a dense update means") {
  for (OptimizerRule rule : {OptimizerRule::adamw, OptimizerRule::adam, OptimizerRule::momentum}) {
    const TrainConfig config = config_of(rule, 0.05, 0.1);
    Fixture by_rows, dense;
    Optimizer a(config, by_rows.weights, by_rows.gradients.get(), {Reach{{"table.weight"}, {}, {"table.weight"}}});
    Optimizer b(config, dense.weights, dense.gradients.get(), {Reach{{"table.weight"}, {"table.weight"}, {}}});
    for (int step = 0; step < 40; ++step) {
      const int32_t ids[] = {step % 3, (step * step) % 5};
      float rows[8];
      for (int i = 0; i < 8; ++i) rows[i] = std::sin(static_cast<float>(step * 8 + i));
      const SparseRows sparse[] = {{ids, rows, 2}};
      a.before(0, sparse);
      a.collect(0, sparse);
      a.update(1.0, 1);
      for (int i = 0; i < 20; ++i) dense.g("table.weight")[i] = 0;
      for (int i = 0; i < 8; ++i) dense.g("table.weight")[ids[i / 4] * 4 + i % 4] += rows[i];
      b.collect(0, {});
      b.update(1.0, 1);
    }
    a.flush();
    for (int i = 0; i < 20; ++i) CHECK(by_rows.w("table.weight")[i] == Approx(dense.w("table.weight")[i]).margin(2e-5));
  }
}

TEST_CASE("a table that another kind of step reads whole is updated whole") {
  const TrainConfig config = config_of(OptimizerRule::adamw, 0.05, 0.1);
  Fixture mixed, dense;
  Optimizer a(
      config, mixed.weights, mixed.gradients.get(),
      {Reach{{"table.weight"}, {}, {"table.weight", "table.weight"}}, Reach{{"table.weight"}, {"table.weight"}, {}}});
  Optimizer b(config, dense.weights, dense.gradients.get(), {Reach{{"table.weight"}, {"table.weight"}, {}}});
  const int32_t ids[] = {1, 1, 4};
  const float rows[] = {1, 2, 3, 4, 1, 1, 1, 1, -1, -1, -1, -1};
  const SparseRows sparse[] = {{ids, rows, 2}, {ids + 2, rows + 8, 1}};
  for (int step = 0; step < 3; ++step) {
    mixed.set_gradient("table.weight", 77);  // left over from elsewhere
    a.before(0, sparse);
    a.collect(0, sparse);
    a.update(1.0, 1);
    for (int i = 0; i < 20; ++i) dense.g("table.weight")[i] = 0;
    for (int i = 0; i < 4; ++i) dense.g("table.weight")[4 + i] = rows[i] + 1;
    for (int i = 0; i < 4; ++i) dense.g("table.weight")[16 + i] = -1;
    b.collect(0, {});
    b.update(1.0, 1);
    for (int i = 0; i < 20; ++i) CHECK(mixed.w("table.weight")[i] == dense.w("table.weight")[i]);
  }
}

TEST_CASE("what a step does not reach does not move, and counts its own updates") {
  const TrainConfig config = config_of(OptimizerRule::adam, 0.1);
  Fixture f, alone;
  Optimizer both(config, f.weights, f.gradients.get(), {Reach{{}, {"a.weight"}, {}}, Reach{{}, {"b.weight"}, {}}});
  Optimizer one(config, alone.weights, alone.gradients.get(), {Reach{{}, {"b.weight"}, {}}});
  for (int step = 0; step < 6; ++step) {
    const float a = f.w("a.weight")[0];
    f.set_gradient("b.weight", 1);
    both.collect(1, {});
    both.update(1.0, 1);
    CHECK(f.w("a.weight")[0] == a);
    alone.set_gradient("b.weight", 1);
    one.collect(0, {});
    one.update(1.0, 1);
    f.set_gradient("a.weight", 2);
    both.collect(0, {});
    both.update(1.0, 1);
    for (int i = 0; i < 20; ++i) CHECK(f.w("b.weight")[i] == alone.w("b.weight")[i]);
  }
}

TEST_CASE("accumulated batches are one update with their mean gradient") {
  TrainConfig config = config_of(OptimizerRule::adamw, 0.1, 0.1);
  Fixture once, twice;
  Optimizer a(config, once.weights, once.gradients.get(), {kDense});
  config.accumulate = 2;
  Optimizer b(config, twice.weights, twice.gradients.get(), {kDense});
  CHECK_FALSE(Optimizer::wants_rows(config));
  for (int step = 0; step < 3; ++step) {
    for (const char* path : {"a.weight", "b.weight"}) once.set_gradient(path, 2);
    a.collect(0, {});
    a.update(1.0, 1);
    for (float value : {1.0f, 3.0f}) {
      for (const char* path : {"a.weight", "b.weight"}) twice.set_gradient(path, value);
      b.collect(0, {});
    }
    b.update(1.0, 2);
  }
  for (int64_t i = 0; i < 20; ++i) CHECK(once.w("b.weight")[i] == Approx(twice.w("b.weight")[i]));
}

TEST_CASE("averaged weights follow slowly, lamb goes parameter by parameter") {
  TrainConfig config = config_of(OptimizerRule::lamb, 0.1);
  config.ema = 0.9;
  Fixture f;
  Optimizer optimizer(config, f.weights, f.gradients.get(), {kDense});
  const float before = f.w("b.weight")[3];
  float b_norm = 0;
  for (int i = 0; i < 20; ++i) b_norm += f.w("b.weight")[i] * f.w("b.weight")[i];
  f.set_gradient("a.weight", 1);
  f.set_gradient("b.weight", 1);
  optimizer.collect(0, {});
  optimizer.update(1.0, 1);
  // after one update every direction is 1: the step is lr |w| / |u|
  CHECK(f.w("b.weight")[3] == Approx(before - 0.1 * std::sqrt(b_norm / 20)).epsilon(1e-4));
  const float* average = optimizer.averaged() + f.weights.find("b.weight")->offset;
  CHECK(average[3] == Approx(before + (1 - 2.0 / 11) * (f.w("b.weight")[3] - before)));
}

TEST_CASE("an optimizer goes on from its blocks, its counts and the rows that are behind") {
  const TrainConfig config = config_of(OptimizerRule::adamw, 0.1, 0.1);
  const bool flushed = GENERATE(true, false);
  Fixture f, g;
  const Reach reach{{}, {"a.weight", "b.weight"}, {"table.weight"}};
  const int32_t ids[] = {1};
  const float rows[] = {1, 2, 3, 4};
  const SparseRows sparse[] = {{ids, rows, 1}};
  const auto go = [&](Fixture& x, Optimizer& o) {
    x.set_gradient("a.weight", 1);
    x.set_gradient("b.weight", 1);
    o.before(0, sparse);
    o.collect(0, sparse);
    o.update(1.0, 1);
  };
  Optimizer a(config, f.weights, f.gradients.get(), {reach});
  for (int i = 0; i < 3; ++i) go(f, a);
  if (flushed) a.flush();
  REQUIRE(a.deferred().size() == 1);
  CHECK(a.deferred()[0].rates.size() == (flushed ? 0 : 3));
  Optimizer b(config, g.weights, g.gradients.get(), {reach});
  std::copy_n(f.weights.data(), f.weights.size(), g.weights.data());
  REQUIRE(a.blocks().size() == 2);
  for (size_t i = 0; i < 2; ++i) std::copy_n(a.blocks()[i], f.weights.size(), b.blocks()[i]);
  auto other = a.deferred();
  other[0].seen.pop_back();
  CHECK_FALSE(b.resume(a.counts(), other));
  CHECK_FALSE(b.resume(a.counts(), {}));
  REQUIRE(b.resume(a.counts(), a.deferred()));
  for (int i = 0; i < 3; ++i) {
    go(f, a);
    go(g, b);
  }
  a.flush();
  b.flush();
  for (int64_t i = 0; i < f.weights.size(); ++i) CHECK(f.weights.data()[i] == g.weights.data()[i]);
}
