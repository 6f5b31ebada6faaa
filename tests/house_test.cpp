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

// Floors of one folder, from the lowest: each includes itself and those in front of it.
const std::vector<std::vector<std::string>> kFloors = {{"compiler/elaborate/values", "compiler/elaborate/tensors",
                                                        "compiler/elaborate/bodies", "compiler/elaborate/tasks"}};

// The tables of compiler/README.md: of each folder what it may include, of each library the folder that may include it.
struct Walls {
  std::map<std::string, std::vector<std::string>> folders;
  std::map<std::string, std::string> libraries;  // the beginning of a header's name -> folder
};

std::vector<std::string> words_between(const std::string& text, const std::string& separators) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (separators.find(c) == std::string::npos) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

Walls read_walls() {
  Walls walls;
  std::ifstream in(kRoot / "compiler/README.md");
  std::string table;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] != '|') {
      table.clear();
      continue;
    }
    const size_t bar = line.find('|', 1);
    if (table.empty()) table = line.substr(0, bar);
    if (bar == std::string::npos || line[2] == '-' || line.substr(0, bar) == table) continue;
    const std::vector<std::string> first = words_between(line.substr(1, bar - 1), " ,");
    const std::vector<std::string> second = words_between(line.substr(bar + 1), " ,|");
    if (table == "| folder ") walls.folders[first.at(0)] = second;
    if (table == "| library ") {
      for (const std::string& library : first) walls.libraries[library] = second.at(0);
    }
  }
  return walls;
}

const Walls& walls() {
  static const Walls kWalls = read_walls();
  return kWalls;
}

struct Source {
  std::string path;    // relative to the root
  std::string folder;  // "compiler/ops", "runtime"
  std::vector<std::string> lines;
};

std::string folder_of(const std::string& path) {
  const size_t first = path.find('/');
  if (first == std::string::npos) return "";
  static const std::set<std::string> kHouses = {"compiler", "runtime", "support"};
  if (kHouses.count(path.substr(0, first)) == 0) return path.substr(0, first);
  return path.substr(0, path.find('/', first + 1));
}

