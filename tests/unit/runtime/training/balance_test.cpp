// Balancers against the formulas of their papers in double precision, on a thousand random problems each: four losses,
// some of which are missing, one of which has a weight of its own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>

#include "runtime/core/random.h"
#include "runtime/training/steps.h"
#include "tests/unit/runtime/training/loaded_program.h"

namespace mtl::training {

namespace {
constexpr size_t kTasks = 4;
constexpr int kProblems = 1000;
constexpr int kStepsOfEpoch = 100;
constexpr double kRate = 0.01, kTolerance = 1e-5;
const char* const kNames[kTasks] = {"a", "b", "c", "d"};
const double kWeights[kTasks] = {1, 2, 1, 1};

// The loss of a task is a column times exp(w), so that a step changes it by what its gradient says.
const char* const kModel = R"(
data rows {
  format = csv
  train = "rows.csv"
  missing = ["?"]
  one : f32 = column("one")
  la : f32 = column("la")
  lb : f32 = column("lb")
  lc : f32 = column("lc")
  ld : f32 = column("ld")
}
module gain()(x: f32) -> f32 {
  param w : f32 = zeros()
  return x * exp(w)
}
model m {
  private scale = gain()
  task a { head = scale(rows.one), loss = rows.la * head }
  task b { head = scale(rows.one), loss = rows.lb * head, weight = 2.0 }
  task c { head = scale(rows.one), loss = rows.lc * head }
  task d { head = scale(rows.one), loss = rows.ld * head }
  balance = METHOD
  train { optimizer = sgd(lr = 0.01), batch = 1 }
}
)";

using Numbers = std::vector<double>;

// One step, and what the balancer owned before and behind it.
struct Problem {
  int64_t epoch = 1;
  std::vector<size_t> there;            // tasks with a loss
  Numbers losses = Numbers(kTasks);     // with their weights
  Numbers after = Numbers(kTasks);      // behind the step
  std::map<std::string, double> owned;  // "log_var@a"
  double of(const std::string& name, size_t task) const { return owned.at(name + "@" + kNames[task]); }
};
struct Answer {
  Numbers weights = Numbers(kTasks);
  double penalty = 0;
  std::map<std::string, double> next;  // parameters and states behind the step
  void set(const std::string& name, size_t task, double value) { next[name + "@" + kNames[task]] = value; }
};
using Reference = std::function<Answer(const Problem&)>;

Numbers softmax(const Problem& problem, const Numbers& x) {
  Numbers out(kTasks);
  double sum = 0;
  for (size_t t : problem.there) sum += out[t] = std::exp(x[t]);
  for (size_t t : problem.there) out[t] /= sum;
  return out;
}

std::string random_rows() {
  std::string rows = "one,la,lb,lc,ld\n";
  for (uint64_t i = 0; i < kProblems; ++i) {
    rows += "1";
    for (uint64_t t = 0; t < kTasks; ++t) {
      const uint64_t drawn = runtime::mix64(i * kTasks + t + 17);
      rows += "," + (drawn % 7 == 0 ? "?" : std::to_string(0.01 + static_cast<double>(drawn % 100000) / 20000));
    }
    rows += "\n";
  }
  return rows;
}

std::string model_with(const std::string& method) {
  std::string text = kModel;
  return text.replace(text.find("METHOD"), 6, method);
}

struct Rows {
  TemporaryFolder folder;
  explicit Rows(const std::string& rows) { std::ofstream(folder.path("rows.csv")) << rows; }
};

struct Bench : Rows, LoadedProgram {
  std::unique_ptr<Steps> steps;

