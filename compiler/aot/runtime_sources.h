// The files of runtime/ that packages are given a copy of, as this build has them.
#pragma once
#include <span>
#include <string_view>

namespace mtl::aot {

struct RuntimeSource {
  std::string_view path;  // "runtime/kernels/lstm.cpp"
  std::string_view text;
};
std::span<const RuntimeSource> runtime_sources();

}  // namespace mtl::aot
