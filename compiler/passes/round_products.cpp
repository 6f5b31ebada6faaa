// `precision = bf16`: products with weights, forwards and backwards, read their operands rounded to bfloat16.
#include <string_view>

#include "compiler/ops/op.h"
#include "compiler/passes/pipeline.h"

namespace mtl::passes {

ir::Graph round_products(const ir::Graph& graph) {
  ir::Graph result = graph;
  for (ir::Node& node : result.nodes) {
    const std::string_view op = node.op->name;
    if (op == "linear" || op == "outer_sum") node.attrs["bf16"] = true;
  }
  return result;
}

}  // namespace mtl::passes
