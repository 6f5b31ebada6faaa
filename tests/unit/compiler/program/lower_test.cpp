// Lowering's corner cases: where results live, which gradients stay rows, what the text form shows.
#include "compiler/program/lower.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "compiler/program/group_products.h"
#include "tests/run/compare.h"
#include "tests/run/graphs.h"

namespace mtl {
namespace {

using ir::Value;
using types::Dim;

void check_both(const tests::TestGraph& made) {
  for (bool fuse : {true, false}) {
    tests::CompareOptions options;
    options.fuse = fuse;
    CHECK(tests::compare_lowered(made.graph, made.batch, options) == "");
  }
}

// Two columns of ids into one table, the sum of both rows' squares as loss.
tests::TestGraph two_gathers(bool read_elsewhere, bool computed_ids) {
  tests::Maker m;
  const Value table = m.param("embed", {9, 4});
  const Value a = m.op("gather", {table, m.ids("s.a", m.t, 9)});
  Value ids = m.ids("s.b", m.t, 9);
  if (computed_ids) ids = m.op("to_i32", {m.op("abs", {m.op("to_f32", {ids})})});
  const Value b = m.op("gather", {table, ids});
  Value loss = m.build.sum(m.segment_sum(m.op("square", {m.build.add(a, b)}), types::kUniform), {0});
  if (read_elsewhere) loss = m.build.add(loss, m.build.sum(m.op("square", {table}), {0, 1}));
  m.output("objective", loss);
  return m.finish(true);
}

}  // namespace

TEST_CASE("a table that is gathered from by two columns gets two parts of rows") {
  const tests::TestGraph made = two_gathers(false, false);
  const program::Program program = program::lower(made.graph);
  REQUIRE(program.sparse.size() == 2);
  CHECK(program.buffers[program.sparse[0].ids].name != program.buffers[program.sparse[1].ids].name);
  for (const auto& sparse : program.sparse) {
    CHECK(sparse.param == "embed");
    CHECK(program.buffers[sparse.ids].kind == program::Buffer::Kind::input);
    CHECK(program.buffers[sparse.rows].kind == program::Buffer::Kind::output);
    CHECK(program.buffers[sparse.rows].shape == program::Shape{4});
  }
  check_both(made);
}

TEST_CASE("a table that is read in any other way gets a dense gradient") {
  for (const tests::TestGraph& made : {two_gathers(true, false), two_gathers(false, true)}) {
    CHECK(program::lower(made.graph).sparse.empty());
    check_both(made);
  }
}

TEST_CASE("one value may be the gradient of two parameters, and an output besides") {
  tests::Maker m;
  const Value x = m.numbers("s.x", m.s, {3});
  const Value sum = m.build.add(m.param("p", {3}), m.param("q", {3}));
  m.output("objective", m.build.sum(m.segment_sum(m.op("square", {m.build.mul(x, sum)}), types::kUniform), {0}));
  tests::TestGraph made = m.finish(true);
  made.graph.outputs.push_back({"again", made.graph.output("grad p")});
  check_both(made);
}

TEST_CASE("outputs may be columns, parameters, constants and reshapes") {
  tests::Maker m;
  const Value x = m.numbers("s.x", m.t, {2, 3});
  m.output("column", x);
  m.output("flat column", m.build.reshape(x, {6}));
  m.output("parameter", m.param("p", {4}));
  m.output("number", m.build.constant(2.5));
  m.output("places", m.op("position", {}, {{"space", ir::SpaceRef{m.t}}}));
  const Value y = m.op("exp", {x});
  m.output("flat", m.build.reshape(y, {6}));
  m.output("rows", m.op("map_in", {y}, {{"count", int64_t{1}}}));
  check_both(m.finish(false));
}

TEST_CASE("pieces of a concatenation are read back, in the same space and below it") {
  tests::Maker m;
  const Value x = m.numbers("s.x", m.s, {2, 3}), y = m.numbers("s.y", m.s, {2, 2});
  const Value both = m.op("concat", {m.op("tanh", {x}), y}, {{"axis", int64_t{1}}});
  const Value padded = m.op("pad", {both}, {{"axis", int64_t{0}}, {"before", int64_t{1}}, {"after", int64_t{2}}});
  m.output("softmax", m.op("softmax", {both}));
  m.output("below", m.build.mul(padded, m.build.reshape(m.numbers("s.z", m.t, {}), {1, 1})));
  check_both(m.finish(false));
}

TEST_CASE("rows too wide for the scratch of a kernel are computed all the same") {
  tests::Maker m;
  const Value x = m.build.mul(m.param("wide", {70000}), m.build.constant(3));
  m.output("softmax", m.op("softmax", {x}));
  m.output("turned",
           m.op("transpose", {m.op("tanh", {m.build.reshape(x, {700, 100})})}, {{"perm", std::vector<Dim>{1, 0}}}));
  check_both(m.finish(false));
}

TEST_CASE("products of one operand are computed together, however many steps lie between them") {
  tests::Maker m;
  const Value x = m.numbers("s.x", m.t, {6});
  Value loss;
  for (int expert = 0; expert < 20; ++expert) {  // more than a group holds
    const std::string path = "expert" + std::to_string(expert);
    const Value h = m.op("relu", {m.affine(path + ".in", x, 6, 5)});
    const Value y = m.affine(path + ".out", h, 5, 3);
    const Value one = m.build.sum(m.segment_sum(m.op("square", {y}), types::kUniform), {0});
    loss = expert == 0 ? one : m.build.add(loss, one);
  }
  m.output("objective", loss);
  const tests::TestGraph made = m.finish(true);
  program::Program program = program::lower(made.graph);
  const auto count = [&](const std::string& kernel) {
    return std::count_if(program.steps.begin(), program.steps.end(), [&](const program::Step& step) {
      const auto* call = std::get_if<program::Call>(&step.work);
      return call != nullptr && call->kernel == kernel;
    });
  };
  REQUIRE(count("matmul") + count("matmul_rows") == 5 * 20);
  program::group_products(program);
  CHECK(count("matmul_group") >= 4);  // two of x, two of its gradients
  CHECK(count("matmul") + count("matmul_rows") <= 3 * 20);
  check_both(made);
}

TEST_CASE("the text form shows buffers, steps, sparse gradients and outputs") {
  const std::string text = program::print(program::lower(two_gathers(false, false).graph));
  for (const char* part : {"param f32[9, 4] `embed`", "loop rows of s.T", "gather", "loop columns of s.T", "by sum",
                           "sparse `embed`: ids", "output `objective`"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace mtl
