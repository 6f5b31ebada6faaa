// Impossible states. A failed MTL_CHECK is a bug of ours: it prints what was expected, where, and asks for a
// report, then exits with code 3. The user's mistakes never come here; they go to diag::Emitter.
#pragma once
#include <cstddef>
#include <string_view>

namespace mtl {
[[noreturn]] void internal_error(const char* file, int line, std::string_view what);
// Not a bug: the machine has too little memory for what the user asked for. Says so and exits with code 1.
[[noreturn]] void out_of_memory(std::string_view what, size_t bytes);
// What the machine has and this process may use.
size_t usable_memory();
}  // namespace mtl

#define MTL_CHECK(condition, what)                                     \
  do {                                                                 \
    if (!(condition)) ::mtl::internal_error(__FILE__, __LINE__, what); \
  } while (false)
