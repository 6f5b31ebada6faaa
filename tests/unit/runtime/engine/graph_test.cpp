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
      options.fuse = options.lanes = fuse;
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

TEST_CASE("fusion: one kernel for a head's softmax, loss and gradient; masks and counts are not in its way") {
  const tests::TestGraph made = tests::bow_graph(32, 18, 500, 128, 256);
  const program::Program fused = program::lower(made.graph, {true, true});
  int softmaxes = 0, loops = 0;
  for (const program::Step& step : fused.steps) {
    const auto* kernel = std::get_if<program::LoopKernel>(&step.work);
    if (kernel == nullptr) continue;
    ++loops;
    for (const program::Instr& instr : kernel->instrs) {
      if (instr.op == program::Instr::Op::apply && instr.fn == program::Fn::exp) ++softmaxes;
    }
  }
  CHECK(softmaxes == 2);
  CHECK(loops <= 20);
  CHECK(program::lower(made.graph, {false, true}).steps.size() > 2 * fused.steps.size());
  int booleans = 0;  // masks are computed where they are read
  for (const program::Buffer& buffer : fused.buffers) booleans += buffer.dtype == types::DType::boolean ? 1 : 0;
  CHECK(booleans == 0);
}

}  // namespace mtl
