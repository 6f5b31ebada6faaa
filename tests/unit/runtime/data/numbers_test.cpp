// Tests of runtime/data/numbers.h.
#include "runtime/data/numbers.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {
const double kNone = std::nan("");
ColumnSpec number(std::vector<Transform> transforms) {
  return column("x", ValueKind::number, at({0}), std::move(transforms));
}
}  // namespace

TEST_CASE("standardize takes the population's deviation, and missing values no part") {
  // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, deviation sqrt(32 / 8) = 2
  std::vector<double> values{2, 4, 4, kNone, 4, 5, 5, 7, 9};
  const ColumnSpec spec = number({transform(Kind::standardize)});
  const NumberStats stats = fit_numbers(spec, 1, values);
  CHECK(stats.mean[0] == Approx(5));
  CHECK(stats.deviation[0] == Approx(2));
  CHECK_FALSE(apply_numbers(spec, stats, 1, values));
  CHECK(values[0] == Approx(-1.5));
  CHECK(values[8] == Approx(2));
  CHECK(std::isnan(values[3]));
  CHECK(restore_number(spec, stats, 0, 2) == Approx(9));
}

TEST_CASE("a constant column becomes zeros and comes back") {
  for (const Kind kind : {Kind::standardize, Kind::minmax}) {
    std::vector<double> values{0.1, 0.1, 0.1};
    const ColumnSpec spec = number({transform(kind)});
    const NumberStats stats = fit_numbers(spec, 1, values);
    apply_numbers(spec, stats, 1, values);
    CHECK(values == std::vector<double>{0, 0, 0});
    CHECK(restore_number(spec, stats, 0, values[0]) == Approx(0.1));
  }
}

TEST_CASE("each element of a row has its own statistics") {
  std::vector<double> values{1, 10, 3, 30};
  const ColumnSpec spec = number({transform(Kind::minmax)});
  const NumberStats stats = fit_numbers(spec, 2, values);
  apply_numbers(spec, stats, 2, values);
  CHECK(values == std::vector<double>{0, 0, 1, 1});
  CHECK(restore_number(spec, stats, 1, 0.5) == Approx(20));
}

TEST_CASE("transforms go left to right, and back from right to left") {
  std::vector<double> values{0, std::exp(1.0) - 1, std::exp(2.0) - 1};  // log1p: 0, 1, 2
  const ColumnSpec spec = number({transform(Kind::log1p), transform(Kind::standardize)});
  const NumberStats stats = fit_numbers(spec, 1, values);
  CHECK(stats.mean[0] == Approx(1));
  CHECK(stats.deviation[0] == Approx(std::sqrt(2.0 / 3)));
  std::vector<double> encoded = values;
  apply_numbers(spec, stats, 1, encoded);
  for (size_t i = 0; i < values.size(); ++i)
    CHECK(restore_number(spec, stats, 0, encoded[i]) == Approx(values[i]).margin(1e-12));
}

TEST_CASE("what is no finite 32-bit number is found") {
  const ColumnSpec logged = number({transform(Kind::log1p)});
  std::vector<double> values{0, -1, 3};
  CHECK(apply_numbers(logged, fit_numbers(logged, 1, values), 1, values) == size_t{1});
  std::vector<double> large{1, 1e300};
  CHECK(apply_numbers(number({}), {}, 1, large) == size_t{1});
}

TEST_CASE("bins have edges at the quantiles of train") {
  std::vector<double> values{8, 1, 2, 3, 4, 5, 6, 7};
  const ColumnSpec spec = column("x", ValueKind::label, at({0}), {bins(4)});
  const NumberStats stats = fit_numbers(spec, 1, values);
  CHECK(stats.bin_edges[0] == std::vector<double>{3, 5, 7});
  CHECK(bin_names(stats.bin_edges[0]) == std::vector<std::string>{"below 3", "3 to 5", "5 to 7", "from 7"});
  std::vector<double> others{-100, 3, 4.9, 1e9, kNone};
  apply_numbers(spec, stats, 1, others);
  CHECK(others[0] == 0);
  CHECK(others[1] == 1);
  CHECK(others[2] == 1);
  CHECK(others[3] == 3);
  CHECK(std::isnan(others[4]));
  // Equal quantiles are one edge; one value is one class.
  CHECK(fit_numbers(spec, 1, {1, 1, 1, 1, 1, 2}).bin_edges[0].size() <= 1);
  CHECK(bin_names(fit_numbers(spec, 1, {1, 1}).bin_edges[0]) == std::vector<std::string>{"all"});
}

TEST_CASE("bins become labels of the column's set") {
  Folder folder;
  folder.write("train", "x\n1\n2\n3\n4\n");
  const Loading loading(one_source(Format::tsv, {column("x", ValueKind::label, named({"x"}), {bins(2)})}), folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.x").names == std::vector<std::string>{"below 3", "from 3"});
  CHECK(loading.train().columns.at("x").ids == std::vector<int32_t>{0, 0, 1, 1});
}
