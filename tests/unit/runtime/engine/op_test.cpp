// Every op, on its own samples: lowered and interpreted, and as generated code, it computes what evaluate() says.
#include <catch2/catch.hpp>

#include "compiler/ir/builder.h"
#include "compiler/ops/sample.h"
#include "tests/run/compare.h"

namespace mtl {
namespace {

struct Case {
  ir::Graph graph;
  ir::HostBatch batch;
};

Case make_case(const ops::OpDef& op, const ops::Sample& sample) {
  Case made;
  made.graph.spaces = ops::sample_spaces();
  ir::Builder build(made.graph);
  std::vector<ir::Value> operands;
  std::vector<ops::HostTensor> tensors;
  for (size_t i = 0; i < sample.operands.size(); ++i) {
    const types::Type& type = sample.operands[i];
    const std::string name = "s.x" + std::to_string(i);
    operands.push_back(build.must("input", {},
                                  {{"name", name},
                                   {"dtype", std::string(types::dtype_name(type.dtype))},
                                   {"space", ir::SpaceRef{type.space}},
                                   {"dims", type.dims}}));
  }
  auto results = build.make(op.name, operands, sample.attrs);
  REQUIRE(results);
  for (size_t r = 0; r < results->size(); ++r) made.graph.outputs.push_back({"r" + std::to_string(r), (*results)[r]});
  made.batch.spaces = ops::sample_host_spaces(made.graph.spaces);
  for (size_t i = 0; i < sample.operands.size(); ++i) {
    made.batch.inputs["s.x" + std::to_string(i)] =
        ops::sample_tensor(sample.operands[i], ops::domain_of(sample, i), made.batch.spaces, i).values;
  }
  made.batch.scalars["progress"] = 0.25;
  made.batch.seed = 7;
  made.batch.step = 3;
  return made;
}

bool is_column_or_parameter(const ops::OpDef& op) {
  return op.lower.get().kind == ops::Lowering::Kind::leaf;
}

}  // namespace

TEST_CASE("every op computes what evaluate says, interpreted and as generated code") {
  const types::Spaces spaces = ops::sample_spaces();
  for (const ops::OpDef* op : ops::all_ops()) {
    if (is_column_or_parameter(*op)) continue;
    const std::vector<ops::Sample> samples = op->samples.get()(spaces);
    for (size_t s = 0; s < samples.size(); ++s) {
      INFO(op->name << " sample " << s);
      Case made = make_case(*op, samples[s]);
      tests::CompareOptions options;
      CHECK(tests::compare_lowered(made.graph, made.batch, options) == "");
      if (op->lower.get().kind != ops::Lowering::Kind::row) continue;
      options.lanes = false;  // samples are small: also as larger rows would run
      options.interpret = false;
      CHECK(tests::compare_lowered(made.graph, made.batch, options) == "");
    }
  }
}

}  // namespace mtl
