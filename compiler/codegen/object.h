// Loop kernels to an object file for a named processor, for `mtlc emit object`.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "compiler/program/program.h"

namespace mtl::codegen {

struct ObjectLoop {
  std::string symbol;  // a C function of type LoopFn (jit.h); empty: the step is a call
  bool flat = false;   // as in CompiledLoop
  int64_t units = 0;
};

struct Object {
  std::string bytes;
  std::vector<ObjectLoop> loops;  // by step
};

// `cpu`: "native", which follows MTLC_CPU, or a name that LLVM knows: "x86-64-v3", "znver4". Symbols begin with
// `prefix`. nullopt: no such cpu.
std::optional<Object> compile_object_file(const program::Program& program, const std::string& cpu,
                                          const std::string& prefix);

}  // namespace mtl::codegen
