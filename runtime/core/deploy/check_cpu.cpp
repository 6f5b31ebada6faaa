// Compares `MTLC_CPU` with the levels that a package was built for.
#include "runtime/core/deploy/check_cpu.h"

#include <string>

#include "runtime/core/cpu_level.h"
#include "runtime/core/deploy/errors.h"

namespace mtl::runtime::deploy {

void check_cpu(const char* package) {
  const char* const fault = cpu_fault();
  if (fault != nullptr) throw LoadError(std::string(package) + ": MTLC_CPU=" + cpu_cap() + " " + fault);
}

void refuse_cpu(const char* package, const char* cpus) {
  const char* const cap = cpu_cap();
  throw LoadError(
      std::string(package) + ": its loops are compiled for " + cpus + ", and " +
      (cap == nullptr ? "this processor has none of them" : "MTLC_CPU=" + std::string(cap) + " leaves none of them"));
}

}  // namespace mtl::runtime::deploy
