// The rules against their formulas in double, and deferred-exact rows against dense updates.
#include "runtime/optimizers/optimizer.h"

#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

namespace {

constexpr OptimizerRule kRules[] = {OptimizerRule::sgd,   OptimizerRule::momentum, OptimizerRule::adam,
                                    OptimizerRule::adamw, OptimizerRule::adagrad,  OptimizerRule::rmsprop,
                                    OptimizerRule::lamb};

using Doubles = std::vector<double>;

// PyTorch's documentation, one step on one parameter.
void reference(const OptimizerSettings& s, const UpdateStep& u, Doubles& w, Doubles g, Doubles& a, Doubles& b) {
  const double lr = u.lr, wd = u.weight_decay, t = static_cast<double>(u.step), eps = s.epsilon;
  const bool decoupled = s.rule == OptimizerRule::adamw || s.rule == OptimizerRule::lamb;
  Doubles direction(w.size());
  double w2 = 0, u2 = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    g[i] *= u.gradient_scale;
    if (!decoupled) g[i] += wd * w[i];
    switch (s.rule) {
      case OptimizerRule::sgd:
        w[i] -= lr * g[i];
        break;
      case OptimizerRule::momentum:
        a[i] = s.momentum * a[i] + g[i];
        w[i] -= lr * (s.nesterov ? g[i] + s.momentum * a[i] : a[i]);
        break;
      case OptimizerRule::adagrad:
        a[i] += g[i] * g[i];
        w[i] -= lr * g[i] / (std::sqrt(a[i]) + eps);
        break;
      case OptimizerRule::rmsprop:
        a[i] = s.alpha * a[i] + (1.0 - s.alpha) * g[i] * g[i];
        b[i] = s.momentum * b[i] + g[i] / (std::sqrt(a[i]) + eps);
        w[i] -= lr * b[i];
        break;
      case OptimizerRule::adam:
      case OptimizerRule::adamw:
      case OptimizerRule::lamb: {
        a[i] = s.beta1 * a[i] + (1.0 - s.beta1) * g[i];
        b[i] = s.beta2 * b[i] + (1.0 - s.beta2) * g[i] * g[i];
        const double m = a[i] / (1 - std::pow(static_cast<double>(s.beta1), t));
        const double v = b[i] / (1 - std::pow(static_cast<double>(s.beta2), t));
        if (s.rule == OptimizerRule::adamw) w[i] *= 1 - lr * wd;
        direction[i] = m / (std::sqrt(v) + eps) + (s.rule == OptimizerRule::lamb ? wd * w[i] : 0.0);
        if (s.rule != OptimizerRule::lamb) w[i] -= lr * direction[i];
        w2 += w[i] * w[i];
        u2 += direction[i] * direction[i];
      }
    }
  }
  if (s.rule != OptimizerRule::lamb) return;
  const double ratio = w2 > 0 && u2 > 0 ? std::sqrt(w2 / u2) : 1.0;
  for (size_t i = 0; i < w.size(); ++i) w[i] -= lr * ratio * direction[i];
}

Doubles to_double(const Vector& x) {
  return Doubles(x.begin(), x.end());
}

struct Variant {
  OptimizerSettings settings;
  float weight_decay;
};
std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (const OptimizerRule rule : kRules) {
    for (const float decay : {0.0f, 0.05f}) all.push_back({{.rule = rule}, decay});
  }
  all.push_back({{.rule = OptimizerRule::momentum, .nesterov = true}, 0.0f});
  all.push_back({{.rule = OptimizerRule::momentum, .nesterov = true}, 0.01f});
  all.push_back({{.rule = OptimizerRule::rmsprop, .momentum = 0.0f}, 0.0f});
  all.push_back({{.rule = OptimizerRule::adam, .beta1 = 0.0f}, 0.0f});
  all.push_back({{.rule = OptimizerRule::adamw, .epsilon = 1e-3f}, 0.1f});  // epsilon is not small beside sqrt(v)
  all.push_back({{.rule = OptimizerRule::adam, .beta1 = 0.99f, .beta2 = 0.9f}, 0.0f});  // the ratio of averages grows
  return all;
}

UpdateStep step_at(int64_t t, float decay) {
  const float lr = 1e-2f * (t < 10 ? static_cast<float>(t) / 10.0f : 1.0f / (1.0f + 0.01f * static_cast<float>(t)));
  return {.lr = lr, .weight_decay = t % 50 < 40 ? decay : 0.0f, .gradient_scale = t % 3 == 0 ? 0.5f : 1.0f, .step = t};
}

}  // namespace

TEST_CASE("dense updates follow the formulas, on any number of threads") {
  for (const Variant& v : variants()) {
    INFO("rule " << static_cast<int>(v.settings.rule) << " decay " << v.weight_decay);
    for (const size_t n : {size_t{37}, size_t{40001}}) {
      const Vector initial = random_vector(n, 1);
      const Vector gradients[] = {random_vector(n, 11), random_vector(n, 12), random_vector(n, 13)};
      Doubles w = to_double(initial), a(n), b(n);
      for (int64_t t = 1; t <= 3; ++t) {
        reference(v.settings, step_at(t, v.weight_decay), w, to_double(gradients[t - 1]), a, b);
      }
      Vector updated;
      check_same_on_threads([&] {
        updated = initial;
        Vector state1(n), state2(n);
        const int slots = state_slots(v.settings.rule);
        for (int64_t t = 1; t <= 3; ++t) {
          update_dense(v.settings, step_at(t, v.weight_decay), updated.data(), gradients[t - 1].data(),
                       slots > 0 ? state1.data() : nullptr, slots > 1 ? state2.data() : nullptr,
                       static_cast<int64_t>(n));
        }
        return std::vector<Vector>{updated, state1, state2};
      });
      CHECK(difference(updated, w) < 1e-6);
    }
  }
}

