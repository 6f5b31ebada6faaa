// Runs a lowered program on batches.
//
// Shapes are specialised: for each bucket of row counts there is a plan (arena offsets, bound addresses, workspace),
// made when the bucket is first seen and kept. A run picks its plan and executes steps: no allocation, no lookup.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/program/program.h"
#include "runtime/core/kernels.h"
#include "runtime/data/batch.h"

namespace mtl::engine {

// Where parameters live: one block for weights, one of the same layout for gradients, one for states.
struct ParamBlock {
  float* weights = nullptr;
  float* gradients = nullptr;  // may be null: no training
  // Offset in floats of each parameter or state path; absent paths are a bug.
  std::function<int64_t(const std::string& path)> offset;
};

struct SparseRows {  // the gradient of an embedding table, by rows
  const int32_t* ids = nullptr;
  const float* rows = nullptr;
  int64_t count = 0;
};

// Where a program's spaces and columns come from; a data::Batch is one. Addresses must stay while they are bound.
class Inputs {
 public:
  virtual ~Inputs() = default;
  virtual const runtime::SpaceView* space(const std::string& name) const = 0;  // null: not here
  virtual const void* column(const std::string& name) const = 0;
};

class Engine {
 public:
  Engine(program::Program program, std::unique_ptr<codegen::Jit> jit, ParamBlock params);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Names the batches that later runs read, one for each source of the program; their addresses must stay.
  void bind(std::span<const data::Batch* const> batches);
  void bind(const Inputs& inputs);
  void run(const runtime::StepScalars& step);

  const program::Program& program() const;
  // The step scalars' index by name, for StepScalars::values; -1 if the program does not read it.
  int scalar(const std::string& name) const;
  // The number of an output by name, which the program has to have; to be asked once.
  uint32_t output(const std::string& name) const;
  // Results of the last run, by number. `rows` is that of the output's space.
  const float* output_f32(uint32_t output) const;
  const int32_t* output_i32(uint32_t output) const;
  int64_t output_rows(uint32_t output) const;
  // By index into program().sparse. Before run(), `ids` and `count` are already those of the bound batch.
  SparseRows sparse_rows(size_t index) const;
  // Bytes of the largest arena planned so far.
  size_t arena_bytes() const;
  size_t plans() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mtl::engine