std::vector<Source> sources(const std::set<std::string>& extensions) {
  std::vector<Source> out;
  for (const char* top : {"compiler", "runtime", "support", "stdlib", "examples", "grammar", "tests"}) {
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

TEST_CASE("every file opens with its purpose") {
  for (const Source& s : sources({".h", ".cpp"})) {
    INFO(s.path);
    REQUIRE_FALSE(s.lines.empty());
    CHECK(s.lines[0].rfind("// ", 0) == 0);
  }
}

TEST_CASE("every path that a comment names exists") {
  static const std::regex path(R"((^|[\s`(,])((?:compiler|runtime|support|stdlib|examples|tests|cmake)(?:/[\w.-]+)+))");
  size_t seen = 0;
  for (const Source& s : sources({".h", ".cpp", ".def", ".cmake", ".mtl", ".txt", ".sh", ".md"})) {
    const bool prose = s.path.ends_with(".md");
    for (const std::string& line : s.lines) {
      const size_t comment = prose ? 0 : std::min(line.find("// "), line.find("# "));
      if (comment == std::string::npos) continue;
      const std::string text = line.substr(comment);
      for (std::sregex_iterator it(text.begin(), text.end(), path), end; it != end; ++it) {
        std::string named = (*it)[2];
        while (named.ends_with('.') || named.ends_with('-')) named.pop_back();
        const fs::path found = kRoot / named;
        INFO(s.path << " names " << named);
        // A pair of header and source, "training/steps.{h,cpp}", is named by its stem.
        CHECK((fs::exists(found) || fs::exists(found.string() + ".h") || fs::exists(found.string() + ".cpp")));
        ++seen;
      }
    }
  }
  CHECK(seen > 100);
}

namespace {

struct Block {
  std::string name;
  size_t begin = 0, end = 0;  // lines of its `{` and `}`
};

// Blocks that a line of this form opens; the sources are formatted, so a block ends with `}` below its beginning.
std::vector<Block> blocks_of(const Source& s, const std::regex& form) {
  std::vector<Block> out;
  for (size_t i = 0; i < s.lines.size(); ++i) {
    std::smatch m;
    if (!std::regex_match(s.lines[i], m, form)) continue;
    const std::string end = m[1].str() + "}";
    size_t j = i + 1;
    while (j < s.lines.size() && s.lines[j].compare(0, end.size(), end) != 0) ++j;
    out.push_back({m[2], i, j});
  }
  return out;
}

bool is_ours(const Source& s) {
  return s.folder != "tests" && s.folder != "examples";
}

}  // namespace

TEST_CASE("no function is longer than 60 lines without a reason") {
  // Texts of generated files, and one case for each entry of an enum.
  static const std::map<std::string, size_t> kLonger = {
      {"c_source_text", 73}, {"apply_text", 72}, {"header_text", 71}, {"parse", 69},         {"take_examples", 67},
      {"answer_fields", 67}, {"hot_ranges", 66}, {"concat", 65},      {"answer_struct", 62}, {"name", 61}};
  static const std::regex function(
      R"(^( {0,4})(?=\S)(?!(?:namespace|class|struct|enum|union|extern|if|for|while|switch|else|do|case|try|return)\b|:))"
      R"((?:[^()=\[\]]* [*&]?(?:\w+::)*)(~?\w+)\([^\[]*\{$)");
  static const std::regex table(R"(static const.*(\[\] = |\{)\{?$)");
  size_t seen = 0;
  for (const Source& s : sources({".h", ".cpp"})) {
    if (!is_ours(s)) continue;
    for (const Block& block : blocks_of(s, function)) {
      const auto first = s.lines.begin() + static_cast<int64_t>(block.begin);
      const auto last = s.lines.begin() + static_cast<int64_t>(block.end);
      if (std::any_of(first, last, [&](const std::string& line) { return std::regex_search(line, table); })) continue;
      const auto reason = kLonger.find(block.name);
      INFO(s.path << ":" << block.begin + 1 << " " << block.name);
      CHECK(block.end - block.begin + 1 <= (reason == kLonger.end() ? 60 : reason->second));
      ++seen;
    }
  }
  CHECK(seen > 2000);
}

TEST_CASE("no class grows beyond 25 functions or 12 fields") {
  // Those that are larger, with what they have: they may shrink.
  static const std::map<std::string, std::pair<size_t, size_t>> kLarger = {
      {"BodyChecker", {59, 12}}, {"Column", {52, 13}},       {"ConllReader", {25, 14}}, {"CppProgram", {36, 12}},
      {"Emitter", {79, 18}},     {"KernelWriter", {33, 12}}, {"Pool", {25, 15}},        {"Printer", {33, 12}},
      {"Recorder", {33, 12}},    {"RowBuilder", {25, 16}},   {"Run", {37, 28}},         {"Stager", {38, 15}},
      {"TokenPass", {87, 21}},   {"TreeBuilder", {80, 12}}};
  static const std::regex form(R"(^( *)(?:class|struct) (\w+)[^;]*\{$)");
  for (const Source& s : sources({".h", ".cpp"})) {
    if (!is_ours(s)) continue;
    for (const Block& block : blocks_of(s, form)) {
      const std::string indent = s.lines[block.begin].substr(0, s.lines[block.begin].find_first_not_of(' ')) + "  ";
      size_t functions = 0, fields = 0;
      bool plain = s.lines[block.begin].find("struct") != std::string::npos;
      for (size_t i = block.begin + 1; i < block.end; ++i) {
        const std::string& line = s.lines[i];
        if (line.compare(0, indent.size(), indent) != 0 || line[indent.size()] == ' ' || line[indent.size()] == '/')
          continue;
        const std::string text = line.substr(indent.size());
        static const std::regex other(
            R"(^(using|friend|return|static_assert|template|enum|struct|class|public|private|\}|#).*)");
        if (std::regex_match(text, other)) continue;
        if (text.find('(') != std::string::npos && text.find(" = ") == std::string::npos)
          ++functions;
        else if (text.ends_with(';') || text.find(";  //") != std::string::npos)
          ++fields;
      }
      const auto known = kLarger.find(block.name);
      INFO(s.path << ": " << block.name << " has " << functions << " functions, " << fields << " fields");
      CHECK(functions <= (known == kLarger.end() ? 25 : known->second.first));
      // Plain data may have as many fields as it describes.
      if (!plain || functions > 2) CHECK(fields <= (known == kLarger.end() ? 12 : known->second.second));
    }
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

TEST_CASE("folders include only what the table of the map allows") {
  static const std::regex include(R"(^\s*#include\s+[<"]([^">]+)[">])");
  CHECK(walls().folders.size() > 20);
  CHECK(walls().libraries.size() > 3);
  for (const Source& s : sources({".h", ".cpp"})) {
    if (s.folder == "tests" || s.folder == "examples") continue;
    INFO(s.path);
    REQUIRE(walls().folders.count(s.folder) == 1);
    const std::vector<std::string>& allowed = walls().folders.at(s.folder);
    for (const std::string& line : s.lines) {
      std::smatch m;
      if (!std::regex_search(line, m, include)) continue;
      const std::string target = m[1];
      INFO(s.path << " includes " << target);
      for (const auto& [library, home] : walls().libraries) {
        if (target.rfind(library, 0) == 0) CHECK(s.folder == home);
      }
      if (folder_of(target) == s.folder || !fs::exists(kRoot / target)) continue;
      CHECK(std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) {
        return target == a || target.compare(0, a.size() + 1, a + "/") == 0;
      }));
    }
  }
}

TEST_CASE("every folder of ours says what lives there and is a target of its own") {
  for (const auto& [folder, below] : walls().folders) {
    INFO(folder);
    CHECK(fs::exists(kRoot / folder / "README.md"));
    if (folder != "compiler/ops") CHECK(fs::exists(kRoot / folder / "CMakeLists.txt"));  // built with ir: one cycle
  }
  for (const char* folder : {"compiler", "runtime", "support", "grammar", "stdlib", "examples", "tests"}) {
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
    if (s.folder != "support/diag" || !s.path.ends_with(".def")) continue;
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
