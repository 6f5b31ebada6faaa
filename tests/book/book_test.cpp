// Keeps the book true: what stands between markers is what mtlc prints, every ```mtl block does what it says, and links
// lead to files.
//
//   <!-- mtlc doc transforms -->   the lines up to `<!-- end -->` are the output; of a fence behind it, those inside
//   <!-- file two_corpora.mtl -->  likewise, of a file
//   <!-- package small.mtl FILE -->  of a file of the C++ package that `mtlc emit cpp` makes of a program, after a run
//   ... (lines 5 to 20) -->        of these lines alone
//   ```diff commit=e089cc4         lines of that commit, where the history is there
//   <!-- frame -->                 the program of frame.txt without its holes
//   ```mtl                         a whole file that passes `mtlc check`
//   ```mtl in=model                stands at this place of frame.txt
//   ```mtl error=E0312             ends `mtlc check` with this code; `warning=W0300` passes with it
//
// usage: book_test --mtlc BIN [--update] FILE.md...
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "tests/book/frame.h"
#include "tests/process.h"

namespace fs = std::filesystem;

namespace {

using mtl::test::Outcome;
using mtl::test::read_file;
using mtl::test::run_command;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class Book {
 public:
  Book(std::string mtlc, bool update) : mtlc_(std::move(mtlc)), update_(update) {
    folder_ = fs::temp_directory_path() / ("mtl_book_test_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~Book() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  void check(const fs::path& path) {
    path_ = path;
    const std::vector<std::string> lines = lines_of(read_file(path));
    std::vector<std::string> out;
    for (size_t i = 0; i < lines.size(); ++i) {
      out.push_back(lines[i]);
      line_ = i + 1;
      links(lines[i]);
      const bool marker = lines[i].starts_with("<!-- mtlc ") || lines[i].starts_with("<!-- file ") ||
                          lines[i].starts_with("<!-- package ") || lines[i] == "<!-- frame -->";
      if (marker) {
        i = printed(lines, i, out);
      } else if (lines[i].starts_with("```mtl")) {
        std::string code;
        const std::string info = lines[i];
        while (++i < lines.size() && lines[i] != "```") {
          code += lines[i] + "\n";
          out.push_back(lines[i]);
        }
        if (i < lines.size()) out.push_back(lines[i]);
        block(info, code);
      } else if (lines[i].starts_with("```diff commit=")) {
        const std::string commit = lines[i].substr(15);
        while (++i < lines.size() && lines[i] != "```") {
          line_ = i + 1;
          diff_line(commit, lines[i]);
          out.push_back(lines[i]);
        }
        if (i < lines.size()) out.push_back(lines[i]);
      } else if (lines[i].starts_with("```")) {  // not ours: a `#` in it is no heading, a marker no marker
        while (++i < lines.size() && lines[i] != "```") out.push_back(lines[i]);
        if (i < lines.size()) out.push_back(lines[i]);
      }
    }
    std::string text;
    for (const std::string& line : out) text += line + "\n";
    if (update_ && text != read_file(path)) {
      std::ofstream(path, std::ios::binary) << text;
      std::cout << "updated " << path.string() << "\n";
    }
  }

  size_t failed() const { return failed_; }
  size_t checked() const { return checked_; }

 private:
  // `[text](path)`: the path leads to a file.
  void links(const std::string& line) {
    for (size_t at = line.find("]("); at != line.npos; at = line.find("](", at + 2)) {
      std::string target = line.substr(at + 2, line.find(')', at) - at - 2);
      target.erase(std::min(target.find('#'), target.size()));
      if (target.empty() || target.starts_with("http")) continue;
      if (!fs::exists(path_.parent_path() / target)) fail("there is no " + target);
    }
  }

  // A line of a diff is one of the commit's, where there is a history to look it up in.
  void diff_line(const std::string& commit, const std::string& line) {
    if (!commits_.contains(commit))
      commits_[commit] = "\n" + run_command("git -C '" MTLC_SOURCE_DIR "' show '" + commit + "' 2>/dev/null").output;
    const bool known = commits_[commit].size() > 1 && line != "...";
    if (known && commits_[commit].find("\n" + line + "\n") == std::string::npos) fail("no line of " + commit);
  }

  void fail(const std::string& what) {
    std::cout << path_.string() << ":" << line_ << ": " << what << "\n";
    ++failed_;
  }

  Outcome run(const std::string& arguments) {
    return run_command("cd '" + path_.parent_path().string() + "' && '" + mtlc_ + "' " + arguments +
                       " --color never 2>&1 </dev/null");
  }

  // The lines of `text` that the end of the marker asks for.
  static std::vector<std::string> cut(const std::string& marker, const std::string& text) {
    std::vector<std::string> lines = lines_of(text);
    const size_t at = marker.find(" (lines ");
    size_t first = 1, last = lines.size();
    if (at == marker.npos) return lines;
    if (std::sscanf(marker.c_str() + at, " (lines %zu to %zu)", &first, &last) != 2 || last > lines.size()) return {};
    return {lines.begin() + static_cast<long>(first) - 1, lines.begin() + static_cast<long>(last)};
  }

  static std::string plain_frame() {
    std::string text;
    for (std::string line : lines_of(mtl::book::frame())) {
      const size_t value = line.find("@value");
      if (line == "@use") line = "use std.sequence\nuse std.sharing";
      if (value != line.npos) line.replace(value, 6, "h");
      if (line.find('@') == line.npos) text += line + "\n";
    }
    return text;
  }

  // A file of the package of a program, which is trained on the data beside it.
  std::string package_file(const std::string& words) {
    const size_t blank = words.find(' ');
    const std::string program = words.substr(0, blank), folder = (folder_ / program).string();
    const std::string made = folder + "/package", run_dir = folder + "/run";
    if (!fs::exists(made)) {
      const Outcome trained = run("run '" + program + "' --no-cache --run-dir '" + run_dir + "'");
      const Outcome written = run("emit cpp '" + run_dir + "/model.safetensors' --out '" + made + "'");
      if (trained.code + written.code != 0) fail("no package of " + program + ": " + trained.output + written.output);
    }
    return read_file(fs::path(made) / words.substr(blank + 1));
  }

  // The lines from the marker at `at` to its end; returns the index of the last one.
  size_t printed(const std::vector<std::string>& lines, size_t at, std::vector<std::string>& out) {
    ++checked_;
    std::string marker = lines[at].substr(5, lines[at].find(" -->") - 5);
    const std::string argument = marker.substr(marker.find(' ') + 1, marker.find(" (lines") - marker.find(' ') - 1);
    std::string text;
    const size_t failed_before = failed_;
    if (marker.starts_with("mtlc ")) {
      const Outcome outcome = run(argument);
      if (outcome.code != 0) fail("`mtlc " + argument + "` fails: " + outcome.output);
      text = outcome.output;
    } else {
      text = marker == "frame"                ? plain_frame()
             : marker.starts_with("package ") ? package_file(argument)
                                              : read_file(path_.parent_path() / argument);
    }
    std::vector<std::string> wanted = cut(marker, text);
    if (wanted.empty()) fail("there is nothing of " + marker);
    const bool good = failed_ == failed_before;
    size_t end = at + 1;
    while (end < lines.size() && lines[end] != "<!-- end -->") ++end;
    if (end == lines.size()) {
      fail("a marker without `<!-- end -->`");
      return at;
    }
    std::vector<std::string> found(lines.begin() + static_cast<long>(at) + 1, lines.begin() + static_cast<long>(end));
    const bool fenced = found.size() >= 2 && found.front().starts_with("```") && found.back() == "```";
    if (fenced) {
      wanted.insert(wanted.begin(), found.front());
      wanted.push_back("```");
    }
    if (found != wanted && !update_)
      fail("`" + marker + "` prints something else; `ctest -R book` says where, `book_test --update` rewrites it");
    const std::vector<std::string>& kept = update_ && good ? wanted : found;
    out.insert(out.end(), kept.begin(), kept.end());
    out.push_back(lines[end]);
    return end;
  }

  static std::string word_of(const std::string& info, const std::string& name) {
    const size_t at = info.find(" " + name + "=");
    if (at == info.npos) return "";
    const size_t begin = at + name.size() + 2;
    return info.substr(begin, info.find(' ', begin) - begin);
  }

  void block(const std::string& info, const std::string& code) {
    ++checked_;
    const std::string place = word_of(info, "in"), error = word_of(info, "error"), warning = word_of(info, "warning");
    const fs::path file = folder_ / "block.mtl";
    std::ofstream(file, std::ios::binary) << mtl::book::program_with(place.empty() ? "program" : place, code);
    const Outcome outcome = run("check '" + file.string() + "'");
    if ((outcome.code == 0) != error.empty()) fail("`mtlc check` ends with " + std::to_string(outcome.code));
    const std::string wanted = error.empty() ? warning : error;
    const bool seen = wanted.empty() || outcome.output.find("[" + wanted + "]") != std::string::npos;
    if (!seen) fail("no " + wanted + " is reported");
    if ((outcome.code == 0) != error.empty() || !seen) std::cout << outcome.output;
  }

  std::string mtlc_;
  bool update_;
  fs::path folder_, path_;
  std::map<std::string, std::string> commits_;  // what git shows of them
  size_t line_ = 0, failed_ = 0, checked_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string mtlc;
  bool update = false;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--update")
      update = true;
    else if (word == "--mtlc" && i + 1 < argc)
      mtlc = fs::absolute(argv[++i]);
    else
      files.push_back(fs::absolute(word));
  }
  if (mtlc.empty() || files.empty()) {
    std::cout << "usage: book_test --mtlc BIN [--update] FILE.md...\n";
    return 2;
  }
  ::setenv("MTLC_CPU", "x86-64", 0);  // so that what is printed does not depend on the machine
  Book book(mtlc, update);
  for (const fs::path& file : files) book.check(file);
  std::cout << book.checked() << " checked, " << book.failed() << " failed\n";
  return book.failed() == 0 ? 0 : 1;
}
