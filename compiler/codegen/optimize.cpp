// Loops are vectorised and unrolled as they are emitted, so the pipeline is short: registers for allocas, common
// subexpressions, simplification, and invariant code out of loops. See feasibility.md, section 2, for its price.
#include "compiler/codegen/optimize.h"

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>

#include "compiler/codegen/jit.h"
#include "compiler/codegen/out_of_memory.h"
#include "runtime/core/cpu_level.h"
#include "support/base/check.h"
#include "support/base/out_of_memory.h"

namespace mtl::codegen {
namespace {

// MTLC_CPU names a level, so loops get that level and nothing of the host besides.
bool is_capped() {
  return runtime::cpu_cap() != nullptr && runtime::cpu_fault() == nullptr;
}

}  // namespace

std::string llvm_version() {
  return LLVM_VERSION_STRING;
}

void handle_out_of_memory() {
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { end_out_of_memory(); });
}

std::unique_ptr<llvm::TargetMachine> make_target(const std::string& name) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  const std::string triple = llvm::sys::getProcessTriple();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  MTL_CHECK(target != nullptr, "LLVM does not know this machine: " + error);
  const std::string cpu = name == "native" && is_capped() ? runtime::cpu_level_name(runtime::cpu_level()) : name;
  llvm::SubtargetFeatures features;
  const bool native = cpu == "native";
  if (native) {
    for (const auto& feature : llvm::sys::getHostCPUFeatures()) features.AddFeature(feature.first(), feature.second);
  } else {
    const std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
    if (!known->isCPUStringValid(cpu)) return nullptr;
  }
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, native ? llvm::sys::getHostCPUName() : llvm::StringRef(cpu), features.getString(), options,
      llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default, true));
}

std::string target_fingerprint(const llvm::TargetMachine& target) {
  return std::string(LLVM_VERSION_STRING) + '\n' + target.getTargetTriple().str() + '\n' + target.getTargetCPU().str() +
         '\n' + target.getTargetFeatureString().str();
}

void prepare_module(llvm::Module& module, const llvm::TargetMachine& target) {
  module.setTargetTriple(target.getTargetTriple().str());
  module.setDataLayout(target.createDataLayout());
}

void optimize(llvm::Module& module, llvm::TargetMachine& target) {
  std::string broken;
  llvm::raw_string_ostream out(broken);
  MTL_CHECK(!llvm::verifyModule(module, &out), "emitted LLVM IR is broken: " + out.str());
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", target.getTargetCPU());
    function.addFnAttr("target-features", target.getTargetFeatureString());
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::ModulePassManager passes;
  llvm::Error failed = builder.parsePassPipeline(
      passes,
      "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,loop-mssa(licm),early-cse<memssa>,"
      "instcombine<no-verify-fixpoint>)");
  MTL_CHECK(!failed, "LLVM does not know our pass pipeline");
  passes.run(module, modules);
}

std::unique_ptr<llvm::MemoryBuffer> compile_object(llvm::Module& module, llvm::TargetMachine& target) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  MTL_CHECK(!target.addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::ObjectFile),
            "LLVM cannot write object files for this machine");
  passes.run(module);
  return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(bytes.data(), bytes.size()), "kernels.o");
}

}  // namespace mtl::codegen
