// MTLC_CPU (runtime/core/cpu_level.h) in a package: what cannot be followed is said when a model is opened.
#pragma once

namespace mtl::runtime::deploy {

// Throws a LoadError if MTLC_CPU is not a level, or is one that is not available here. `package` begins the text.
void check_cpu(const char* package);

// Throws a LoadError: the compiled loops are for none but `cpus`, none of which is available here.
[[noreturn]] void refuse_cpu(const char* package, const char* cpus);

}  // namespace mtl::runtime::deploy
