// Progress bars, colours and tables, cut to the width of the terminal.
#include "compiler/driver/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "support/base/text.h"
#include "support/diag/text_cells.h"

namespace mtl::driver {

int flush_output() {
  static int first_error = 0;
  errno = 0;
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && first_error == 0) first_error = errno != 0 ? errno : EIO;
  return first_error;
}

std::optional<int> columns_of(std::FILE* stream) {
  const int fd = fileno(stream);
  winsize size{};
  if (isatty(fd) == 0) return std::nullopt;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string cut(const std::string& line, int columns) {
  return diag::TextCells(line).slice(0, static_cast<uint32_t>(std::max(columns, 0)));
}

std::string indent(const std::string& text) {
  std::string out = "  ";
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '\n' && i + 1 < text.size()) out += "  ";
  }
  return out;
}

bool use_color(std::FILE* stream, const std::string& mode) {
  if (mode != "auto") return mode == "always";
  const char* term = std::getenv("TERM");
  return isatty(fileno(stream)) != 0 && std::getenv("NO_COLOR") == nullptr &&
         (term == nullptr || std::strcmp(term, "dumb") != 0);
}

std::string table(std::vector<std::vector<std::string>> rows, bool color) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = printable(cell);  // names of classes are those of the data
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max<size_t>(widths[i], diag::display_width(row[i]));
  }
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      const std::string pad(widths[i] - diag::display_width(rows[r][i]), ' ');
      line += (i ? "  " : "") + (i == 0 ? rows[r][i] + pad : pad + rows[r][i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (r == 0 && color ? "\x1b[1m" + line + "\x1b[0m" : line) + "\n";
  }
  return out;
}

ProgressBar::ProgressBar() {
  const char* term = std::getenv("TERM");
  terminal_ = isatty(STDERR_FILENO) != 0 && (term == nullptr || std::strcmp(term, "dumb") != 0);
}

void ProgressBar::draw(double fraction, const std::string& left, const std::string& right) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const bool edge = fraction <= 0 || fraction >= 1;
  if (drawn_ && !edge && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  const int columns = columns_of(stderr).value_or(80) - 1;  // a full line would begin another
  const int text = static_cast<int>(diag::display_width(left) + diag::display_width(right)) + 2;
  const int width = std::clamp(columns - text, 0, 40);
  const int done = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * width);
  std::string line = left + " ";
  for (int i = 0; i < width; ++i) line += i < done ? "━" : "·";
  if (width > 0) line += " ";
  fmt::print(stderr, "\r\x1b[K{}", cut(line + right, columns));
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

std::string duration(double seconds) {
  const long s = static_cast<long>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

}  // namespace mtl::driver
