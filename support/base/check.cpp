// Ends the process on a bug of ours and when memory is used up.
#include "support/base/check.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace mtl {

namespace {
// The path from the root of the project: this file's own path shows what stands in front.
std::string_view from_root(std::string_view file) {
  constexpr std::string_view kHere = __FILE__, kOwn = "support/base/check.cpp";
  if (!kHere.ends_with(kOwn)) return file;
  constexpr std::string_view kRoot = kHere.substr(0, kHere.size() - kOwn.size());
  return file.starts_with(kRoot) ? file.substr(kRoot.size()) : file;
}
}  // namespace

void internal_error(const char* file, int line, std::string_view what) {
  const std::string_view path = from_root(file);
  std::fprintf(
      stderr,
      "internal error: %.*s\n  at %.*s:%d\nThis is a bug of mtlc, not of your program. Please report it with the "
      "program and the command that led here.\n",
      static_cast<int>(what.size()), what.data(), static_cast<int>(path.size()), path.data(), line);
  std::fflush(nullptr);
  std::_Exit(3);
}

void out_of_memory(std::string_view what, size_t bytes) {
  std::fprintf(stderr, "error: there is too little memory for %.*s: %.1f GB are needed\n",
               static_cast<int>(what.size()), what.data(), static_cast<double>(bytes) / 1e9);
  std::fflush(nullptr);
  std::_Exit(1);
}

size_t usable_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  size_t bytes = static_cast<size_t>(-1);
  if (pages > 0 && size > 0) bytes = static_cast<size_t>(pages) * static_cast<size_t>(size);
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bytes = std::min<size_t>(bytes, limit.rlim_cur);
  return bytes;
}

}  // namespace mtl
