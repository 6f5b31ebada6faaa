// The reference interpreter: runs a graph node by node through OpDef::evaluate, in double. Slow and plain; what
// passes, gradients and lowered code are compared with.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/ops/op.h"

namespace mtl::ir {

struct HostBatch {
  std::vector<ops::HostSpace> spaces;                 // by SpaceId of the graph
  std::map<std::string, std::vector<double>> inputs;  // by column: "atis.words"
  std::map<std::string, std::vector<double>> params;  // parameters and states, by path
  std::map<std::string, double> scalars;              // "progress"
  uint64_t seed = 0;
  uint64_t step = 0;
};

// All outputs, by name. All dims must be constants. MTL_CHECKs that every leaf is there in its size.
std::map<std::string, ops::HostTensor> evaluate(const Graph& graph, const HostBatch& batch);

}  // namespace mtl::ir
