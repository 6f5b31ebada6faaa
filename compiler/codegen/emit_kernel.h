// One loop kernel as one LLVM function of the type codegen::LoopFn.
#pragma once
#include <llvm/IR/Module.h>

#include <string>

#include "compiler/codegen/schedule.h"

namespace mtl::codegen {

// Whether a uniform row kernel runs over ranges of its elements.
bool is_flat(const LoopKernel& kernel, const Schedule& schedule);

// Adds the function `name` to the module.
void emit_kernel(llvm::Module& module, const Program& program, const LoopKernel& kernel, const Schedule& schedule,
                 const std::string& name);

}  // namespace mtl::codegen
