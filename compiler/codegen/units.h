// The distinct kernels of a program: equal ones are compiled once.
#pragma once
#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "compiler/codegen/schedule.h"

namespace mtl::codegen {

struct Unit {
  const LoopKernel* kernel;
  Schedule schedule;
  std::string name;  // of its function
  std::string key;
};

struct Units {
  std::vector<Unit> list;    // in order of appearance
  std::vector<int> of_step;  // which one each step runs; -1: a call
};

// Functions are called `prefix` and a number.
Units find_units(const Program& program, bool lanes, const std::string& prefix = "kernel_");
void emit_units(llvm::Module& module, const Program& program, const std::vector<const Unit*>& units);
// CompiledLoop::units of its function.
int64_t range_units(const Unit& unit);

}  // namespace mtl::codegen
