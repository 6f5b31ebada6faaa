// Keeps the house in order: who may include whom, which folder may know which library, how long a file may be, that
// every folder has a README, that nothing of one machine is in a file, and that every diagnostic has a test.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
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
    {"model", {"compiler/base", "data", "runtime/deploy/weights_file"}},
    {"compiler/aot",
     {"compiler/base", "compiler/diag", "compiler/types", "compiler/ir", "compiler/program", "compiler/passes",
      "compiler/codegen/object", "compiler/elaborate", "data", "model", "training", "runtime"}},
    {"engine", {"compiler/base", "compiler/types", "compiler/program", "compiler/codegen", "data", "runtime"}},
};
// Floors of one folder, from the lowest: each includes itself and those in front of it.
const std::vector<std::vector<std::string>> kFloors = {{"compiler/elaborate/values", "compiler/elaborate/tensors",
                                                        "compiler/elaborate/bodies", "compiler/elaborate/tasks"}};
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

// Diagnostics that no test can reach.
const std::set<std::string> kOutOfReach = {
    "E0529",  // more rows than a test can write
    "E0709",  // a guard of training: sema refuses every weight that is not above 0
};

// The words of the tests: of the text tests and of the C++, this file left out.
std::set<std::string> words_of_tests() {
  std::set<std::string> words;
  for (const Source& s : sources({".mtl", ".cpp", ".sh"})) {
    if (s.folder != "tests" || s.path == "tests/house_test.cpp") continue;
    for (const std::string& line : s.lines) {
      std::string word;
      for (const char c : line + " ") {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
          word += c;
        } else if (!word.empty()) {
          words.insert(std::move(word));
          word.clear();
        }
      }
    }
  }
  return words;
}

}  // namespace

TEST_CASE("no file is longer than 600 lines") {
  for (const Source& s : sources({".h", ".cpp", ".mtl"})) {
    INFO(s.path);
    CHECK(s.lines.size() <= kLineLimit);
  }
}

TEST_CASE("floors include only what lies below them") {
  static const std::regex include(R"re(^\s*#include\s+"([^"]+)")re");
  const auto floor_of = [](const std::vector<std::string>& floors, const std::string& path) {
    const auto found = std::find_if(floors.begin(), floors.end(),
                                    [&](const std::string& floor) { return path.rfind(floor + "/", 0) == 0; });
    return found == floors.end() ? -1 : static_cast<int>(found - floors.begin());
  };
  size_t seen = 0;
  for (const Source& s : sources({".h", ".cpp"})) {
    for (const auto& floors : kFloors) {
      const int mine = floor_of(floors, s.path);
      if (mine < 0) continue;
      for (const std::string& line : s.lines) {
        std::smatch m;
        if (!std::regex_search(line, m, include)) continue;
        INFO(s.path << " includes " << m[1]);
        CHECK(floor_of(floors, m[1]) <= mine);
        ++seen;
      }
    }
  }
  CHECK(seen > 100);
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

TEST_CASE("every diagnostic has a test that names it, by its code or by its constant") {
  static const std::regex entry(R"re(^MTL_DIAG\((\w+), "([EW]\d{4})")re");
  const std::set<std::string> words = words_of_tests();
  std::set<std::string> untested, codes;
  for (const Source& s : sources(kCode)) {
    if (s.folder != "compiler/diag" || !s.path.ends_with(".def")) continue;
    for (const std::string& line : s.lines) {
      std::smatch m;
      if (!std::regex_search(line, m, entry)) continue;
      codes.insert(m[2]);
      const bool tested = words.count(m[1]) + words.count(m[2]) > 0;
      if (!tested && kOutOfReach.count(m[2]) == 0) untested.insert(m[2].str() + " " + m[1].str());
    }
  }
  REQUIRE(codes.size() > 200);
  CHECK(untested == std::set<std::string>{});
  for (const std::string& code : kOutOfReach) {
    INFO(code << " is said to be out of reach");
    CHECK(codes.count(code) == 1);
    CHECK(words.count(code) == 0);
  }
}
