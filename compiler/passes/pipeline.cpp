// THE LIST of passes, in order. See README.md for what each one promises.
#include "compiler/passes/pipeline.h"

#include <algorithm>

#include "compiler/ir/verify.h"
#include "support/base/check.h"

namespace mtl::passes {
namespace {

struct Pass {
  const char* name;
  std::function<ir::Graph(const ir::Graph&)> run;
};

std::vector<Pass> list_passes(const std::vector<std::string>& outputs, const std::vector<std::string>& gradients_of,
                              bool bf16) {
  std::vector<Pass> passes;
  std::vector<std::string> wanted = outputs;
  if (!gradients_of.empty()) {
    // The objective is needed to differentiate it; it goes again if nobody asked for its value.
    const bool is_wanted = std::find(outputs.begin(), outputs.end(), "objective") != outputs.end();
    std::vector<std::string> with_objective = outputs;
    if (!is_wanted) with_objective.push_back("objective");
    passes.push_back({"select_outputs", [=](const ir::Graph& graph) { return select_outputs(graph, with_objective); }});
    // Before differentiation, so that a computation that two tasks share is differentiated once.
    passes.push_back({"eliminate_common", eliminate_common});
    passes.push_back({"differentiate", [=](const ir::Graph& graph) { return differentiate(graph, gradients_of); }});
    passes.push_back({"drop_objective", [is_wanted](const ir::Graph& graph) {
                        ir::Graph result = graph;
                        if (!is_wanted)
                          std::erase_if(result.outputs, [](const auto& o) { return o.name == "objective"; });
                        return result;
                      }});
  } else {
    passes.push_back({"select_outputs", [=](const ir::Graph& graph) { return select_outputs(graph, outputs); }});
  }
  passes.push_back({"canonicalize", canonicalize});
  passes.push_back({"eliminate_common", eliminate_common});
  passes.push_back({"eliminate_dead", eliminate_dead});
  if (bf16) passes.push_back({"round_products", round_products});
  return passes;
}

}  // namespace

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const Pass& pass : list_passes({}, {"all"}, true)) {
    if (std::find(names.begin(), names.end(), pass.name) == names.end()) names.emplace_back(pass.name);
  }
  return names;
}

ir::Graph run_pipeline(ir::Graph graph, const std::vector<std::string>& outputs,
                       const std::vector<std::string>& gradients_of, const Options& options) {
  for (const Pass& pass : list_passes(outputs, gradients_of, options.bf16)) {
    graph = pass.run(graph);
    if (options.verify) {
      const std::optional<std::string> problem = ir::verify(graph);
      MTL_CHECK(!problem, std::string("after ") + pass.name + ": " + problem.value_or(""));
    }
    if (options.after) options.after(pass.name, graph);
  }
  return graph;
}

}  // namespace mtl::passes
