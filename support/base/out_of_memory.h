// How a command ends where an allocation failed and nobody above can do without it.
#pragma once
#include <unistd.h>

#include <cstdio>

namespace mtl {

inline constexpr const char* kOutOfMemory =
    "error: there is not enough memory for this input on this machine, or for its limits (`ulimit -v`)\n";

// Nothing is torn by it: files are written aside and renamed when they are whole.
[[noreturn]] inline void end_out_of_memory() {
  std::fputs(kOutOfMemory, stderr);
  ::_exit(1);
}

}  // namespace mtl
