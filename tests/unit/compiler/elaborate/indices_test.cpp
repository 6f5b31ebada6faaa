// Rows by ids, the matrix of an example beside its sequences, constants that a declaration makes ids of: what programs
// compute, against numbers worked out by hand.
#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

namespace {

// x is [[1 2] [3 4] [5 6]] and [[7 8] [9 10]], u is [[-1 -2]] and [[-3 -4] [-5 -6]].
Numbers head_of(const std::string& head, const std::string& declarations = "") {
  return Program("head = " + head, declarations).head();
}

std::string refusal(const std::string& head) {
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter{&sources};
  const std::string text = std::string(kData) + "model m { task one predicts rows.y { head = " + head + " } }";
  const auto file = mtl::sema::check_text("test.mtl", text, sources, {}, emitter);
  REQUIRE(file);
  CHECK(!mtl::elaborate::elaborate(*file, {}, emitter));
  return emitter.sorted().empty() ? "" : emitter.sorted().front().message;
}

}  // namespace

TEST_CASE("ids of positions index the rows of a sequence") {
  // The row with the largest second number is the last one; the smallest the first.
  CHECK_THAT(head_of("sum(rows.x[argmax(rows.x[..., 1], over = T)] * stack([1.0, 10.0]))"), near({65, 109}));
  CHECK_THAT(head_of("rows.x[argmin(rows.x[..., 1], over = T)][1]"), near({2, 8}));
  // All positions, in their order, and for each row of the other sequence the same one.
  CHECK_THAT(head_of("sum(rows.x[positions(T)] * rows.x)"), near({91, 294}));
  CHECK_THAT(head_of("sum(rows.u[full(0, [T])] * rows.x)"), near({-33, -120}));
  CHECK_THAT(head_of("sum(rows.x[full(1, [2])] @ stack([1.0, 10.0]))"), near({86, 218}));
  CHECK_THAT(head_of("sum(rows.x[full(1, [U])])"), near({7, 38}));
  // Each position of u asks for the position of x that is largest along it.
  CHECK_THAT(head_of("sum(rows.x[argmin(rows.u @ transpose(rows.x), over = 1)])"), near({11, 38}));
}

TEST_CASE("ids along the last dimension, and of the rows of an example's own matrix") {
  CHECK_THAT(head_of("sum(rows.x[..., argmax(rows.x[0])])"), near({12, 18}));
  const std::string own = "module own()(v: f32[2]) -> f32[2, 2] { return stack([v, v * 10.0]) }";
  CHECK_THAT(head_of("sum(own()(rows.x[0])[argmax(rows.x[1])])", own), near({30, 150}));
  CHECK_THAT(head_of("sum(own()(rows.x[0])[full(0, [3])])", own), near({9, 45}));
}

TEST_CASE("the rows of a sequence with the matrix of its example") {
  const std::string own = "module own()(v: f32[2]) -> f32[2, 2] { return stack([v, v * 10.0]) }";
  // [1 2] @ [[1 2] [10 20]] = [21 42], and so on.
  CHECK_THAT(head_of("sum(rows.x @ own()(rows.x[0]))", own), near({21 * 3 + 43 * 3 + 65 * 3, 87 * 15 + 109 * 15}));
  CHECK_THAT(head_of("sum(own()(rows.x[0]) @ rows.x[1])", own), near({11 + 110, 63 + 80 + 630 + 800}));
  CHECK_THAT(head_of("sum(stack([rows.x[0], rows.x[1]]) @ own()(rows.u[0]))", own),
             near({(1 + 20 + 3 + 40) * -3.0, (7 + 80 + 9 + 100) * -7.0}));
}

TEST_CASE("constants are ids of the set that a declaration gives them") {
  const std::string sized = R"(
function hot(ids: id(K)[S]) -> f32[S, K] { return one_hot(ids, K) }
module sides()(x: f32[S, 2], side: id(2)[S] = full(0, [S])) -> f32[S, 2] { return x + hot(side) }
module told()(x: f32[S, 2]) -> f32[S, 2] {
  let side : id(2)[S] = full(1, [S])
  return hot(side) + 0.0 * x
}
function ones(x: f32[S, 2]) -> id(2)[S] { return full(1, [S]) }
)";
  CHECK_THAT(head_of("sum(sides()(rows.x))", sized), near({24, 36}));
  CHECK_THAT(head_of("sum(told()(rows.x) * stack([1.0, 10.0]))", sized), near({30, 20}));
  CHECK_THAT(head_of("sum(hot(ones(rows.x)) * stack([1.0, 10.0]))", sized), near({30, 20}));
}

TEST_CASE("a fixed dimension in front of a ragged one is not behind it") {
  CHECK_THAT(head_of("sum(full(1.0, [2, T]) @ rows.x)"), near({42, 68}));
  CHECK_THAT(head_of("sum(full(2.0, [3, T])[1] * rows.x[..., 0])"), near({18, 32}));
  CHECK_THAT(head_of("sum(transpose(rows.x)[1])"), near({12, 18}));
}

TEST_CASE("what is no position of a sequence does not index it") {
  CHECK(refusal("sum(rows.x[argmax(rows.x[0])])") ==
        "the ids of `argmax` are below 2, and the outermost dimension is the length of `T`");
  CHECK(refusal("sum(rows.x[positions(U)])") ==
        "the ids of `positions` are below a length, and the outermost dimension is the length of `T`");
}
