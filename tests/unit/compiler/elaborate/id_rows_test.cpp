// What of which parameter is known to be of single ids, for each way in which ids reach weights.
#include <catch2/catch.hpp>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"

using namespace mtl;

namespace {

constexpr const char* kColumns = R"(
use std.sequence
vocab en { }
data rows {
  format = tsv
  train  = "rows.tsv"
  words : token(en)[T] = column("words") |> split(" ")
  user  : category     = column("user")
  pair  : category[2]  = columns("user", "shop")
  x     : f32[3]       = columns("a", "b", "c")
  y     : f32          = column("y")
}
module table(width: int)(x: id(K)) -> f32[width] {
  param weight : f32[K, width] = normal(1.0)
  return weight[x]
}
module turned(width: int)(x: id(K)) -> f32[width] {
  param weight : f32[width, K] = normal(1.0)
  return transpose(weight)[x]
}
module scores()(x: f32[D], of: id(K)) -> f32 {
  param weight : f32[K, D] = normal(1.0)
  param bias   : f32[K]    = normal(1.0)
  return (weight @ x + bias)[of]
}
module apart()(x: id(K)[E]) -> f32[E] {
  param weight : f32[E, K] = normal(1.0)
  return sum(one_hot(x, K) * weight, over = 1)
}
)";

// "PARAMETER SET axis AXIS from BEGIN [each EACH]", of all that are of ids.
std::vector<std::string> ids_of(const std::string& head) {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  const std::string text = std::string(kColumns) + "model m {\n  task t predicts rows.y { head = " + head + " }\n}\n";
  const auto file = sema::check_text("test.mtl", text, sources, {}, emitter);
  REQUIRE(file);
  elaborate::ElaborateOptions options;
  options.size_of = [](const std::string& path) -> std::optional<int64_t> { return path == "rows.pair" ? 8 : 5; };
  const auto model = elaborate::elaborate(*file, options, emitter);
  for (const auto& report : emitter.sorted()) UNSCOPED_INFO(report.message);
  REQUIRE(model);
  std::vector<std::string> out;
  for (const elaborate::ParamInfo& param : model->params)
    for (const elaborate::IdAxis& ids : param.ids)
      out.push_back(param.path.substr(param.path.rfind('.') + 1) + " " + ids.set + " axis " + std::to_string(ids.axis) +
                    " from " + std::to_string(ids.begin) + (ids.each == 1 ? "" : " each " + std::to_string(ids.each)));
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("ids look up rows, whatever the parameter is turned to first") {
  CHECK(ids_of("rows.user |> embed(2) |> linear(1)") == Lines{"weight column rows.user axis 0 from 0"});
  CHECK(ids_of("rows.user |> table(2) |> linear(1)") == Lines{"weight column rows.user axis 0 from 0"});
  CHECK(ids_of("rows.user |> turned(2) |> linear(1)") == Lines{"weight column rows.user axis 1 from 0"});
  CHECK(ids_of("flatten(embed(2)(rows.pair)) |> linear(1)") == Lines{"weight column rows.pair axis 0 from 0"});
}

TEST_CASE("one-hot rows are multiplied with columns") {
  const Lines hot{"weight column rows.user axis 1 from 0"};
  CHECK(ids_of("one_hot(rows.user, |rows.user|) |> linear(2) |> relu |> linear(1)") == hot);
  CHECK(ids_of("one_hot(rows.user, |rows.user|) |> dropout(0.5) |> linear(1)") == hot);
  CHECK(ids_of("(one_hot(rows.user, |rows.user|) * 2.0) |> linear(1)") == hot);
  CHECK(ids_of("mean(one_hot(rows.words, |en|), over = T) |> linear(1)") == Lines{"weight vocab en axis 1 from 0"});
  CHECK(ids_of("mean(linear(2)(one_hot(rows.words, |en|)), over = T) |> linear(1)") ==
        Lines{"weight vocab en axis 1 from 0"});
  CHECK(ids_of("concat(rows.x, one_hot(rows.user, |rows.user|)) |> linear(1)") ==
        Lines{"weight column rows.user axis 1 from 3"});
  CHECK(ids_of("flatten(one_hot(rows.pair, |rows.pair|)) |> linear(1)") ==
        Lines{"weight column rows.pair axis 1 from 0", "weight column rows.pair axis 1 from 8"});
  CHECK(ids_of("sum(apart()(rows.pair))") == Lines{"weight column rows.pair axis 1 from 0"});
}

TEST_CASE("a recurrence over one-hot rows has columns of ids in its input weights") {
  CHECK(ids_of("one_hot(rows.words, |en|) |> lstm(2) |> last(over = T) |> linear(1)") ==
        Lines{"weight_ih_l0 vocab en axis 1 from 0"});
}

TEST_CASE("windows over one-hot rows have a number of each position for each id") {
  CHECK(ids_of("one_hot(rows.words, |en|) |> conv1d(2) |> max(over = T) |> linear(1)") ==
        Lines{"weight vocab en axis 1 from 0"});
  CHECK(ids_of("one_hot(rows.pair, |rows.pair|) |> conv1d(2) |> flatten() |> linear(1)") ==
        Lines{"weight column rows.pair axis 1 from 0"});
  CHECK(ids_of("concat(one_hot(rows.words, |en|), one_hot(rows.words, |en|)) |> conv1d(2) |> max(over = T) |> "
               "linear(1)") == Lines{"weight vocab en axis 1 from 0", "weight vocab en axis 1 from 5"});
  CHECK(ids_of("ops.windows(one_hot(rows.words, |en|), size = 3) |> flatten(from = 1) |> max(over = T) |> linear(1)") ==
        Lines{"weight vocab en axis 1 from 0 each 3"});
}

TEST_CASE("scores of all ids, of which one is taken, have a row for each") {
  CHECK(ids_of("scores()(rows.x, rows.user)") ==
        Lines{"weight column rows.user axis 0 from 0", "bias column rows.user axis 0 from 0"});
}

TEST_CASE("what mixes ids has no numbers of single ones") {
  CHECK(ids_of("softmax(one_hot(rows.user, |rows.user|)) |> linear(1)").empty());
  CHECK(ids_of("rows.x |> linear(1)").empty());
}
