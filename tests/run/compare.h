// Runs a graph three ways, by ir::evaluate, by the interpreter of lowered programs and by the engine's generated code,
// and tells where they differ. For unit tests and the tests of this folder.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/evaluate.h"
#include "runtime/engine/engine.h"

namespace mtl::tests {

struct CompareOptions {
  bool fuse = true;
  bool interpret = true;
  bool native = true;
  bool lanes = true;  // codegen::JitOptions
  double tolerance = 1e-5;
  std::string cache_dir;
};

// Empty if all agree, else the first difference.
std::string compare_lowered(const ir::Graph& graph, const ir::HostBatch& batch, const CompareOptions& options);

// An engine over a host batch: owns the columns, parameters and space views.
class HostEngine {
 public:
  HostEngine(const ir::Graph& graph, const ir::HostBatch& batch, bool fuse, bool sparse = false,
             const codegen::JitOptions& jit = {});
  ~HostEngine();
  engine::Engine& engine();
  void run();
  // Another batch of the same spaces and columns, under the same weights.
  void rebind(const ir::HostBatch& batch);
  const runtime::StepScalars& step() const;
  // An output, or the gradient of a parameter ("grad PATH"), as numbers.
  std::vector<double> values(const std::string& name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mtl::tests
