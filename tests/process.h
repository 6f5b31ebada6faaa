// Programs that a test runs, and files that it reads whole.
#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace mtl::test {

struct Outcome {
  int code = 0;  // of a signal: 128 more than its number, as shells say it
  std::string output;
};

inline std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// A shell's command, and what it prints.
inline Outcome run_command(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  Outcome out;
  char buffer[1 << 16];
  for (size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.output.append(buffer, size);
  const int status = pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

// What it prints; throws if it fails.
inline std::string output_of(const std::string& command) {
  Outcome out = run_command(command);
  if (out.code != 0)
    throw std::runtime_error("failed (" + std::to_string(out.code) + "): " + command + "\n" + out.output);
  return std::move(out.output);
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace mtl::test
