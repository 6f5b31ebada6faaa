// Reference interpreter of lowered programs, in double: what back ends are tested against. Slow and plain.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compiler/program/program.h"
#include "runtime/core/kernels.h"

namespace mtl::program {

struct InterpretContext {
  const Program& program;
  // By SpaceId. Those of fixed spaces need no pointers; what they hold follows from their parents.
  std::span<const runtime::SpaceView* const> spaces;
  runtime::StepScalars step;
  // Finds runtime kernels, which run in f32 (runtime::find_kernel).
  std::function<const runtime::KernelInfo*(const char*)> find_kernel;
};

// Rows of a space: of a fixed space, its parent's times its size.
int64_t row_count(const Program& program, std::span<const runtime::SpaceView* const> spaces, types::SpaceId space);
// Elements of a whole buffer.
int64_t buffer_elements(const InterpretContext& context, uint32_t buffer);

// Runs one loop kernel. `memory[i]` is that of buffer i (views share their owner's).
void interpret_kernel(const InterpretContext& context, const LoopKernel& kernel, std::span<double* const> memory);
// Runs all steps.
void interpret(const InterpretContext& context, std::span<double* const> memory);

}  // namespace mtl::program
