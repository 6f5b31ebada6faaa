// The text form and the verifier: what is written reads back, what is wrong is said with its line or its node.
#include <catch2/catch.hpp>

#include "compiler/ir/builder.h"
#include "compiler/ir/print.h"
#include "compiler/ir/read.h"
#include "compiler/ir/verify.h"
#include "compiler/ops/op.h"

using namespace mtl;

namespace {
const char* kText =
    "space atis\n"
    "space atis.T\n"
    "space atis[|atis.slots| + 1]\n"
    "%0 = input {dims = [], dtype = \"i32\", name = \"atis.words\", space = <atis.T>} : i32<atis.T>\n"
    "%1 = param {dims = [2 * |en| + 3, 8], path = \"embed \\\"x\\\"\"} : f32[2 * |en| + 3, 8]\n"
    "%2 = gather %1, %0 : f32<atis.T>[8]\n"
    "%3:2 = segment_max %2 {to = <atis>} : f32<atis>[8], i32<atis>[8]\n"
    "%4 = dropout %3.0 {key = -7, rate = 0.5} : f32<atis>[8]\n"
    "%5 = constant {value = 2.0} : f32\n"
    "%6 = mul %4, %5 : f32<atis>[8]\n"
    "output \"head.intent\" = %6\n"
    "output \"where\" = %3.1\n";

std::string error_of(const std::string& text) {
  const auto read = ir::read(text);
  REQUIRE_FALSE(read);
  return std::to_string(read.error().line) + ": " + read.error().message;
}
}  // namespace

TEST_CASE("a graph with symbols, fixed rows and several results round-trips") {
  const auto graph = ir::read(kText);
  if (!graph) FAIL(graph.error().line << ": " << graph.error().message);
  CHECK(ir::verify(*graph) == std::nullopt);
  CHECK(ir::print(*graph) == kText);
  CHECK(graph->node(graph->output("where")).op->name == std::string("segment_max"));
}

TEST_CASE("spaces of pairs round-trip") {
  const std::string text =
      "space s\n"
      "space s.T\n"
      "space s.U\n"
      "space s.(T + 1)\n"
      "space s.T.{s.U}\n"
      "space s.(T + 1).{s.T}\n"
      "space s.T.{s.U}[2]\n"
      "space s.T.{s.U}[2].{s.T}\n"
      "space s.T.(U + 1)\n"
      "%0 = input {dims = [2], dtype = \"f32\", name = \"s.u\", space = <s.U>} : f32<s.U>[2]\n"
      "%1 = copy_rows %0 {to = <s.T.{s.U}>} : f32<s.T.{s.U}>[2]\n"
      "%2 = sum_copies %1 {to = <s.U>} : f32<s.U>[2]\n"
      "output \"x\" = %2\n";
  const auto graph = ir::read(text);
  if (!graph) FAIL(graph.error().line << ": " << graph.error().message);
  CHECK(ir::verify(*graph) == std::nullopt);
  CHECK(ir::print(*graph) == text);
  CHECK(error_of("space s\nspace s.T\nspace s.T.{s.U}").find("no rows to copy") != std::string::npos);
  CHECK(error_of("space s\nspace s.T\nspace s.{s.T}").find("no rows to copy") != std::string::npos);
  CHECK(error_of("space s\nspace s.T}").find("bad rows") != std::string::npos);
}

TEST_CASE("sources that are members of families round-trip, with dimensions and fixed rows") {
  const std::string text =
      "space review[books]\n"
      "space review[books].T\n"
      "space review[books].T[|review[books].label| + 1]\n"
      "space review[0]\n"
      "space review[0][14]\n"
      "%0 = input {dims = [], dtype = \"i32\", name = \"review[books].words\", space = <review[books].T>} : "
      "i32<review[books].T>\n"
      "%1 = param {dims = [|review[books].label|], path = \"kind[books].linear.bias\"} : f32[|review[books].label|]\n"
      "output \"x\" = %0\n"
      "output \"y\" = %1\n";
  const auto graph = ir::read(text);
  if (!graph) FAIL(graph.error().line << ": " << graph.error().message);
  CHECK(ir::print(*graph) == text);
  CHECK(graph->spaces[1].name == "review[books]");
  CHECK(graph->spaces[1].dim.empty());
}

TEST_CASE("bad text is answered with its line") {
  CHECK(error_of("%0 = nonsense") == "1: there is no op `nonsense` at column 14");
  CHECK(error_of("// comment\n\n%1 = constant {value = 1.0}") == "3: nodes are numbered from 0 in order at column 3");
  CHECK(error_of("%0 = neg %0") == "1: this value does not exist at column 12");
  CHECK(error_of("%0 = constant {value = 1.0} : f32[2]") == "1: the type is f32 at column 37");
  CHECK(error_of("%0 = constant {value = 1.0} extra") == "1: unexpected `extra` at column 34");
  CHECK(error_of("space a.T").find("not declared") != std::string::npos);
  CHECK(error_of("output \"x\" = %0").find("does not exist") != std::string::npos);
  CHECK(error_of("%0 = add").find("number of operands") != std::string::npos);
  CHECK(error_of("%0 = input {dims = [], dtype = \"f32\", name = \"x\", space = <zzz>}").find("not declared") !=
        std::string::npos);
}

TEST_CASE("the verifier finds what the builder would not have made") {
  const ir::Graph good = *ir::read(kText);
  ir::Graph graph = good;
  graph.nodes[2].types[0].dims[0] = 9;
  CHECK(ir::verify(graph)->find("another type") != std::string::npos);
  graph = good;
  graph.nodes[2].operands[0].node = 6;
  CHECK(ir::verify(graph)->find("does not come before") != std::string::npos);
  graph = good;
  graph.nodes[6].operands.pop_back();
  CHECK(ir::verify(graph)->find("number of operands") != std::string::npos);
  graph = good;
  graph.outputs.push_back(graph.outputs[0]);
  CHECK(ir::verify(graph)->find("there twice") != std::string::npos);
  graph = good;
  graph.outputs[0].value.node = 99;
  CHECK(ir::verify(graph)->find("names no value") != std::string::npos);
  graph = good;
  graph.nodes[3].attrs["to"] = ir::SpaceRef{77};
  CHECK(ir::verify(graph)->find("space") != std::string::npos);
}
