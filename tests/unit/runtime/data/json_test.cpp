// JSON lines: the shapes that values may have.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Floats = std::vector<float>;
using Ids = std::vector<int32_t>;

namespace {

ColumnSpec matrix() {
  return shaped({2, 2}, column("m", ValueKind::number, named({"m"})));
}
std::string report_of(const ColumnSpec& column, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(one_source(Format::jsonl, {column}), folder);
  CHECK_FALSE(loading.data);
  return loading.report();
}
Split split_of(const ColumnSpec& column, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(one_source(Format::jsonl, {column}), folder);
  for (const auto& report : loading.reports()) UNSCOPED_INFO(report);
  REQUIRE(loading.data);
  return loading.train();
}

}  // namespace

TEST_CASE("a row of one element is a value or an array of one") {
  const ColumnSpec number = shaped({1}, column("x", ValueKind::number, named({"x"})));
  const Column x = split_of(number, "{\"x\": 1}\n{\"x\": [2]}\n{\"x\": null}\n{\"x\": [null]}\n").columns.at("x");
  REQUIRE(x.numbers.size() == 4);
  CHECK(x.numbers[0] == 1);
  CHECK(x.numbers[1] == 2);
  CHECK(std::isnan(x.numbers[2]));
  CHECK(std::isnan(x.numbers[3]));
  const ColumnSpec category = shaped({1}, column("x", ValueKind::category, named({"x"})));
  CHECK(split_of(category, "{\"x\": \"k\"}\n{\"x\": \"l\"}\n").columns.at("x").ids == Ids{1, 2});
  const Split sequence = split_of(along({"T"}, number), "{\"x\": [1, [2], 3]}\n");
  CHECK(sequence.columns.at("x").numbers == Floats{1, 2, 3});
  CHECK(report_of(number, "{\"x\": [1, 2]}\n") == "E0524 train:1 column `x` takes 1 value, found 2");
}

TEST_CASE("the elements of a row stand in one array or in arrays of its shape") {
  const Column flat = split_of(matrix(), "{\"m\": [1, 2, 3, 4]}\n{\"m\": [[5, 6], [7, 8]]}\n").columns.at("m");
  CHECK(flat.numbers == Floats{1, 2, 3, 4, 5, 6, 7, 8});
  const Split sequence =
      split_of(along({"T"}, matrix()), "{\"m\": [[[1, 2], [3, 4]], [5, 6, 7, 8]]}\n{\"m\": [[[9, 9], [9, 9]]]}\n");
  CHECK(sequence.ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(sequence.columns.at("m").numbers == Floats{1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9});
}

TEST_CASE("an array of texts that are parted into rows") {
  const ColumnSpec pairs =
      along({"T"}, shaped({2}, column("v", ValueKind::number, named({"v"}), {transform(Kind::split, ",")})));
  const Split split = split_of(pairs, "{\"v\": [\"1,2\", \"3,4\"]}\n");
  CHECK(split.columns.at("v").numbers == Floats{1, 2, 3, 4});
  const ColumnSpec tags = along({"T"}, column("k", ValueKind::labels, named({"k"}), {transform(Kind::split, ",")}));
  CHECK(report_of(tags, "{\"k\": \"a,b\"}\n") == "E0516 train:1 column `k` expects an array, found string `\"a,b\"`");
}

TEST_CASE("nested arrays of another shape than the row's say which was expected") {
  CHECK(report_of(matrix(), "{\"m\": [[1, 2, 3], [4]]}\n") ==
        "E0516 train:1 column `m` expects an array of 2 values, found array `[1,2,3]`");
  CHECK(report_of(matrix(), "{\"m\": [[1, 2]]}\n") ==
        "E0516 train:1 column `m` expects an array of 2 arrays, found array `[[1,2]]`");
  CHECK(report_of(matrix(), "{\"m\": [[1, 2], 3]}\n") ==
        "E0516 train:1 column `m` expects an array of 2 values, found number `3`");
  CHECK(report_of(matrix(), "{\"m\": [1, 2, 3]}\n") == "E0524 train:1 column `m` takes 4 values, found 3");
  CHECK(report_of(matrix(), "{\"m\": [1, [2], 3, 4]}\n") ==
        "E0516 train:1 column `m` expects a text, a number or a truth value, found array `[2]`");
}

TEST_CASE("a number that no computer number holds is too large, not bad JSON") {
  const ColumnSpec number = column("x", ValueKind::number, named({"x"}));
  CHECK(report_of(number, "{\"x\": 1}\n{\"x\": 1e400}\n") == "E0532 train:2 the number `1e400` is too large");
}
