#include "compiler/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace mtl {

void internal_error(const char* file, int line, std::string_view what) {
  std::fprintf(
      stderr,
      "internal error: %.*s\n  at %s:%d\nThis is a bug of mtlc, not of your program. Please report it with the "
      "program and the command that led here.\n",
      static_cast<int>(what.size()), what.data(), file, line);
  std::fflush(nullptr);
  std::_Exit(3);
}

}  // namespace mtl
