// From a graph to a lowered program: aliases resolved, row ops fused into loop kernels, the rest calls.
#pragma once
#include <map>
#include <string>

#include "compiler/ir/graph.h"
#include "compiler/program/program.h"

namespace mtl::program {

struct LowerOptions {
  bool fuse = true;              // false: one kernel per op, for tests
  bool sparse_gradients = true;  // gradients of tables that are only gathered from, by input ids, become rows
  // Outputs that are asked for apart, by number: a step then computes for one set of parts only, so that leaving a part
  // out leaves its steps out. Empty: all are asked for together.
  std::map<std::string, int> parts;
};

// Graph outputs become output buffers of their names; outputs "grad PATH" become gradient buffers of the parameter or
// entries of Program::sparse.
Program lower(const ir::Graph& graph, const LowerOptions& options = {});

// The whole program as text, for `mtlc emit ir` and tests.
std::string print(const Program& program);

}  // namespace mtl::program
