// Writing to a file descriptor until all of it is there.
#pragma once
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace mtl {

// False, with errno, if the system took less.
inline bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace mtl
