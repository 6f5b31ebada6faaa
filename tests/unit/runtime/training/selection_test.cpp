// Tests of runtime/training/selection.h.
#include "runtime/training/selection.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mtl::training;
using mtl::elaborate::TaskInfo;
using Names = std::vector<std::string>;

namespace {

TaskInfo task_of(const std::string& name, std::vector<Metric> metrics) {
  TaskInfo task;
  task.name = name;
  task.metrics = std::move(metrics);
  return task;
}

}  // namespace

TEST_CASE("the default adds nothing but scores") {
  const TaskInfo click = task_of("click", {Metric::auc, Metric::f1}),
                 dwell = task_of("dwell", {Metric::rmse, Metric::r2});
  CHECK(default_selection({click}).names == Names{"click.auc"});
  CHECK(default_selection({dwell}).names == Names{"dwell.rmse"});  // one task: what it names first
  CHECK(default_selection({click, dwell}).names == Names{"click.auc", "dwell.r2"});
  CHECK(default_selection({dwell, task_of("price", {Metric::mae, Metric::r2})}).names == Names{"dwell.r2", "price.r2"});
  CHECK(default_selection({click, task_of("pull", {})}).names == Names{"click.auc"});
  CHECK(default_selection({task_of("pull", {})}).names == Names{"pull.loss"});
  CHECK(default_selection({}).names.empty());
}

TEST_CASE("what is chosen by says which way is better") {
  const std::vector<ModelMetric> metrics = {{"both", ModelMetric::Kind::mean, {}, "", {"a.rmse", "b.rmse"}}};
  CHECK(to_text({{"a.auc", "b.r2"}}, metrics) == "the highest mean of `a.auc` and `b.r2` on dev");
  CHECK(to_text({{"a.loss"}}, metrics) == "the lowest `a.loss` on dev");
  CHECK(to_text({{"both"}}, metrics) == "the lowest `both` on dev");
}

TEST_CASE("members that dev does not define have names") {
  Scores scores;
  scores.tasks = {{"a", 0.5, {{Metric::auc, NAN}, {Metric::f1, 0.5}}, 3}};
  CHECK(undefined_of(scores, {{"a.auc", "a.f1", "a.loss", "b.auc"}}) == Names{"a.auc", "b.auc"});
}
