// Whole graphs, forwards and backwards, fused and unfused, agree with evaluate().
#include <catch2/catch.hpp>

#include "compiler/ir/print.h"
#include "compiler/program/lower.h"
#include "tests/run/compare.h"
#include "tests/run/graphs.h"

namespace mtl {

TEST_CASE("models in small compute what evaluate says") {
  for (tests::NamedGraph& made : tests::model_graphs()) {
    for (bool fuse : {true, false}) {
      INFO(made.name << (fuse ? ", fused" : ", one kernel per op"));
      tests::CompareOptions options;
      options.fuse = fuse;
      options.tolerance = 2e-5;  // f32 kernels through several layers
      CHECK(tests::compare_lowered(made.graph.graph, made.graph.batch, options) == "");
    }
  }
}

TEST_CASE("random graphs compute what evaluate says") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const tests::TestGraph made = tests::random_graph(seed);
    INFO("seed " << seed << "\n" << ir::print(made.graph) << program::print(program::lower(made.graph)));
    tests::CompareOptions options;
    options.tolerance = 1e-4;  // of long chains in f32
    options.native = seed % 3 == 0;
    CHECK(tests::compare_lowered(made.graph, made.batch, options) == "");
  }
}

TEST_CASE("fusion makes few steps") {
  const tests::TestGraph made = tests::bow_graph(32, 18, 500, 128, 256);
  const size_t fused = program::lower(made.graph, {true, true}).steps.size();
  const size_t single = program::lower(made.graph, {false, true}).steps.size();
  CHECK(fused < 24);
  CHECK(single > fused);
}

}  // namespace mtl
