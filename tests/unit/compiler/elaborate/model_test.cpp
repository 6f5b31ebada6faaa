// Statements of a model: what its variables hold, and who sees them when.
#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

namespace {
const std::string kDoubled = "module doubled()(x: f32[D]) -> f32[D] { return x + x }\n";
}

TEST_CASE("a task sees what all statements have made of a variable of the model") {
  const std::string statements = R"(
  shared twice[3] = doubled()
  var h = sum(rows.x, over = rows.T)
  for i in 0..3 {
    let before = h
    h = twice[i](h) + before
  }
  if true { h = h - 1 }
  h = h * 2
)";
  // 27 times the sums, less 1 of two, twice
  CHECK(Program("head = sum(h)", kDoubled, statements).head() == Numbers{27 * 21 * 2 - 4, 27 * 34 * 2 - 4});
}

TEST_CASE("a let of the model sees what the statements above it have made of a variable") {
  const std::string statements = R"(
  var h = sum(rows.x)
  let first = h
  var n = 1
  for i in 1..4 {
    h = h + first
    n = n * i
  }
  let middle = h * n
  h = middle + first
)";
  const Numbers sums = {21, 34};
  CHECK(Program("head = first", "", statements).head() == sums);
  CHECK(Program("head = middle", "", statements).head() == Numbers{21 * 24, 34 * 24});
  CHECK(Program("head = h + n", "", statements).head() == Numbers{21 * 25 + 6, 34 * 25 + 6});
}

TEST_CASE("a let that a loop of the model asks for first knows nothing of the loop") {
  const std::string statements = R"(
  shared twice = doubled()
  let x = twice(rows.x)
  var h = 0
  for i in 0..2 { h = h + i * sum(x) }
)";
  CHECK(Program("head = h", kDoubled, statements).head() == Numbers{42, 68});
}
