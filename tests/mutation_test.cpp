// mutation_test ROOT [COUNT [SEED [KIND]]]: damages programs of the project as a slip of the hand would, and looks at
// what `check` says of them: whether the first error is where the damage is, and how many errors there are. COUNT
// programs are damaged (default 300); with KIND (`all`: any), each is shown whose first error is elsewhere
// or that has more than three.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"

namespace fs = std::filesystem;

namespace {

using namespace mtl;

// Bars: the share of first errors that are near, and the errors of a refused program. Of what is far nearly all is a
// use whose declaration was deleted or renamed, which nobody can see.
constexpr double kNear = 0.97, kErrors = 1.4;

using Random = std::mt19937_64;

size_t below(Random& random, size_t count) {
  return static_cast<size_t>(random() % count);
}

using Lines = std::vector<std::string>;

Lines split(const std::string& text) {
  Lines lines(1);
  for (const char c : text) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::string join(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

struct Piece {
  size_t begin = 0, size = 0;
};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Tokens, roughly: words and numbers, strings, other characters. Comments have none.
std::vector<Piece> pieces_of(const std::string& text) {
  std::vector<Piece> out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i++;
    if (text.compare(begin, 2, "//") == 0) {
      i = std::min(text.find('\n', begin), text.size());
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(text[begin])) != 0) continue;
    if (text[begin] == '"') {
      while (i < text.size() && text[i] != '"' && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
      i = std::min(i + 1, text.size());
    } else if (is_word(text[begin])) {
      while (i < text.size() && is_word(text[i])) ++i;
    }
    out.push_back({begin, i - begin});
  }
  return out;
}

// A damaged text and the line, from 1, where it is damaged.
struct Damaged {
  std::string text;
  size_t line = 0;
};

size_t line_at(const std::string& text, size_t at) {
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// A random piece that fits, with other text in its place.
std::optional<Damaged> replace_piece(const std::string& text, Random& random,
                                     const std::function<bool(const std::string&)>& fits,
                                     const std::function<std::string(const std::string&)>& other) {
  std::vector<Piece> pieces;
  for (const Piece& piece : pieces_of(text))
    if (fits(text.substr(piece.begin, piece.size))) pieces.push_back(piece);
  if (pieces.empty()) return std::nullopt;
  const Piece piece = pieces[below(random, pieces.size())];
  Damaged out{text, line_at(text, piece.begin)};
  out.text.replace(piece.begin, piece.size, other(text.substr(piece.begin, piece.size)));
  return out;
}

bool any(const std::string&) {
  return true;
}
bool is_bracket(const std::string& piece) {
  return piece.size() == 1 && std::string("()[]{}").find(piece) != std::string::npos;
}
bool is_number(const std::string& piece) {
  return std::isdigit(static_cast<unsigned char>(piece[0])) != 0;
}
bool is_long_word(const std::string& piece) {
  return piece.size() > 2 && is_word(piece[0]) && !is_number(piece);
}

std::string swapped_letters(std::string word, Random& random) {
  const size_t at = below(random, word.size() - 1);
  std::swap(word[at], word[at + 1]);
  return word;
}

std::string random_piece(const std::string& text, Random& random) {
  const std::vector<Piece> pieces = pieces_of(text);
  if (pieces.empty()) return "x";
  const Piece piece = pieces[below(random, pieces.size())];
  return text.substr(piece.begin, piece.size);
}

Damaged insert_at(const std::string& text, size_t at, const std::string& what) {
  Damaged out{text, line_at(text, at)};
  out.text.insert(at, what);
  return out;
}

std::optional<Damaged> damage_lines(const std::string& text, const std::string& kind, const std::string& other,
                                    Random& random) {
  Lines lines = split(text);
  if (lines.size() < 3) return std::nullopt;
  const size_t at = below(random, lines.size() - 1);
  const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
  if (kind == "line deleted") {
    lines.erase(place);
  } else if (kind == "line doubled") {
    lines.insert(place, std::string(*place));
  } else if (kind == "lines swapped") {
    std::swap(lines[at], lines[at + 1]);
  } else if (kind == "line split") {
    const std::string line = *place;
    if (line.size() < 2) return std::nullopt;
    const size_t column = 1 + below(random, line.size() - 1);
    lines[at] = line.substr(0, column);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at) + 1, line.substr(column));
  } else {
    const Lines others = split(other);
    lines.insert(place, others[below(random, others.size())]);
  }
  return Damaged{join(lines), at + 1};
}

const char* const kKinds[] = {"token deleted",
                              "token replaced",
                              "bracket removed",
                              "bracket changed",
                              "number replaced",
                              "letters swapped",
                              "bit flipped",
                              "junk",
                              "strange byte",
                              "line deleted",
                              "line doubled",
                              "lines swapped",
                              "line split",
                              "truncated",
                              "line of another program"};

std::optional<Damaged> damage(const std::string& text, const std::string& kind, const std::string& other,
                              Random& random) {
  if (text.size() < 4) return std::nullopt;
  if (kind == "token deleted") return replace_piece(text, random, any, [](const auto&) { return ""; });
  if (kind == "token replaced")
    return replace_piece(text, random, any, [&](const auto&) { return random_piece(text, random); });
  if (kind == "bracket removed") return replace_piece(text, random, is_bracket, [](const auto&) { return ""; });
  if (kind == "bracket changed")
    return replace_piece(text, random, is_bracket,
                         [&](const auto&) { return std::string(1, "()[]{}"[below(random, 6)]); });
  if (kind == "number replaced") {
    static const char* const numbers[] = {"0", "-1", "1e999", "99999999999999999999", "0.5", "3k"};
    return replace_piece(text, random, is_number,
                         [&](const auto&) { return numbers[below(random, std::size(numbers))]; });
  }
  if (kind == "letters swapped")
    return replace_piece(text, random, is_long_word, [&](const auto& word) { return swapped_letters(word, random); });
  const size_t at = below(random, text.size());
  if (kind == "bit flipped") {
    Damaged out{text, line_at(text, at)};
    out.text[at] = static_cast<char>(out.text[at] ^ (1 << below(random, 7)));
    return out;
  }
  if (kind == "junk") {
    static const char* const junk[] = {"$", ";", "=> ", "foo ", ")", "{", "\"", "|> ", "== ", "'"};
    return insert_at(text, at, junk[below(random, std::size(junk))]);
  }
  if (kind == "strange byte") {
    static const std::string strange[] = {std::string(1, '\0'), "\xff",         "\xe2\x80\x9c",
                                          "\xc2\xa0",           "\xe2\x80\xae", "\xc3"};
    return insert_at(text, at, strange[below(random, std::size(strange))]);
  }
  if (kind == "truncated") {
    const std::string cut = text.substr(0, at + 1);
    const size_t last = cut.find_last_not_of(" \t\r\n");
    return Damaged{cut, line_at(cut, last == std::string::npos ? 0 : last)};
  }
  return damage_lines(text, kind, other, random);
}

struct Said {
  size_t errors = 0, line = 0;  // of the first; 0: it has no place in the program
  bool shown = false;           // some label of some error is near the damage
  std::string message;
};

// What `mtlc check` says.
Said check(const std::string& text, size_t damaged) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const auto file = sema::check_text("main.mtl", text, sources, {}, emitter);
  if (file && file->model != nullptr && elaborate::describe(*file, emitter) && !emitter.has_errors()) {
    elaborate::ElaborateOptions options;
    options.training = true;
    const auto model = elaborate::elaborate(*file, options, emitter);
    if (model) elaborate::check_requirements(*file, *model, {}, emitter);
  }
  Said said;
  for (const diag::Diagnostic& d : emitter.sorted()) {
    if (d.kind->severity == diag::Severity::warning) continue;
    for (const diag::Label& label : d.labels) {
      const bool main = sources.file(label.range.file).path() == "main.mtl";
      const size_t line = main ? line_at(text, std::min<size_t>(label.range.begin, text.size())) : 0;
      if (said.errors == 0 && label.primary && said.line == 0) said.line = line;
      said.shown = said.shown || (line + 1 >= damaged && line <= damaged + 1);
    }
    size_t line = 0;
    for (const diag::Label& label : d.labels)
      if (label.primary && line == 0) line = line_at(text, std::min<size_t>(label.range.begin, text.size()));
    said.message += "  line " + std::to_string(line) + ": " + d.kind->code + ": " + d.message + "\n";
    ++said.errors;
  }
  return said;
}

