// What a person sees: colours where they are wanted, a progress bar on a terminal and plain lines elsewhere, tables.
#pragma once
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace mtl::driver {

// Whether `stream` is a terminal that takes colours; `mode` is auto, always or never. NO_COLOR is honoured.
bool use_color(std::FILE* stream, const std::string& mode);

// Flushes standard output: 0, or errno of the first time that it failed.
int flush_output();

// Cells of a line on the terminal that `stream` is; nullopt: it is none.
std::optional<int> columns_of(std::FILE* stream);
// As much of a line as fits into so many cells.
std::string cut(const std::string& line, int columns);

// A table with a header, columns aligned: the first to the left, the others to the right.
std::string table(std::vector<std::vector<std::string>> rows, bool color);

std::string indent(const std::string& text);  // every line by two blanks

// One line that is drawn over itself on a terminal, cut to the width that it has at that moment. Elsewhere it stays
// silent: the caller prints lines of its own.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  bool on_terminal() const { return terminal_; }
  // At most ten redraws a second, but always at fraction 0 and 1.
  void draw(double fraction, const std::string& left, const std::string& right);
  void clear();

 private:
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

// "12 s", "3 min 20 s", "1 h 5 min"
std::string duration(double seconds);

}  // namespace mtl::driver