  explicit Bench(const std::string& text, const std::string& rows = random_rows())
      : Rows(rows), LoadedProgram(folder, text) {
    if (session) steps = Steps::make(*session, program->train, program->data, *dataset, 1, emitter);
  }
  double at(const std::string& path) { return *session->weights().of(*session->weights().find(path)); }
  double gain(size_t task) { return at(std::string("scale@") + kNames[task] + ".w"); }
  std::map<std::string, double> owned() {
    std::map<std::string, double> all;
    const std::string prefix = "balance.";
    for (const model::Entry& entry : session->weights().entries())
      if (entry.path.rfind(prefix, 0) == 0) all[entry.path.substr(prefix.size())] = at(entry.path);
    return all;
  }
};

bool close(double mine, double wanted) {
  return std::abs(mine - wanted) <= kTolerance * std::max(1.0, std::abs(wanted));
}

void compare(const std::string& method, const Reference& reference) {
  Bench bench(model_with(method));
  INFO(method << "\n" << bench.errors());
  REQUIRE(bench.steps);
  for (int i = 0; i < kProblems; ++i) {
    INFO("step " << i);
    Problem problem;
    problem.epoch = 1 + i / kStepsOfEpoch;
    problem.owned = bench.owned();
    Numbers gains(kTasks);
    for (size_t t = 0; t < kTasks; ++t) gains[t] = bench.gain(t);
    const Steps::Result result = bench.steps->run(Mix::kAll, i, 0.5, problem.epoch);
    REQUIRE(result.finite);
    const std::vector<double> shares = bench.steps->shares();
    for (size_t t = 0; t < kTasks; ++t) {
      const TaskLoss& loss = bench.steps->losses()[t];
      CHECK(std::isnan(shares[t]) == std::isnan(loss.loss));
      if (std::isnan(loss.loss)) continue;
      problem.there.push_back(t);
      problem.losses[t] = kWeights[t] * loss.loss;
    }
    bench.steps->optimizer().update(1.0, 1);
    bench.steps->balance();
    for (size_t t : problem.there) problem.after[t] = problem.losses[t] * std::exp(bench.gain(t) - gains[t]);
    const Answer wanted = reference(problem);
    double objective = wanted.penalty;
    for (size_t t = 0; t < kTasks; ++t) {
      INFO("task " << kNames[t] << ", loss " << problem.losses[t]);
      const bool there = !std::isnan(shares[t]);
      if (there) CHECK(close(shares[t], wanted.weights[t]));
      objective += there ? wanted.weights[t] * problem.losses[t] : 0;
      // What the task owns alone is trained by its part of the sum; a task that is absent rests.
      const double step = there ? kRate * wanted.weights[t] * problem.losses[t] : 0;
      CHECK(close(bench.gain(t), gains[t] - step));
    }
    CHECK(close(result.objective, objective));
    for (const auto& now : bench.owned()) {
      const std::string& name = now.first;
      const double value = now.second;
      INFO(name);
      const auto next = wanted.next.find(name);
      const bool absent = std::none_of(problem.there.begin(), problem.there.end(),
                                       [&](size_t t) { return name.substr(name.find('@') + 1) == kNames[t]; });
      if (absent) CHECK(value == problem.owned.at(name));
      if (!absent && next != wanted.next.end()) CHECK(close(value, next->second));
    }
  }
}

// Mean losses of the epochs of a task that are over, and of the one at hand.
struct History {
  std::map<int64_t, Numbers> epochs;
  Numbers means_before(int64_t epoch) const {
    Numbers means;
    for (const auto& [number, losses] : epochs)
      if (number < epoch)
        means.push_back(std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size()));
    return means;
  }
};
}  // namespace

TEST_CASE("fixed, gls and scale_invariant are their formulas") {
  compare("fixed()", [](const Problem&) { return Answer{Numbers(kTasks, 1.0), 0, {}}; });
  compare("gls()", [](const Problem& problem) {
    Answer out;
    double product = 1;
    const auto n = static_cast<double>(problem.there.size());
    for (size_t t : problem.there) product *= problem.losses[t];
    for (size_t t : problem.there) out.weights[t] = std::pow(product, 1 / n) / n / problem.losses[t];
    return out;
  });
  compare("scale_invariant()", [](const Problem& problem) {
    Answer out;
    for (size_t t : problem.there) out.weights[t] = 1 / problem.losses[t];
    return out;
  });
}