// The programs below a folder that are legal as they are: whole files, or the first part of tests (`--- main.mtl`).
std::vector<std::string> programs_of(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const char* folder : {"examples", "stdlib", "tests"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".mtl") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> programs;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const std::string marker = "--- main.mtl\n";
    if (const size_t begin = text.find(marker); begin != std::string::npos) {
      text.erase(0, begin + marker.size());
      const size_t end = text.rfind("\n--- ", text.find("\n--- "));
      if (end != std::string::npos) text.resize(end + 1);
    }
    if (std::count(text.begin(), text.end(), '\n') >= 10 && check(text, 0).errors == 0) programs.push_back(text);
  }
  return programs;
}

struct Tally {
  size_t tried = 0, refused = 0, near = 0, shown = 0, errors = 0;
};

void print(const std::string& name, const Tally& t) {
  const double refused = static_cast<double>(std::max<size_t>(t.refused, 1));
  std::printf("%-24s %6zu %8zu %8.3f %8.3f %8.2f\n", name.c_str(), t.tried, t.refused,
              static_cast<double>(t.near) / refused, static_cast<double>(t.shown) / refused,
              static_cast<double>(t.errors) / refused);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: mutation_test ROOT [COUNT [SEED [KIND]]]\n");
    return 2;
  }
  const size_t count = argc > 2 ? std::stoul(argv[2]) : 300;
  Random random(argc > 3 ? std::stoul(argv[3]) : 1);
  const std::string shown = argc > 4 ? argv[4] : "";
  const std::vector<std::string> programs = programs_of(argv[1]);
  if (programs.size() < 20) {
    std::fprintf(stderr, "there are only %zu legal programs below %s\n", programs.size(), argv[1]);
    return 1;
  }
  std::map<std::string, Tally> tallies;
  Tally all;
  size_t placeless = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string kind = kKinds[i % std::size(kKinds)];
    const std::string& program = programs[below(random, programs.size())];
    const std::string& other = programs[below(random, programs.size())];
    const auto damaged = damage(program, kind, other, random);
    if (!damaged || damaged->text == program) continue;
    const Said said = check(damaged->text, damaged->line);
    const bool near = said.line + 1 >= damaged->line && said.line <= damaged->line + 1;
    for (Tally* t : {&tallies[kind], &all}) {
      ++t->tried;
      t->refused += said.errors > 0;
      t->near += said.errors > 0 && near;
      t->shown += said.errors > 0 && said.shown;
      t->errors += said.errors;
    }
    placeless += said.errors > 0 && said.line == 0;
    if ((kind == shown || shown == "all") && said.errors > 0 && (!near || said.errors > 3)) {
      std::printf("\n==== line %zu is damaged; %zu errors\n%s", damaged->line, said.errors, said.message.c_str());
      const Lines lines = split(damaged->text);
      const size_t from = std::min(damaged->line, std::max<size_t>(said.line, 1)),
                   to = std::max(damaged->line, said.line);
      for (size_t k = from > 2 ? from - 2 : 1; k <= std::min(lines.size(), to + 1) && k < from + 25; ++k)
        std::printf("%4zu %s\n", k, lines[k - 1].c_str());
    }
  }
  std::printf("%-24s %6s %8s %8s %8s %8s\n", "", "tried", "refused", "near", "shown", "errors");
  for (const auto& [kind, tally] : tallies) print(kind, tally);
  print("all", all);
  const double refused = static_cast<double>(all.refused), near = static_cast<double>(all.near) / refused,
               errors = static_cast<double>(all.errors) / refused;
  std::printf("%zu programs; %zu first errors have no place\n", programs.size(), placeless);
  if (near >= kNear && errors <= kErrors) return 0;
  std::printf("below the bars: near %.3f of at least %.3f, %.2f errors of at most %.2f\n", near, kNear, errors,
              kErrors);
  return 1;
}
