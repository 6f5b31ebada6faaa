// terminal_test MTLC PROGRAM DATA_DIR FOLDER: what a person sees of `mtlc run` on terminals of several widths. The
// output goes through a pseudo terminal to a screen that knows as much of terminals as is used: carriage returns,
// clearing to the end of a line, colours. Progress and lines of epochs are never wider than the terminal; of the
// progress nothing is left but a line for each epoch, and tables are at the end.
#include <fmt/format.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int kEpochs = 3;  // of tests/terminal.mtl

// Lines of cells; a cell is a character of one column.
class Screen {
 public:
  void write(const std::string& bytes) {
    for (size_t i = 0; i < bytes.size();) i += take(bytes, i);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& line : lines_) {
      std::string text;
      for (const std::string& cell : line) text += cell;
      out.push_back(text);
    }
    return out;
  }
  int widest_drawn_over() const { return widest_; }
  int redraws() const { return redraws_; }

 private:
  size_t take(const std::string& bytes, size_t i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte == '\r') {  // the terminal puts one in front of each line end
      if (bytes.compare(i, 2, "\r\n") != 0) widest_ = std::max(widest_, static_cast<int>(at_));
      at_ = 0;
      return 1;
    }
    if (byte == '\n') return lines_.emplace_back(), at_ = 0, 1;
    if (byte == 0x1b) {
      const size_t end = bytes.find_first_of("mKABCDHJ", i);
      if (end == std::string::npos || bytes[i + 1] != '[') throw std::runtime_error("an unknown control sequence");
      if (bytes[end] == 'K')
        lines_.back().resize(std::min(lines_.back().size(), at_)), ++redraws_;
      else if (bytes[end] != 'm')
        throw std::runtime_error("the cursor is moved");
      return end + 1 - i;
    }
    size_t size = 1;
    while (i + size < bytes.size() && (static_cast<unsigned char>(bytes[i + size]) & 0xC0) == 0x80) ++size;
    auto& line = lines_.back();
    if (line.size() <= at_) line.resize(at_ + 1, " ");
    line[at_++] = bytes.substr(i, size);
    return size;
  }
  int widest_ = 0, redraws_ = 0;
  size_t at_ = 0;
  std::vector<std::vector<std::string>> lines_{1};
};

std::string output_on_terminal(const std::vector<std::string>& command, int columns) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("skipped: there is no pseudo terminal");
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(127);
  }
  std::string out;
  char part[4096];
  for (;;) {
    const ssize_t count = read(terminal, part, sizeof part);
    if (count <= 0 && errno == EINTR) continue;
    if (count <= 0) break;  // EIO: the other end is closed
    out.append(part, static_cast<size_t>(count));
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("mtlc failed:\n" + out);
  return out;
}

void want(bool good, const std::string& what, const std::vector<std::string>& lines) {
  if (good) return;
  std::string screen;
  for (const std::string& line : lines) screen += "  |" + line + "|\n";
  throw std::runtime_error(what + "\n" + screen);
}

// Lines that begin with `text`: the numbers of the first and of the last, and how many there are.
struct Found {
  size_t first = 0, last = 0, count = 0;
};
Found find_lines(const std::vector<std::string>& lines, const std::string& text) {
  Found found;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].compare(0, text.size(), text) != 0) continue;
    if (found.count++ == 0) found.first = i;
    found.last = i;
  }
  return found;
}

int cells_of(const std::string& line) {
  return static_cast<int>(
      std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void check(const std::vector<std::string>& command, int columns) {
  Screen screen;
  screen.write(output_on_terminal(command, columns));
  const std::vector<std::string> lines = screen.lines();
  const std::string where = fmt::format("{} columns: ", columns);
  want(screen.redraws() > 2 * kEpochs, where + "no progress was drawn", lines);
  const Found epochs = find_lines(lines, "epoch ");
  want(epochs.count == kEpochs && epochs.last - epochs.first + 1 == kEpochs,
       where + "not one line for each epoch, one below the other", lines);
  want(screen.widest_drawn_over() < columns, where + fmt::format("progress of {}", screen.widest_drawn_over()), lines);
  for (size_t i = epochs.first; i <= epochs.last; ++i)
    want(cells_of(lines[i]) <= columns, where + "the line of an epoch is too long", lines);
  for (const std::string& line : lines)
    want(line.find("\u2501") == std::string::npos && line.find(" left") == std::string::npos,
         where + "progress is left behind", lines);
  for (const char* split : {"dev", "test"}) {
    const Found table = find_lines(lines, split);
    want(table.count == 1 && table.first > epochs.last, where + "no table of " + split + " at the end", lines);
    want(lines.at(table.first + 1).compare(0, 6, "  task") == 0, where + "no heading of the table", lines);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) throw std::runtime_error("terminal_test MTLC PROGRAM DATA_DIR FOLDER");
  std::filesystem::remove_all(argv[4]);
  for (const int columns : {32, 50, 80, 160})
    check({argv[1], "run", argv[2], "--data", argv[3], "--run-dir", argv[4], "--threads", "1", "--no-cache"}, columns);
  return 0;
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return std::string(error.what()).compare(0, 7, "skipped") == 0 ? 77 : 1;
}
