// Literal ones that meet ragged dimensions, and `reshape` behind them: what programs compute, against plain loops.
#include <algorithm>
#include <functional>

#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

namespace {
// The sum of f(x, u) over the pairs of an example of two_examples.h; x and u are first numbers of their rows.
Numbers sum_of_firsts(const std::function<double(double, double)>& f) {
  const std::vector<Numbers> x = {{1, 3, 5}, {7, 9}}, u = {{-1}, {-3, -5}};
  Numbers sums;
  for (size_t e = 0; e < 2; ++e) {
    double sum = 0;
    for (double a : x[e]) {
      for (double b : u[e]) sum += f(a, b);
    }
    sums.push_back(sum);
  }
  return sums;
}
const std::string kPairs =
    "let a = rows.x[..., 0]\n let b = rows.u[..., 0]\n let p : f32[T, U] = times()(a, b)\n"
    "let column = reshape(a, [T, 1])\n";
const std::string kTimes = "module times()(a: f32, b: f32[N]) -> f32[N] { return a * b }\n";
}  // namespace

TEST_CASE("a literal 1 is repeated over the inner dimension of pairs") {
  const Numbers expected = sum_of_firsts([](double a, double b) { return a * b * (a + b) + a; });
  const std::string other = "let q : f32[T, U] = p * (column + b)\n ";
  CHECK_THAT(Program(kPairs + other + "head = sum(q + column)", kTimes).head(), near(expected));
  CHECK_THAT(Program(kPairs + other + "head = sum(column + q)", kTimes).head(), near(expected));
  CHECK_THAT(Program(kPairs + "head = sum(where(p < column, p, column))", kTimes).head(),
             near(sum_of_firsts([](double a, double b) { return std::min(a * b, a); })));
  CHECK_THAT(Program(kPairs + "head = sum(max(p, -column))", kTimes).head(),
             near(sum_of_firsts([](double a, double b) { return std::max(a * b, -a); })));
}

TEST_CASE("two sequences meet as pairs where one has a literal 1") {
  const Numbers expected = sum_of_firsts([](double a, double b) { return (a - b) * (a - b); });
  CHECK_THAT(Program(kPairs + "let d : f32[T, U] = column - b\n head = sum(d ** 2)", kTimes).head(), near(expected));
  CHECK_THAT(Program(kPairs + "let d : f32[T, U] = b - column\n head = sum(d ** 2)", kTimes).head(), near(expected));
  CHECK_THAT(Program("let d : f32[T, U, 2] = reshape(rows.x, [T, 1, 2]) * rows.u\n head = sum(d[..., 0])").head(),
             near(sum_of_firsts([](double a, double b) { return a * b; })));
}

TEST_CASE("a literal 1 behind pairs and one in front of features") {
  CHECK_THAT(Program(kPairs + "let d : f32[T, U, 2] = reshape(rows.x, [T, 1, 2]) * reshape(p, [T, U, 1])\n"
                              "head = sum(d[..., 0])",
                     kTimes)
                 .head(),
             near(sum_of_firsts([](double a, double b) { return a * a * b; })));
}

TEST_CASE("reshape keeps the dimensions of pairs") {
  CHECK_THAT(
      Program(kPairs + "let r : f32[T, U, 1] = reshape(p, [T, U, 1])\n head = sum(reshape(r, [T, U]) ** 2)", kTimes)
          .head(),
      near(sum_of_firsts([](double a, double b) { return a * b * a * b; })));
}
