// How a command ends where an allocation failed and nobody above can do without it.
#pragma once
#include <unistd.h>

#include <cstdio>
#include <new>

namespace mtl {

inline constexpr const char* kOutOfMemory =
    "error: there is not enough memory for this input on this machine, or for its limits (`ulimit -v`)\n";

// Nothing is torn by it: files are written aside and renamed when they are whole.
[[noreturn]] inline void end_out_of_memory() {
  std::fputs(kOutOfMemory, stderr);
  ::_exit(1);
}

// Where an allocation may fail, as it is as large as a file, and whoever asks for it says what it was for: until the
// end of the block it throws std::bad_alloc. Everywhere else it ends the program at once (driver/main.cpp).
class MayRunOut {
 public:
  MayRunOut() : before_(std::set_new_handler(nullptr)) {}
  ~MayRunOut() { std::set_new_handler(before_); }
  MayRunOut(const MayRunOut&) = delete;
  MayRunOut& operator=(const MayRunOut&) = delete;

 private:
  std::new_handler before_;
};

}  // namespace mtl
