// Impossible states. A failed MTL_CHECK is a bug of ours: it prints what was expected, where, and asks for a
// report, then exits with code 3. The user's mistakes never come here; they go to diag::Emitter.
#pragma once
#include <string_view>

namespace mtl {
[[noreturn]] void internal_error(const char* file, int line, std::string_view what);
}  // namespace mtl

#define MTL_CHECK(condition, what)                                     \
  do {                                                                 \
    if (!(condition)) ::mtl::internal_error(__FILE__, __LINE__, what); \
  } while (false)
