// The passes, in order, as a list. Each is a function from Graph to Graph; the verifier runs after every one.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace mtl::passes {

struct Options {
  std::function<void(const std::string& pass, const ir::Graph& graph)> after;  // --dump-after
  bool verify = true;
  bool bf16 = false;  // products with weights read their operands rounded to bfloat16
};

// Keeps only `outputs` and what they need. With `gradients_of`, adds an output "grad PATH" for every listed parameter
// that the scalar output "objective" reaches (paths it does not reach get none). Then simplifies, merges common
// nodes, and drops the dead. All dims must be constants.
ir::Graph run_pipeline(ir::Graph graph, const std::vector<std::string>& outputs,
                       const std::vector<std::string>& gradients_of, const Options& options);

// In the order in which they may run.
std::vector<std::string> pass_names();

// The single passes, for tests and tools.
ir::Graph differentiate(const ir::Graph& graph, const std::vector<std::string>& params);
ir::Graph canonicalize(const ir::Graph& graph);
ir::Graph eliminate_common(const ir::Graph& graph);
ir::Graph eliminate_dead(const ir::Graph& graph);
ir::Graph round_products(const ir::Graph& graph);
ir::Graph select_outputs(const ir::Graph& graph, const std::vector<std::string>& outputs);

}  // namespace mtl::passes
