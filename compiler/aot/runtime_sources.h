// The files of runtime/ that packages are given a copy of, as this build has them.
#pragma once
#include <span>

namespace mtl::aot {

struct RuntimeSource {
  const char* path;  // "runtime/core/kernels/lstm.cpp"
  const char* text;
};
std::span<const RuntimeSource> runtime_sources();

}  // namespace mtl::aot
