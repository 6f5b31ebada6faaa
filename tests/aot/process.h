// Programs that a test runs.
#pragma once
#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace mtl::aot_test {

inline std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// What a command prints; throws if it fails.
inline std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string out;
  char buffer[1 << 16];
  for (size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, size);
  const int status = pclose(pipe);
  if (status != 0) throw std::runtime_error(fmt::format("failed ({}): {}\n{}", status, command, out));
  return out;
}

}  // namespace mtl::aot_test
