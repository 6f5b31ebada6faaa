// Runs the steps from an elaborated graph to code, in order.
#include "compiler/pipeline/compile.h"

#include <utility>

#include "compiler/passes/pipeline.h"
#include "compiler/program/group_products.h"
#include "compiler/program/lower.h"

namespace mtl::pipeline {

Request training_request(const elaborate::ElaboratedModel& model, const std::vector<std::string>& tasks,
                         const std::function<bool(const std::string& path)>& frozen) {
  Request request;
  request.outputs = {"objective"};
  for (const std::string& task : tasks) {
    request.outputs.push_back("loss." + task);
    request.outputs.push_back("count." + task);
  }
  for (const ir::Output& output : model.graph.outputs) {
    for (const char* kind : {"update ", "monitor.", "balance.", "weighted."})
      if (output.name.rfind(kind, 0) == 0) request.outputs.push_back(output.name);
  }
  for (const elaborate::ParamInfo& param : model.params) {
    if (param.trained && !(frozen && frozen(param.path))) request.gradients_of.push_back(param.path);
  }
  return request;
}

ir::Graph make_graph(const ir::Graph& model, const Request& request) {
  if (request.after) request.after("elaborate", model);
  passes::Options options;
  options.after = request.after;
  options.bf16 = request.bf16 && !request.gradients_of.empty();
  ir::Graph graph = passes::run_pipeline(model, request.outputs, request.gradients_of, options);
  return request.freezer ? request.freezer->run(graph) : graph;
}

program::Program make_program(const ir::Graph& model, const Request& request) {
  program::LowerOptions options;
  options.sparse_gradients = request.sparse_gradients;
  options.parts = request.parts;
  program::Program program = program::lower(make_graph(model, request), options);
  if (!request.freezer) program::group_products(program);
  return program;
}

Compiled compile(const ir::Graph& model, const Request& request, const std::string& object_cache) {
  Compiled out;
  out.program = make_program(model, request);
  out.code = codegen::Jit::compile(out.program, {object_cache});
  return out;
}

}  // namespace mtl::pipeline
