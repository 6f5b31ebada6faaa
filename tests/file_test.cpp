// Runner of the text tests in tests/lang: one .mtl file is one test, its expectations are comments in it.
//
//   // PARSE                 parse the file in this process and print what is reported
//   // ARGS: check %s        run mtlc so; %s is the file, %d the temporary folder; several lines run in turn
//   // CHECK: text           occurs in the output, after the one before
//   // CHECK-NOT: text       occurs nowhere in the output
//   // AUTOUPDATE            the CHECK lines are the whole output, rewritten by --update
//   --- name                 what follows is a file of that name in a temporary folder; %s is then the first of them
//
// A file called fail_* has to end with code 1, one called usage_* with 2, any other with 0. See tests/README.md.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/syntax/parse.h"
#include "compiler/syntax/print_ast.h"
#include "support/base/text.h"
#include "support/diag/emitter.h"
#include "tests/process.h"

namespace fs = std::filesystem;

namespace mtl {
namespace {

struct Part {
  std::string name, text;
};

struct TestFile {
  fs::path path;
  std::string text;
  bool parse = false, autoupdate = false;
  std::vector<std::string> commands, checks, forbidden;
  std::vector<Part> parts;
  int exit_code() const {
    const std::string name = path.filename().string();
    return name.starts_with("fail_") ? 1 : name.starts_with("usage_") ? 2 : 0;
  }
};

using mtl::test::Outcome;
using mtl::test::read_file;

struct Options {
  std::string mtlc;
  bool update = false;
  std::vector<fs::path> files;
};

void write_file(const fs::path& path, const std::string& text) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The text behind `// WORD:` (or behind `// WORD`), nothing where the line is something else.
std::optional<std::string> directive(std::string_view line, std::string_view word) {
  line = trim(line);
  if (!line.starts_with("//")) return std::nullopt;
  line = trim(line.substr(2));
  if (!line.starts_with(word)) return std::nullopt;
  line.remove_prefix(word.size());
  if (line.empty()) return std::string();
  if (line.front() != ':') return std::nullopt;
  return std::string(trim(line.substr(1)));
}

bool is_check(std::string_view line) {
  return directive(line, "CHECK") || directive(line, "CHECK-NOT");
}

TestFile read_test(const fs::path& path) {
  TestFile test;
  test.path = path;
  test.text = read_file(path);
  for (const std::string& line : split(test.text, "\n")) {
    if (line.starts_with("--- ")) {
      test.parts.push_back({std::string(trim(std::string_view(line).substr(4))), {}});
      continue;
    }
    if (const auto text = directive(line, "CHECK")) test.checks.push_back(*text);
    if (const auto text = directive(line, "CHECK-NOT")) test.forbidden.push_back(*text);
    if (const auto text = directive(line, "ARGS")) test.commands.push_back(*text);
    if (directive(line, "PARSE")) test.parse = true;
    if (directive(line, "AUTOUPDATE")) test.autoupdate = true;
    if (!test.parts.empty() && !is_check(line)) test.parts.back().text += line + "\n";
  }
  return test;
}

// A folder for the parts of a test, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = fs::temp_directory_path() / ("mtl_file_test_" + std::to_string(getpid()) + "_" + std::to_string(count++));
    fs::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t i = 0; (i = text.find(from, i)) != std::string::npos; i += to.size()) text.replace(i, from.size(), to);
}

Outcome parse_in_process(const std::string& name, const std::string& text) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const syntax::File tree = syntax::parse(sources.add(name, text), emitter);
  Outcome out;
  const std::vector<diag::Diagnostic> reports = emitter.sorted();
  for (const diag::Diagnostic& report : reports) out.output += diag::render(report, sources, false);
  const size_t errors = emitter.error_count();
  out.output +=
      count_of(errors, "error") + ", " + count_of(reports.size() - std::min(errors, reports.size()), "warning") + "\n";
  out.code = emitter.has_errors() ? 1 : 0;
  if (out.code != 0) return out;
  // What was parsed has to survive printing.
  const std::string printed = syntax::print(tree);
  const syntax::File again = syntax::parse(sources.add("printed", printed), emitter);
  if (emitter.has_errors() || syntax::print(again) != printed) {
    out.output += "the printed tree does not parse to the same tree:\n" + printed;
    out.code = 3;
  }
  return out;
}

Outcome run_mtlc(const Options& options, const std::string& arguments) {
  return mtl::test::run_command("'" + options.mtlc + "' " + arguments + " 2>&1 </dev/null");
}

