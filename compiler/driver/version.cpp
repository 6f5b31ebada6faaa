// Texts of `mtlc --version`, and mistakes in `MTLC_CPU`.
#include "compiler/driver/version.h"

#include <fmt/format.h>

#include "compiler/codegen/jit.h"
#include "runtime/core/cpu_level.h"
#include "runtime/kernels/products_version.h"
#include "runtime/threads/processors.h"
#include "support/base/text.h"

namespace mtl::driver {

namespace {

constexpr const char* kVersion = "mtlc 0.1.0 (language 1)";

std::string level_text() {
  const char* const level = runtime::cpu_level_name(runtime::cpu_level());
  if (runtime::cpu_cap() == nullptr) return level;
  return fmt::format("{}, by MTLC_CPU (this machine has up to {})", level,
                     runtime::cpu_level_name(runtime::highest_cpu_level()));
}

}  // namespace

std::string version_text() {
  return fmt::format(
      "{}\n"
      "instructions: {}\n"
      "compiled loops: LLVM {}\n"
      "products: {}\n"
      "threads: {}",
      kVersion, level_text(), codegen::llvm_version(), runtime::products_version(), runtime::usable_processors());
}

std::string cpu_usage_error() {
  const char* const fault = runtime::cpu_fault();
  if (fault == nullptr) return "";
  const char* const highest = runtime::cpu_level_name(runtime::highest_cpu_level());
  return fmt::format(
      "MTLC_CPU={0} {1}; this machine has up to {2}: write MTLC_CPU={2}, or leave it out for all that there is",
      runtime::cpu_cap(), fault, highest);
}

}  // namespace mtl::driver
