// What a loop kernel's code depends on, as bytes: equal keys, equal code.
#pragma once
#include <string>

#include "compiler/program/program.h"

namespace mtl::codegen {

std::string kernel_key(const program::Program& program, const program::LoopKernel& kernel);

// 128 bits of a text as hex digits; for file names.
std::string content_hash(const std::string& text);

}  // namespace mtl::codegen
