// LLVM ends a process with SIGABRT where an allocation fails; with this, as the rest of the program does.
#pragma once

namespace mtl::codegen {

void handle_out_of_memory();

}  // namespace mtl::codegen
