// A loop kernel as C++: plain loops over rows and elements, as an engineer would write them. Reads the lowered
// program; the LLVM back end (codegen/) reads the same, so the two compute the same numbers.
#pragma once
#include <functional>

#include "compiler/aot/cpp_text.h"
#include "compiler/program/program.h"

namespace mtl::aot {

struct KernelNames {
  // The first element of a buffer, e.g. "w.encoder_embed_weight", "b.hidden".
  std::function<CppText(uint32_t buffer)> buffer;
  // The runtime::SpaceView of a space, e.g. "rows.snips_T".
  std::function<CppText(types::SpaceId space)> rows;
};

// The statements of a function body, indented by two spaces.
CppText kernel_body(const program::Program& program, const program::LoopKernel& kernel, const KernelNames& names);

}  // namespace mtl::aot
