// Keeps the house in order: who may include whom, which folder may know which library, how long a file may be, that
// every folder has a README, and that nothing of one machine is in a file.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = MTLC_SOURCE_DIR;
constexpr size_t kLineLimit = 600;

// Folder -> folders whose headers it may include (its own is always allowed). Data flows the other way.
const std::map<std::string, std::set<std::string>> kWalls = {
    {"compiler/base", {}},
    {"compiler/diag", {"compiler/base"}},
    {"compiler/types", {"compiler/base"}},
    {"compiler/syntax", {"compiler/base", "compiler/diag"}},
    {"compiler/sema",
     {"compiler/base", "compiler/diag", "compiler/types", "compiler/syntax", "data/spec", "data/plan",
      "training/config", "runtime/optimizer"}},
    {"compiler/ir", {"compiler/base", "compiler/types", "compiler/ops", "runtime"}},
    {"compiler/ops", {"compiler/base", "compiler/types", "compiler/ir", "compiler/program", "runtime"}},
    {"compiler/elaborate",
     {"compiler/base", "compiler/diag", "compiler/types", "compiler/syntax", "compiler/sema", "compiler/ir",
      "compiler/ops", "data", "training/config", "runtime"}},
    {"compiler/passes", {"compiler/base", "compiler/types", "compiler/ir", "compiler/ops"}},
    {"compiler/program", {"compiler/base", "compiler/types", "compiler/ir", "compiler/ops", "runtime"}},
    {"compiler/codegen", {"compiler/base", "compiler/types", "compiler/program", "runtime"}},
    {"runtime", {}},
    {"data", {"compiler/base", "compiler/diag", "runtime", "model"}},
    {"model", {"compiler/base", "data"}},
    {"engine", {"compiler/base", "compiler/types", "compiler/program", "compiler/codegen", "data", "runtime"}},
};
// Library -> the only folders that may include it.
const std::vector<std::pair<std::regex, std::set<std::string>>> kLibraries = {
    {std::regex(R"(^antlr4|^Mtl(Lexer|Parser)\.h)"), {"compiler/syntax"}},
    {std::regex(R"(^llvm)"), {"compiler/codegen"}},
    {std::regex(R"(dnnl)"), {"runtime"}},
    {std::regex(R"(^CLI)"), {"compiler/driver"}},
};

struct Source {
  std::string path;    // relative to the root
  std::string folder;  // "compiler/ops", "runtime"
  std::vector<std::string> lines;
};

std::string folder_of(const std::string& path) {
  const size_t first = path.find('/');
  if (first == std::string::npos) return "";
  if (path.compare(0, first, "compiler") != 0) return path.substr(0, first);
  return path.substr(0, path.find('/', first + 1));
}

std::vector<Source> sources(const std::set<std::string>& extensions) {
  std::vector<Source> out;
  for (const char* top :
       {"compiler", "runtime", "data", "engine", "model", "training", "stdlib", "examples", "grammar", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (!entry.is_regular_file() || !extensions.count(entry.path().extension().string())) continue;
      Source s;
      s.path = fs::relative(entry.path(), kRoot).string();
      s.folder = folder_of(s.path);
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) s.lines.push_back(line);
      out.push_back(std::move(s));
    }
  }
  REQUIRE(out.size() > 50);
  return out;
}

const std::set<std::string> kCode = {".h", ".cpp", ".def", ".mtl", ".g4", ".cmake"};

}  // namespace

TEST_CASE("no file is longer than 600 lines") {
  for (const Source& s : sources({".h", ".cpp", ".mtl"})) {
    INFO(s.path);
    CHECK(s.lines.size() <= kLineLimit);
  }
}

TEST_CASE("folders include only what lies below them") {
  static const std::regex include(R"(^\s*#include\s+[<"]([^">]+)[">])");
  for (const Source& s : sources({".h", ".cpp"})) {
    const auto wall = kWalls.find(s.folder);
    for (const std::string& line : s.lines) {
      std::smatch m;
      if (!std::regex_search(line, m, include)) continue;
      const std::string target = m[1];
      INFO(s.path << " includes " << target);
      for (const auto& [library, homes] : kLibraries) {
        if (std::regex_search(target, library) && s.folder != "tests") CHECK(homes.count(s.folder) == 1);
      }
      const std::string folder = folder_of(target);
      if (wall == kWalls.end() || folder == s.folder || !fs::exists(kRoot / target)) continue;
      const bool allowed = std::any_of(wall->second.begin(), wall->second.end(), [&](const std::string& a) {
        return folder == a || target.compare(0, a.size() + 1, a + ".") == 0;
      });
      CHECK(allowed);
    }
  }
}

TEST_CASE("every folder of ours says what lives there") {
  for (const auto& [folder, below] : kWalls) {
    INFO(folder);
    CHECK(fs::exists(kRoot / folder / "README.md"));
  }
  for (const char* folder : {"compiler", "compiler/driver", "grammar", "stdlib", "examples", "tests", "training"}) {
    INFO(folder);
    CHECK(fs::exists(kRoot / folder / "README.md"));
  }
}

TEST_CASE("nothing of one machine is in a source") {
  static const std::regex machine(R"((^|[\s"'=(])/(work|home|root|farm)/)");
  for (const Source& s : sources(kCode)) {
    for (const std::string& line : s.lines) {
      INFO(s.path << ": " << line);
      CHECK_FALSE(std::regex_search(line, machine));
    }
  }
}
