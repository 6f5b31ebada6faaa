// Loop kernels to native code, in memory. The only door to LLVM.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "compiler/program/program.h"
#include "runtime/core/kernels.h"

namespace mtl::codegen {

// One compiled loop kernel. `buffers` are the operands, then the stores, then the keys of the kernel's random
// instructions as integers (so that equal layers share their code); `spaces` is indexed by SpaceId of the program.
// Runs rows [begin, end): of the kernel's space (row form), of its target space (segment form), or columns
// [begin, end) of the result (column form). A uniform row kernel is elementwise over [begin, end) elements where
// `flat` says so, else one row.
using LoopFn = void (*)(void* const* buffers, const runtime::SpaceView* const* spaces, int64_t begin, int64_t end,
                        const runtime::StepScalars* step);

struct CompiledLoop {
  LoopFn run = nullptr;
  bool flat = false;
  // The range of a flat kernel (elements) or a column kernel (columns); cut it at multiples of kGrain. Row and segment
  // kernels: 0, the range is that of the rows.
  int64_t units = 0;
  double cost = 0;  // rough nanoseconds per row of the kernel's space, or per element if flat: when do two threads pay?
  static constexpr int64_t kGrain = 64;
};

// The third part of a kernel's `buffers`.
std::vector<void*> random_keys(const program::LoopKernel& kernel);

struct JitOptions {
  std::string cache_dir;  // compiled objects by content; empty: none
  bool lanes = true;      // small rows 16 at a time; false for tests
};

class Jit {
 public:
  ~Jit();
  // Compiles every loop kernel of the program. loops()[i] is that of step i (run = null for calls).
  static std::unique_ptr<Jit> compile(const program::Program& program, const JitOptions& options);
  const std::vector<CompiledLoop>& loops() const;

 private:
  struct State;
  explicit Jit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// LLVM IR of the loop kernels, after optimization, for `mtlc emit llvm`.
std::string emit_llvm(const program::Program& program);

std::string llvm_version();

}  // namespace mtl::codegen