TEST_CASE("uncertainty and imtl_l train numbers of their own") {
  for (const bool barrier : {false, true})
    compare(barrier ? "uncertainty(form = \"log_barrier\")" : "uncertainty()", [&](const Problem& problem) {
      Answer out;
      for (size_t t : problem.there) {
        const double s = problem.of("log_var", t);
        out.weights[t] = 0.5 * std::exp(-s);
        out.penalty += barrier ? std::log1p(std::exp(s)) : 0.5 * s;
        const double slope = barrier ? 1 / (1 + std::exp(-s)) : 0.5;
        out.set("log_var", t, s - kRate * (slope - out.weights[t] * problem.losses[t]));
      }
      return out;
    });
  compare("imtl_l()", [](const Problem& problem) {
    Answer out;
    for (size_t t : problem.there) {
      const double s = problem.of("scale", t);
      out.weights[t] = std::exp(s);
      out.penalty -= s;
      out.set("scale", t, s - kRate * (std::exp(s) * problem.losses[t] - 1));
    }
    return out;
  });
}

TEST_CASE("dwa goes by the last two epochs of each task") {
  std::vector<History> histories(kTasks);
  compare("dwa(temperature = 1.5)", [&](const Problem& problem) {
    Answer out;
    Numbers rates(kTasks);
    for (size_t t : problem.there) {
      const Numbers means = histories[t].means_before(problem.epoch);
      rates[t] = means.size() < 2 ? 1 : means.back() / means[means.size() - 2];
      rates[t] /= 1.5;
      histories[t].epochs[problem.epoch].push_back(problem.losses[t]);
    }
    out.weights = softmax(problem, rates);
    for (double& weight : out.weights) weight *= static_cast<double>(problem.there.size());
    return out;
  });
}

TEST_CASE("stch warms up, then goes by the losses of the epoch behind the warm-up") {
  std::vector<History> histories(kTasks);
  constexpr double kMu = 0.5;
  compare("stch(mu = 0.5, warmup = 2)", [&](const Problem& problem) {
    Answer out;
    Numbers logs(kTasks);
    for (size_t t : problem.there) {
      if (problem.epoch == 3) histories[t].epochs[3].push_back(problem.losses[t]);
      if (problem.epoch > 3) logs[t] = std::log(problem.losses[t] / histories[t].means_before(4).back()) / kMu;
    }
    const Numbers share = softmax(problem, logs);
    const auto n = static_cast<double>(problem.there.size());
    for (size_t t : problem.there) out.weights[t] = (problem.epoch > 3 ? n * share[t] : 1) / problem.losses[t];
    return out;
  });
}

TEST_CASE("famo compares the losses of a batch before and behind the step") {
  compare("famo(decay = 0.01)", [](const Problem& problem) {
    Answer out;
    Numbers logits(kTasks), fell(kTasks);
    for (size_t t : problem.there) logits[t] = problem.of("w", t);
    const Numbers z = softmax(problem, logits);
    double sum = 0, mean = 0;
    for (size_t t : problem.there) sum += z[t] / problem.losses[t];
    for (size_t t : problem.there) {
      out.weights[t] = z[t] / problem.losses[t] / sum;
      fell[t] = std::log(problem.losses[t]) - std::log(problem.after[t]);
      mean += z[t] * fell[t];
    }
    for (size_t t : problem.there) {
      const double slope = z[t] * (fell[t] - mean) + 0.01 * logits[t];
      const double m = 0.9 * problem.of("moment", t) + 0.1 * slope;
      const double v = 0.999 * problem.of("square", t) + 0.001 * slope * slope;
      const double n = problem.of("steps", t) + 1;
      out.set("moment", t, m);
      out.set("square", t, v);
      out.set("steps", t, n);
      if (std::sqrt(v / (1 - std::pow(0.999, n))) < 1e-4) continue;  // Adam divides what is rounding by its own size
      const double step = m / (1 - std::pow(0.9, n)) / (std::sqrt(v / (1 - std::pow(0.999, n))) + 1e-8);
      out.set("w", t, logits[t] - 0.025 * step);
    }
    return out;
  });
}

