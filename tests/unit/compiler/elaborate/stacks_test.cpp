// A static dimension in front of ragged ones: what programs compute.
#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

TEST_CASE("a front dimension is reduced, mixed and indexed") {
  CHECK(Program("head = sum(stack([rows.x, rows.x * 2.0]))").head() == Numbers{63, 102});
  CHECK(Program("head = mean(stack([rows.x, rows.x * 3.0]))").head() == Numbers{7, 17});
  CHECK(Program("head = sum(sum(stack([rows.x, rows.x * 2.0]), over = 0)[..., 0])").head() == Numbers{27, 48});
  CHECK(Program("head = sum(max(stack([rows.x, 6 - rows.x]), over = 0))").head() == Numbers{27, 34});
  CHECK(Program("head = sum(mix(full(0.5, [2]), stack([rows.x, rows.x * 3.0])))").head() == Numbers{42, 68});
  CHECK(Program("head = sum(mix(full(1.0, [3, 2]), stack([rows.x, rows.x])))").head() == Numbers{126, 204});
  CHECK(Program("head = mix(full(1.0, [3, 2]), stack([rows.x, -rows.x]))[2, 0, 1]").head() == Numbers{0, 0});
  CHECK(Program("head = stack([rows.x, -rows.x])[-1, 0, 1]").head() == Numbers{-2, -8});
  CHECK(Program("let s = stack([rows.x, -rows.x, rows.x * 3.0])\n head = sum(s[1..]) + s[0..2, 1, 0][1]").head() ==
        Numbers{42 - 3, 68 - 9});
  CHECK(Program("head = sum(first(stack([rows.x, -rows.x])))").head() == Numbers{21, 34});
  CHECK_THAT(Program("head = sum(softmax(stack([rows.x, rows.x]), over = 0)[0])").head(), near({3, 2}));
  CHECK(Program("head = float(argmax(stack([rows.x, 6 - rows.x]), over = 0)[0, 0])").head() == Numbers{1, 0});
}

TEST_CASE("dimensions behind the front one are each part's own") {
  CHECK(Program("let m : f32[2, 2] = mean(stack([rows.x, rows.x * 3.0]), over = T)\n head = sum(m) + m[1, 0]").head() ==
        Numbers{28 + 9, 68 + 24});
  CHECK(Program("head = sum(sum(stack([rows.x, rows.x]), over = 2)[1])").head() == Numbers{21, 34});
  CHECK(Program("head = sum(sum(stack([rows.x, rows.x]), over = -1)[1])").head() == Numbers{21, 34});
  CHECK(Program("head = sum(concat(stack([rows.x, -rows.x]), stack([rows.x, rows.x]))[1, ..., 1])").head() ==
        Numbers{-12, -18});
}

TEST_CASE("what works on a sequence is mapped over a front dimension") {
  const std::string modules = R"(
module total()(x: f32[T, D]) -> f32[D] { return sum(x, over = 0) }
module halves()(x: f32[D]) -> (low: f32[D], high: f32[D]) { return (low = x * 0.5, high = x * 2.0) }
function per_part(x: f32[N, T, D]) -> f32 { return sum(x) / N }
function doubled(x: f32[...]) { return x + x }
)";
  CHECK(Program("head = sum(total()(stack([rows.x, rows.x * 2.0])) * full(1.0, [2]))", modules).head() ==
        Numbers{63, 102});
  CHECK(Program("head = sum(halves()(stack([rows.x, rows.x])).high)", modules).head() == Numbers{84, 136});
  CHECK(Program("head = per_part(stack([rows.x, rows.x * 2.0]))", modules).head() == Numbers{31.5, 51});
  CHECK(Program("head = sum(doubled(stack([rows.x, rows.x]))[0])", modules).head() == Numbers{42, 68});
  CHECK(Program("let s = stack([rows.x, rows.x])\n head = sum(s * full(2.0, [2]) + s - rows.x)", modules).head() ==
        Numbers{84, 136});
  CHECK(Program("let s = stack([stack([rows.x, -rows.x]), stack([rows.x, rows.x])])\n head = sum(s[1]) - sum(s[0])")
            .head() == Numbers{42, 68});
}
