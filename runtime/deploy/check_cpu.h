// MTLC_CPU (runtime/cpu_level.h) in a package: what cannot be followed is said when a model is opened.
#pragma once

namespace mtl::runtime::deploy {

// Throws a LoadError if MTLC_CPU is no level, or one that cannot be had here. `package` begins the text.
void check_cpu(const char* package);

// Throws a LoadError: the compiled loops are for none but `cpus`, which are not to be had here.
[[noreturn]] void refuse_cpu(const char* package, const char* cpus);

}  // namespace mtl::runtime::deploy
