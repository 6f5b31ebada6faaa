// From LLVM IR as emitted to IR worth compiling, and to an object file, for the machine at hand.
#pragma once
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>

namespace mtl::codegen {

// The host's CPU and features ("native"), or a processor by LLVM's name for it; nullptr: there is no such one. One for
// each thread that compiles. Where MTLC_CPU names a level (runtime/core/cpu_level.h), "native" is that level.
std::unique_ptr<llvm::TargetMachine> make_target(const std::string& name = "native");
// Whatever decides about the code besides the IR: LLVM's version, CPU, features.
std::string target_fingerprint(const llvm::TargetMachine& target);

void prepare_module(llvm::Module& module, const llvm::TargetMachine& target);
void optimize(llvm::Module& module, llvm::TargetMachine& target);
std::unique_ptr<llvm::MemoryBuffer> compile_object(llvm::Module& module, llvm::TargetMachine& target);

}  // namespace mtl::codegen