TEST_CASE("rlw draws weights that sum to one, anew in each step and the same again") {
  for (const std::string method : {"rlw()", "rlw(distribution = \"dirichlet\")"}) {
    Bench bench(model_with(method)), again(model_with(method));
    INFO(method << "\n" << bench.errors());
    REQUIRE((bench.steps && again.steps));
    Numbers mean(kTasks), last(kTasks);
    int whole = 0;
    for (int i = 0; i < kProblems; ++i) {
      REQUIRE(bench.steps->run(Mix::kAll, i, 0.5, 1).finite);
      REQUIRE(again.steps->run(Mix::kAll, i, 0.5, 1).finite);
      double sum = 0;
      size_t there = 0;
      for (size_t t = 0; t < kTasks; ++t) {
        const double mine = bench.steps->shares()[t];
        if (std::isnan(mine)) continue;
        CHECK(mine == again.steps->shares()[t]);
        CHECK(mine != last[t]);
        last[t] = mine;
        sum += mine;
        ++there;
      }
      if (there > 0) CHECK(std::abs(sum - 1) < 1e-6);
      if (there < kTasks) continue;
      ++whole;
      for (size_t t = 0; t < kTasks; ++t) mean[t] += bench.steps->shares()[t];
    }
    for (size_t t = 0; t < kTasks; ++t) CHECK(std::abs(mean[t] / whole - 0.25) < 0.03);
  }
}

TEST_CASE("a balancer of a user has states, parameters and a penalty") {
  const char* const kOwn = R"(
balancer mine(keep: float)(losses: f32[N], present: f32[N]) -> f32[N] {
  param bend  : f32[N, 2] = ones()
  param common : f32      = constant(2)
  state usual : f32[N]    = zeros()
  state count : f32       = zeros()
  update usual = keep * usual + (1 - keep) * losses
  update count = count + sum(present)
  penalty sum(bend[..., 0] * present) + common**2
  return usual + bend[..., 1] * common
}
)";
  Bench bench(kOwn + model_with("mine(0.5)"));
  INFO(bench.errors());
  REQUIRE(bench.steps);
  double common = 2, counted = 0;
  std::map<std::string, double> usual;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(bench.steps->run(Mix::kAll, i, 0.5, 1).finite);
    double slope = 2 * common;
    for (size_t t = 0; t < kTasks; ++t) {
      const std::string name = kNames[t];
      const double share = bench.steps->shares()[t], loss = kWeights[t] * bench.steps->losses()[t].loss;
      if (std::isnan(share)) {
        CHECK(bench.at("balance.usual@" + name) == Approx(usual[name]));
        continue;
      }
      ++counted;
      const float* bend = bench.session->weights().of(*bench.session->weights().find("balance.bend@" + name));
      CHECK(close(share, usual[name] + bend[1] * common));
      slope += bend[1] * loss;
      usual[name] = 0.5 * usual[name] + 0.5 * loss;
      CHECK(close(bench.at("balance.usual@" + name), usual[name]));
    }
    CHECK(bench.at("balance.count") == counted);
    bench.steps->optimizer().update(1.0, 1);
    common -= kRate * slope;
    CHECK(close(bench.at("balance.common"), common));
  }
}

