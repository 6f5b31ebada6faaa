// Shape rules as the builder reports them: which operands disagree, in which words; symbols pass where they may.
#include "compiler/ir/builder.h"

#include <catch2/catch.hpp>

#include "compiler/ops/sample.h"

using namespace mtl;
using ops::f32;
using types::Dim;

namespace {

struct Fixture {
  ir::Graph graph;
  ir::Builder build{graph};
  types::SpaceId s, t, other;
  Fixture() {
    s = graph.spaces.add_source("atis");
    t = graph.spaces.add_ragged(s, "T");
    other = graph.spaces.add_ragged(graph.spaces.add_source("snips"), "T");
  }
  ir::Value value(const types::Type& type) { return build.input("x" + std::to_string(graph.nodes.size()), type); }
  ir::ShapeError fails(const char* op, std::vector<ir::Value> operands, ir::Attrs attrs = {}) {
    const size_t before = graph.nodes.size();
    const auto made = build.make(op, std::move(operands), std::move(attrs));
    REQUIRE_FALSE(made);
    CHECK(graph.nodes.size() == before);
    return made.error();
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "broadcasting joins chains of rows and repeats ones") {
  CHECK(build.type(build.add(value(f32(t, {3})), value(f32(s, {1})))) == f32(t, {3}));
  CHECK(build.type(build.add(value(f32(0)), value(f32(t, {2, 3})))) == f32(t, {2, 3}));
  CHECK(build.type(build.must("ge", {value(ops::i32(t)), build.constant_i32(0)})) == ops::boolean(t));
}

TEST_CASE_METHOD(Fixture, "shape errors say what disagrees") {
  const ir::ShapeError dims = fails("add", {value(f32(t, {26})), value(f32(0, {64}))});
  CHECK(dims.message == "left is f32[T, 26], right is f32[64]: 26 is not 64");
  CHECK(dims.operand == 0);
  CHECK(dims.other_operand == 1);
  CHECK(fails("add", {value(f32(t)), value(f32(other))}).message ==
        "left is f32[T], right is f32[T]: positions of `atis.T` are not positions of `snips.T`");
  CHECK(fails("add", {value(f32(t)), value(ops::i32(t))}).message ==
        "left is f32[T], right is i32[T]: ids and numbers do not mix");
  CHECK(fails("linear", {value(f32(t, {7})), value(f32(0, {5, 8}))}).message ==
        "left is f32[T, 7], right is f32[5, 8]: 7 is not 8");
  CHECK(fails("reshape", {value(f32(t, {6}))}, {{"dims", std::vector<Dim>{4}}}).message ==
        "f32[T, 6] has 6 elements for each row, not 4");
  CHECK(fails("sum", {value(f32(t, {6}))}, {{"axes", std::vector<Dim>{1}}}).message ==
        "there is no dimension 1 in 1 dimension");
  CHECK(fails("dropout", {value(f32(t))}, {{"rate", 1.0}}).operand == -1);
  CHECK(fails("gather", {value(f32(0, {5, 8})), value(f32(t))}).message ==
        "f32[T] holds numbers, and ids are needed here");
  CHECK(fails("segment_sum", {value(f32(s))}, {{"to", ir::SpaceRef{t}}}).operand == 0);
  CHECK(fails("matmul", {value(f32(s, {2, 3})), value(f32(s, {4, 3}))}).help ==
        "did you mean `transpose` of the right?");
}

TEST_CASE_METHOD(Fixture, "sizes that the data decides pass, unless they can never fit") {
  const Dim slots = Dim::atom("|atis.slots|");
  CHECK(build.type(build.add(value(f32(t, {slots})), value(f32(0, {64})))) == f32(t, {64}));
  CHECK(build.type(build.must("linear", {value(f32(t, {64})), value(f32(0, {slots, 64}))})) == f32(t, {slots}));
  CHECK(build.type(build.must("concat", {value(f32(t, {slots})), value(f32(t, {2}))})) == f32(t, {slots + 2}));
  CHECK(fails("add", {value(f32(t, {slots})), value(f32(0, {slots + 1}))}).message ==
        "left is f32[T, |atis.slots|], right is f32[|atis.slots| + 1]: |atis.slots| is not |atis.slots| + 1");
}

TEST_CASE_METHOD(Fixture, "sum_to undoes broadcasting") {
  const ir::Value x = value(f32(t, {2, 3}));
  for (const types::Type& type :
       {f32(t, {2, 3}), f32(s, {2, 3}), f32(0, {3}), f32(0), f32(s, {1, 3}), f32(t, {2, 1})}) {
    CHECK(build.type(build.sum_to(x, type)) == type);
  }
}
