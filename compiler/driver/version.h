// What `mtlc --version` says, and what is wrong with the environment that it says something about.
#pragma once
#include <string>

namespace mtl::driver {

// The version; the level of instruction sets, the libraries and the number of threads that commands use.
std::string version_text();

// What is wrong with MTLC_CPU and what to write instead, as one line of text; empty: nothing.
std::string cpu_usage_error();

}  // namespace mtl::driver