// A model whose tasks have the same loss, `count` of them: `loss` of column `l`.
std::string same_tasks(int count, const std::string& method, const std::string& loss) {
  std::string text = R"(
data rows { format = csv, train = "rows.csv", missing = ["?"], one : f32 = column("one"), l : f32 = column("l") }
module gain()(x: f32) -> f32 { param w : f32 = zeros() return x * exp(w) }
model m {
  private scale = gain()
)";
  for (int i = 0; i < count; ++i)
    text += "  task t" + std::to_string(i) + " { head = scale(rows.one), loss = " + loss + " }\n";
  return text + "  balance = " + method + "\n  train { optimizer = sgd(lr = 0.01), batch = 1 }\n}\n";
}

TEST_CASE("tasks that are alike are weighed alike, and one alone is defined") {
  const std::map<std::string, double> alone = {
      {"fixed()", 1},         {"gls()", 1},         {"rlw()", 1},    {"dwa()", 1},
      {"famo()", 1},          {"uncertainty()", 0}, {"imtl_l()", 0}, {"scale_invariant()", 0},
      {"stch(warmup = 1)", 0}};
  for (const auto& [method, wanted] : alone) {
    for (const int count : {1, 3}) {
      Bench bench(same_tasks(count, method, "rows.l * head"), "one,l\n1,0.5\n1,2\n1,?\n1,1\n");
      INFO(method << " of " << count << "\n" << bench.errors());
      REQUIRE(bench.steps);
      for (int i = 0; i < 40; ++i) {
        REQUIRE(bench.steps->run(Mix::kAll, i, 0.5, 1 + i / 8).finite);  // no task has a loss in each fourth step
        const Numbers shares = bench.steps->shares();
        for (const double share : shares) {
          CHECK(std::isnan(share) == std::isnan(shares[0]));
          if (method != "rlw()" && !std::isnan(share)) CHECK(share == Approx(shares[0]));
          if (count == 1 && wanted > 0 && !std::isnan(share)) CHECK(share == Approx(wanted));
        }
        bench.steps->optimizer().update(1.0, 1);
        bench.steps->balance();
      }
    }
  }
}

TEST_CASE("losses that a method cannot take end the training with the task") {
  for (const char* method : {"gls()", "scale_invariant()", "stch()", "famo()"}) {
    Bench bench(same_tasks(2, method, "rows.l * head - 10"), "one,l\n1,0.5\n");
    INFO(method << "\n" << bench.errors());
    REQUIRE(bench.steps);
    const Steps::Result result = bench.steps->run(Mix::kAll, 0, 0.5, 1);
    CHECK_FALSE(result.finite);
    CHECK(result.bad_task < 0);
    CHECK(result.bad_share == 0);
  }
  Bench bench(same_tasks(2, "dwa()", "log(rows.l * head - 10)"), "one,l\n1,0.5\n");
  REQUIRE(bench.steps);
  const Steps::Result result = bench.steps->run(Mix::kAll, 0, 0.5, 1);
  CHECK_FALSE(result.finite);
  CHECK(result.bad_task == 0);
}