TEST_CASE("sum_of_squares") {
  const Vector x = random_vector(100003, 1);
  double expected = 0;
  for (const float value : x) expected += static_cast<double>(value) * value;
  for (const int count : {1, 2}) {
    set_threads(count);
    CHECK(sum_of_squares(x.data(), static_cast<int64_t>(x.size())) == Approx(expected).epsilon(1e-12));
  }
  CHECK(sum_of_squares(x.data(), 0) == 0.0);
}

namespace {

// Some rows are used at every step, some seldom, some never; ids repeat and some are missing.
std::vector<int32_t> ids_at(int64_t t, int64_t rows) {
  std::mt19937 generator(static_cast<unsigned>(t));
  std::vector<int32_t> ids = {0, -1, 0};
  for (int i = 0; i < 5; ++i) ids.push_back(static_cast<int32_t>(generator() % (rows / 2)));
  if (t == 3 || t == 580) ids.push_back(static_cast<int32_t>(rows - 1));
  if (t % 97 == 0) ids.insert(ids.end(), 3, static_cast<int32_t>(rows - 2));
  return ids;
}

struct Tables {
  Vector deferred, dense;
  double worst_at_reading = 0, worst_sum = 0;
};

Tables run_tables(const Variant& v, int64_t steps, bool lazy) {
  const int64_t rows = 24, width = 21;
  const size_t n = static_cast<size_t>(rows * width);
  Tables out;
  out.deferred = random_vector(n, 1, 0.5f);
  Vector a(n), b(n);
  const int slots = state_slots(v.settings.rule);
  RowTable table(v.settings, out.deferred.data(), slots > 0 ? a.data() : nullptr, slots > 1 ? b.data() : nullptr, rows,
                 width);
  table.set_lazy(lazy);
  out.dense = out.deferred;
  Vector dense_a(n), dense_b(n), sum(n);
  for (int64_t t = 1; t <= steps; ++t) {
    const std::vector<int32_t> ids = ids_at(t, rows);
    const Vector gradient =
        random_vector(ids.size() * static_cast<size_t>(width), static_cast<unsigned>(1000 + t), 0.1f);
    table.catch_up(ids.data(), static_cast<int64_t>(ids.size()));
    table.begin_step();
    const int64_t first = 4;  // two calls a step
    table.add_gradient(ids.data(), gradient.data(), first);
    table.add_gradient(ids.data() + first, gradient.data() + first * width, static_cast<int64_t>(ids.size()) - first);
    std::fill(sum.begin(), sum.end(), 0.0f);
    double most = 0, off = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      for (int64_t j = 0; ids[i] >= 0 && j < width; ++j) {
        sum[ids[i] * width + j] += gradient[i * width + j];
        const float read = out.deferred[ids[i] * width + j], expected = out.dense[ids[i] * width + j];
        off = std::max(off, static_cast<double>(std::fabs(read - expected)));
        most = std::max(most, static_cast<double>(std::fabs(expected)));
      }
    }
    out.worst_at_reading = std::max(out.worst_at_reading, off / most);
    const double squares = std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0);
    out.worst_sum = std::max(out.worst_sum, std::fabs(table.gradient_sum_of_squares() - squares) / squares);
    table.update(step_at(t, v.weight_decay));
    update_dense(v.settings, step_at(t, v.weight_decay), out.dense.data(), sum.data(),
                 slots > 0 ? dense_a.data() : nullptr, slots > 1 ? dense_b.data() : nullptr, static_cast<int64_t>(n));
    if (t == 300) table.flush();
  }
  table.flush();
  return out;
}

}  // namespace

TEST_CASE("deferred rows end where dense updates end, for every rule") {
  for (const Variant& v : variants()) {
    INFO("rule " << static_cast<int>(v.settings.rule) << " decay " << v.weight_decay);
    Tables t;
    check_same_on_threads([&] {
      t = run_tables(v, 600, false);
      return std::vector<Vector>{t.deferred};
    });
    INFO("off by " << difference(t.deferred, t.dense) << ", when read " << t.worst_at_reading);
    // The dense update rounds each weight 600 times, a replay in closed form once.
    CHECK(difference(t.deferred, t.dense) < 2e-6);
    CHECK(t.worst_at_reading < 3e-6);
    CHECK(t.worst_sum < 1e-5);
  }
}

TEST_CASE("lazy rows forget the steps they missed") {
  const Tables lazy = run_tables({{.rule = OptimizerRule::adamw}, 0.05f}, 600, true);
  CHECK(difference(lazy.deferred, lazy.dense) > 1e-2);
}

TEST_CASE("a table outlives its history") {
  // More steps than the history holds: rows are brought up to date on the way.
  const OptimizerSettings settings{.rule = OptimizerRule::sgd};
  Vector w = {1.0f, 1.0f};
  RowTable table(settings, w.data(), nullptr, nullptr, 2, 1);
  const int32_t id = 0;
  const float zero = 0.0f;
  const UpdateStep step{.lr = 1e-2f, .weight_decay = 1e-3f};
  const int64_t steps = 100000;
  for (int64_t t = 0; t < steps; ++t) {
    table.begin_step();
    table.add_gradient(&id, &zero, 1);
    table.update(step);
  }
  table.flush();
  CHECK(w[1] == Approx(std::pow(1.0 - 1e-5, static_cast<double>(steps))).epsilon(1e-5));
  CHECK(w[0] == Approx(w[1]).epsilon(1e-2));
}