Outcome run(const TestFile& test, const Options& options) {
  const TemporaryFolder folder;
  fs::path main = test.path;
  for (const Part& part : test.parts) write_file(folder.path() / part.name, part.text);
  if (!test.parts.empty()) main = folder.path() / test.parts[0].name;
  if (test.parse)
    return parse_in_process(main.filename().string(), test.parts.empty() ? test.text : test.parts[0].text);
  Outcome all;
  for (std::string arguments : test.commands) {
    replace_all(arguments, "%s", "'" + main.string() + "'");
    replace_all(arguments, "%d", "'" + folder.path().string() + "'");
    const Outcome one = run_mtlc(options, arguments);
    all.output += one.output;
    if (one.code != 0) {
      all.code = one.code;
      break;
    }
  }
  replace_all(all.output, folder.path().string() + "/", "");
  if (test.path.has_parent_path()) replace_all(all.output, test.path.parent_path().string() + "/", "");
  return all;
}

// The first expectation that the output does not meet, or nothing.
std::string find_mismatch(const TestFile& test, const Outcome& outcome) {
  const int expected = test.exit_code();
  if (outcome.code != expected) {
    return "ended with code " + std::to_string(outcome.code) + ", expected " + std::to_string(expected);
  }
  size_t at = 0;
  for (const std::string& check : test.checks) {
    const size_t found = outcome.output.find(check, at);
    if (found == std::string::npos) return "not in the output, or not in this order: " + check;
    at = found + check.size();
  }
  for (const std::string& text : test.forbidden) {
    if (outcome.output.find(text) != std::string::npos) return "should not be in the output: " + text;
  }
  return {};
}

// CHECK lines go to the end of the file, or before its first part, where they move no line of the program.
void update(const TestFile& test, const Outcome& outcome) {
  std::string checks;
  for (const std::string& line : split(outcome.output, "\n")) {
    if (!trim(line).empty()) checks += "// CHECK: " + std::string(trim(line)) + "\n";
  }
  std::string text;
  bool placed = false;
  std::vector<std::string> lines = split(test.text, "\n");
  while (!lines.empty() && (lines.back().empty() || directive(lines.back(), "CHECK"))) lines.pop_back();
  for (const std::string& line : lines) {
    if (directive(line, "CHECK")) continue;
    if (line.starts_with("--- ") && !placed) {
      text += checks;
      placed = true;
    }
    text += line + "\n";
  }
  if (!placed) text += checks;
  if (text != test.text) {
    write_file(test.path, text);
    std::cout << "updated " << test.path.string() << "\n";
  }
}

bool run_one(const fs::path& path, const Options& options) {
  TestFile test = read_test(path);
  if (test.parse == !test.commands.empty()) {
    std::cout << path.string() << ": needs `// PARSE` or `// ARGS:`\n";
    return false;
  }
  if (!test.parse && options.mtlc.empty()) {
    std::cout << path.string() << ": needs --mtlc PATH, or MTLC in the environment\n";
    return false;
  }
  const Outcome outcome = run(test, options);
  if (options.update && test.autoupdate) {
    update(test, outcome);
    test = read_test(path);
  }
  const std::string mismatch = find_mismatch(test, outcome);
  if (mismatch.empty()) return true;
  std::cout << path.string() << ": " << mismatch << "\n---- output\n" << outcome.output << "----\n";
  return false;
}

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  if (const char* mtlc = std::getenv("MTLC")) options.mtlc = mtlc;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--update") {
      options.update = true;
    } else if (word == "--mtlc" && i + 1 < argc) {
      options.mtlc = argv[++i];
    } else if (word.starts_with("--")) {
      return std::nullopt;
    } else if (fs::is_directory(word)) {
      for (const auto& entry : fs::recursive_directory_iterator(word)) {
        if (entry.path().extension() == ".mtl") options.files.push_back(entry.path());
      }
    } else {
      options.files.emplace_back(word);
    }
  }
  if (options.files.empty()) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace mtl

int main(int argc, char** argv) {
  const std::optional<mtl::Options> options = mtl::read_options(argc, argv);
  if (!options) {
    std::cout << "usage: file_test [--mtlc PATH] [--update] FILE-OR-FOLDER...\n";
    return 2;
  }
  size_t failed = 0;
  for (const fs::path& path : options->files) failed += mtl::run_one(path, *options) ? 0 : 1;
  std::cout << mtl::count_of(options->files.size(), "test") << ", " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}