TEST_CASE("tasks whose source is not in the step take no part") {
  const std::string text = R"(
data rows  { format = csv, train = "rows.csv", one : f32 = column("one"), l : f32 = column("l") }
data other { format = csv, train = "rows.csv", one : f32 = column("one"), l : f32 = column("l") }
module gain()(x: f32) -> f32 { param w : f32 = zeros() return x * exp(w) }
balancer mine()(losses: f32[N]) -> f32[N] {
  param s : f32[N] = zeros()
  state seen : f32[N] = zeros()
  update seen = seen + 1.0
  penalty sum(s)
  return exp(s) * N
}
model m {
  private scale = gain()
  task a { head = scale(rows.one), loss = rows.l * head }
  task b { head = scale(other.one), loss = other.l * head }
  task c { head = scale(other.one), loss = other.l * head }
  balance = mine()
  train { optimizer = momentum(lr = 0.01), batch = 1, mix = round_robin, group balance { lr = 0.1 } }
}
)";
  Bench bench(text, "one,l\n1,0.5\n1,0.5\n");
  INFO(bench.errors());
  REQUIRE(bench.steps);
  REQUIRE(bench.steps->run(0, 0, 0.5, 1).finite);
  CHECK(bench.steps->shares()[0] == 1);
  CHECK((std::isnan(bench.steps->shares()[1]) && std::isnan(bench.steps->shares()[2])));
  bench.steps->optimizer().update(1.0, 1);
  CHECK(bench.at("balance.seen@a") == 1);
  CHECK(bench.at("balance.s@a") == Approx(-0.1 * (0.5 + 1)));  // at the rate of its group
  for (const char* task : {"b", "c"}) {
    CHECK(bench.at("balance.seen@" + std::string(task)) == 0);
    CHECK(bench.at("balance.s@" + std::string(task)) == 0);
  }
  REQUIRE(bench.steps->run(1, 1, 0.5, 1).finite);
  CHECK(bench.steps->shares()[1] == 2);
  bench.steps->optimizer().update(1.0, 1);
  CHECK(bench.at("balance.seen@a") == 1);
  CHECK(bench.at("balance.s@a") == Approx(-0.15));  // nor does its momentum go on
  CHECK(bench.at("balance.seen@b") == 1);
}

// The two objectives of Navon et al. 2022, both moved up to be positive, from their five starts, 35,000 steps of Adam.
// The best compromises are around y = -8; a valley above y = 0 holds the sum from one start, and famo from the two
// above it.
TEST_CASE("two objectives with a valley between them, from five starts") {
  const std::string text = R"(
data rows { format = csv, train = "rows.csv", one : f32 = column("one") }
module place()(x: f32) -> f32[2] {
  param at : f32[2] = zeros()
  return at * x
}
function valley(near: f32, y: f32, far: f32) -> f32 {
  let far_part = (far**2 + 0.1 * (y + 8)**2) / 10 - 20
  return (log(max(abs(near), 0.000005)) + 6) * max(tanh(0.5 * y), 0.0) + far_part * max(tanh(-0.5 * y), 0.0)
}
model m {
  shared point = place()
  let p = point(rows.one)
  task a { head = p[0], loss = 0.1 * valley(-0.5 * (p[0] + 7) + tanh(p[1]), p[1], p[0] - 7) + 2.01 }
  task b { head = p[1], loss = valley(0.5 * (3 - p[0]) - tanh(p[1]) + 2, p[1], p[0] + 7) + 20.1 }
  balance = METHOD
  train { optimizer = adam(lr = 1e-3), batch = 1 }
}
)";
  for (const bool famo : {false, true}) {
    std::string mine = text;
    Bench bench(mine.replace(mine.find("METHOD"), 6, famo ? "famo(decay = 0.001)" : "fixed()"), "one\n1\n");
    INFO(bench.errors());
    REQUIRE(bench.steps);
    model::Weights& weights = bench.session->weights();
    float* at = weights.of(*weights.find("point.at"));
    const auto begin = std::vector<float>(weights.data(), weights.data() + weights.size());
    for (const auto& [x, y] :
         std::vector<std::pair<float, float>>{{-8.5f, 7.5f}, {0, 0}, {9, 9}, {-7.5f, -0.5f}, {9, -1}}) {
      INFO((famo ? "famo" : "the sum") << " from " << x << ", " << y);
      std::copy(begin.begin(), begin.end(), weights.data());
      at[0] = x, at[1] = y;
      const auto fresh =
          Steps::make(*bench.session, bench.program->train, bench.program->data, *bench.dataset, 1, bench.emitter);
      for (int i = 0; i < 35000; ++i) {
        REQUIRE(fresh->run(Mix::kAll, i, 0.5, 1).finite);
        fresh->optimizer().update(1.0, 1);
        fresh->balance();
      }
      INFO("ends at " << at[0] << ", " << at[1]);
      CHECK((at[1] < 0) == (famo ? y <= 0 : x < 9 || y < 9));
    }
  }
}

}  // namespace mtl::training
