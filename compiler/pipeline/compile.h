// What happens to an elaborated model before it runs or is written out, in order: passes, freezing, lowering, code.
// Sessions, `mtlc emit` and packages ask here, and nothing else knows the order.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/elaborate/elaborated.h"
#include "compiler/passes/freeze.h"
#include "compiler/program/program.h"

namespace mtl::pipeline {

struct Request {
  std::vector<std::string> outputs;       // of the model's graph; elaborated.h has their names
  std::vector<std::string> gradients_of;  // paths of parameters by which "objective" is differentiated
  bool bf16 = false;                      // with gradients: products with weights read rounded operands
  bool sparse_gradients = true;           // gradients of tables as rows where that can be
  // For one thread, as packages run: products are not grouped, and what depends on parameters alone is computed now.
  passes::Freezer* freezer = nullptr;
  std::map<std::string, int> parts;  // of outputs that are asked for apart: program/lower.h
  std::function<void(const std::string& step, const ir::Graph& graph)> after;  // sees "elaborate" and each pass
};

// To train on these tasks: the objective, their losses and counts, next values of states and monitors, with the
// gradients of all trained parameters that are not frozen.
Request training_request(const elaborate::ElaboratedModel& model, const std::vector<std::string>& tasks,
                         const std::function<bool(const std::string& path)>& frozen);

ir::Graph make_graph(const ir::Graph& model, const Request& request);
program::Program make_program(const ir::Graph& model, const Request& request);

struct Compiled {
  program::Program program;
  std::unique_ptr<codegen::Jit> code;  // of its loop kernels
};
// `object_cache`: the folder of compiled loops; empty: none.
Compiled compile(const ir::Graph& model, const Request& request, const std::string& object_cache);

}  // namespace mtl::pipeline
