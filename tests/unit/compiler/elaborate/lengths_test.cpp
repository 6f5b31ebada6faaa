// Ragged dimensions joined, cut and padded: what programs compute.
#include <cmath>

#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

TEST_CASE("sequences are joined in the order that is written") {
  // Weights by position tell the order: 1 2 3 ...
  const std::string weigh = "let w = float(positions(T + U)) + 1.0\n head = sum(both[..., 0] * w)";
  CHECK(Program("let both = concat(rows.x, rows.u, over = 0)\n" + weigh).head() ==
        Numbers{1 * 1 + 2 * 3 + 3 * 5 + 4 * -1, 1 * 7 + 2 * 9 + 3 * -3 + 4 * -5});
  CHECK(Program("let both = concat(rows.u, rows.x, over = 0)\n" + weigh).head() ==
        Numbers{1 * -1 + 2 * 1 + 3 * 3 + 4 * 5, 1 * -3 + 2 * -5 + 3 * 7 + 4 * 9});
  CHECK(Program(
            "let both : f32[T + 2, 2] = concat(full(100.0, [2, 2]), rows.x, over = 0)\n head = both[1, 0] + both[2, 1]")
            .head() == Numbers{102, 108});
}

TEST_CASE("the parts of a joined sequence are the sequences") {
  const std::string both = "let both = concat(rows.x, rows.u, over = 0)\n";
  CHECK(Program(both + "let back : f32[U, 2] = both[T..]\n head = sum(back - rows.u) + back[-1, 1]").head() ==
        Numbers{-2, -6});
  CHECK(Program(both + "let back : f32[T, 2] = both[0..T]\n head = sum(abs(back - rows.x))").head() == Numbers{0, 0});
  const Program program(both + "head = both[T][0]");
  CHECK(program.head() == Numbers{-1, -3});
  CHECK(program.rules() == Texts{"U - 1"});
}

TEST_CASE("slices and indices say how long a sequence has to be") {
  const Program later("head = sum(rows.x[1..])");
  CHECK(later.head() == Numbers{18, 19});
  CHECK(later.rules() == Texts{"T - 1"});
  const Program second("head = rows.x[1, 0]");
  CHECK(second.head() == Numbers{3, 9});
  CHECK(second.rules() == Texts{"T - 2"});
  CHECK(Program("head = rows.x[-2, 1]").head() == Numbers{4, 8});
  CHECK(Program("head = sum(rows.x[0..2] * full(2.0, [2, 2]))").head() == Numbers{20, 68});
  const Program inner("head = sum(rows.x[1..-1])");
  CHECK(inner.head() == Numbers{7, 0});
  CHECK(inner.rules() == Texts{"T - 2"});
  CHECK(Program("head = sum(rows.x[0..])").rules().empty());
  CHECK(Program("head = mean(rows.x[1..-1])").head() == Numbers{3.5, 0});  // of no positions: 0
}

TEST_CASE("padding adds zeros, and the difference of neighbours is a program") {
  CHECK(Program("let p = pad(rows.x, 1, 2, over = T)\n head = p[1, 0] + 10 * p[0, 0] + 10 * p[-1, 1] + 10 * p[-2, 0]")
            .head() == Numbers{1, 7});
  CHECK(Program("let steps = rows.x[1..] - rows.x[0..-1]\n head = sum(steps)").head() == Numbers{8, 4});
}

TEST_CASE("reductions over ragged dimensions") {
  CHECK(Program("head = sum(prod(rows.x, over = T))").head() == Numbers{15 + 48, 63 + 80});
  CHECK_THAT(Program("head = sum(softmax(rows.x, over = [0, 1]))").head(), near({1, 1}));
  CHECK_THAT(Program("head = logsumexp(rows.x * 0.0, over = [0, 1])").head(), near({std::log(6), std::log(4)}));
  CHECK(Program("head = sum(sum(rows.x, over = 1) @ rows.x)").head() == Numbers{9 + 49 + 121, 225 + 361});
  CHECK_THAT(Program("head = sum(mix(rows.x, full(0.5, [2, 3])))").head(), near({31.5, 51}));
  CHECK(Program("head = T - 5").head() == Numbers{-2, -3});
}

TEST_CASE("signatures take joined dimensions apart") {
  const std::string split = R"(
module second(k: int)(x: f32[A + k, D]) -> f32[A, D] { return x[k..] }
module behind()(q: f32[Q, D], x: f32[Q + C, D]) -> f32[C, D] { return x[Q..] }
)";
  CHECK(Program("head = sum(second(2)(rows.x))", split).head() == Numbers{11, 0});
  CHECK(Program("head = sum(behind()(rows.x, concat(rows.x, rows.u, over = 0)))", split).head() == Numbers{-3, -18});
}

TEST_CASE("a dimension that no column brings in is read from the first that has it") {
  const auto inputs = [](const std::string& head) { return Program(head).model->tasks[0].inputs; };
  CHECK(inputs("head = sum(float(positions(T)))") == Texts{"x"});
  CHECK(inputs("head = sum(float(positions(U))) + sum(rows.x)") == Texts{"x", "u"});
  CHECK(inputs("head = sum(rows.x)") == Texts{"x"});
  CHECK(inputs("head = sum(full(1.0, [T + U]))") == Texts{"x", "u"});
}
