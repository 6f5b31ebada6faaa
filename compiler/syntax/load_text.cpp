// Decodes a source file, and says what a file that is none seems to be.
#include "compiler/syntax/load_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <vector>

#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

constexpr size_t kMaxBytes = size_t{4} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_utf16(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
}

// A safetensors file begins with the size of its header, in 8 bytes, and the header, an object of JSON.
bool is_safetensors(std::string_view text) {
  return text.size() > 8 && text.substr(4, 5) == std::string_view("\0\0\0\0{", 5);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// `data news {`, `module f(`, `use std.text`, `const n =`
bool declares(std::string_view line) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  const auto take = [&](auto&& test) {
    const auto end = std::find_if_not(line.begin(), line.end(), test);
    const auto taken = line.substr(0, static_cast<size_t>(end - line.begin()));
    line.remove_prefix(taken.size());
    return taken;
  };
  const std::string_view word = take(is_letter);
  if (take([](char c) { return c == ' '; }).empty()) return false;
  if (word == "use") return line.starts_with("std.") || line.starts_with('"');
  if (take(is_letter).empty()) return false;
  take([](char c) { return c == ' '; });
  const char sign = line.empty() ? '\0' : line.front();
  if (is_one_of(word, {"data", "model", "vocab", "sweep"})) return sign == '{' || sign == '[' || sign == '\0';
  if (is_one_of(word, {"module", "function", "criterion", "balancer"})) return sign == '(';
  return word == "const" && sign == '=';
}

// JSON, of one line or of many.
bool is_json(const std::vector<std::string_view>& lines) {
  const char first = lines[0].front();
  if (first != '{' && first != '[') return false;
  return lines[0].find('"') != lines[0].npos || (lines.size() > 1 && lines[1].find('"') != lines[1].npos);
}

// Of a file in which nothing is declared: what its first lines look like; empty if that is not clear.
std::string_view kind_of_data(std::string_view text) {
  constexpr size_t kLines = 8;
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (declares(line)) return {};
    const bool comment = line.starts_with("# ") || line.starts_with("//");
    if (lines.size() < kLines && line.find_first_not_of(" \t\r") != line.npos && !comment) lines.push_back(line);
  }
  if (lines.empty()) return {};
  if (is_json(lines)) return "JSON";
  if (lines.size() < 2) return {};
  for (const auto& [separator, kind] :
       {std::pair('\t', "a table, with tabs"), {',', "a table, with commas"}, {';', "a table, with semicolons"}}) {
    const auto separated = [at = separator](std::string_view line) { return line.find(at) != line.npos; };
    if (std::all_of(lines.begin(), lines.end(), separated)) return kind;
  }
  const auto blanks = [](std::string_view line) { return std::count(line.begin(), line.end(), ' '); };
  const bool columns = std::all_of(lines.begin(), lines.end(), [&](std::string_view line) {
    return blanks(line) > 0 && blanks(line) == blanks(lines[0]) && line.find(" = ") == line.npos;
  });
  return columns ? "words in columns" : "";
}

// Decodes one code point of valid UTF-8 and moves `i` behind it.
char32_t next_point(std::string_view text, size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  char32_t point = lead & (0x3Fu >> more);
  for (int k = 0; k < more; ++k) point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
  return point;
}

LoadedText decode(std::string_view text) {
  LoadedText out;
  out.points.reserve(text.size());
  out.offsets.reserve(text.size() + 1);
  size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (i < text.size()) {
    const auto offset = static_cast<uint32_t>(i);
    char32_t point = next_point(text, i);
    if (point == '\r') {
      if (i < text.size() && text[i] == '\n') ++i;
      point = '\n';
    }
    out.points.push_back(point);
    out.offsets.push_back(offset);
  }
  out.offsets.push_back(static_cast<uint32_t>(text.size()));
  return out;
}

}  // namespace

// True after a report.
bool is_data(FileId file, diag::Emitter& emitter) {
  const SourceFile& source = emitter.sources()->file(file);
  const std::string_view kind = kind_of_data(source.text());
  if (kind.empty()) return false;
  const std::string name = source.path();
  emitter.report(diag::NoProgram, name, "it looks like " + std::string(kind))
      .help(kind == "JSON" ? "a program has blocks, `model NAME { ... }`, and in them `name = value`"
                           : "a program says where its data are: `data NAME { train = \"" + name + "\" ... }`");
  return true;
}

std::optional<LoadedText> load_text(FileId file, diag::Emitter& emitter) {
  const std::string& text = emitter.sources()->file(file).text();
  const auto byte_at = [&](size_t i) {
    return SourceRange{file, static_cast<uint32_t>(i), static_cast<uint32_t>(i + 1)};
  };
  if (is_safetensors(text)) {
    emitter.report(diag::SourceIsModel, emitter.sources()->file(file).path())
        .help("`mtlc predict`, `eval` and `emit cpp|object` take a model file; the other commands take a .mtl file");
    return std::nullopt;
  }
  if (is_data(file, emitter)) return std::nullopt;
  if (text.size() > kMaxBytes) {
    emitter.report(diag::SourceTooLarge, text.size()).at({file, 0, 0});
    return std::nullopt;
  }
  if (is_utf16(text)) {
    emitter.report(diag::SourceUtf16).at({file, 0, 0});
    return std::nullopt;
  }
  const size_t bad = find_invalid_utf8(text);
  const size_t nul = text.find('\0');
  if (nul < bad) {
    emitter.report(diag::SourceNul).at(byte_at(nul));
    return std::nullopt;
  }
  if (bad != std::string::npos) {
    emitter.report(diag::SourceInvalidUtf8, fmt::format("0x{:02X}", static_cast<unsigned char>(text[bad])))
        .at(byte_at(bad));
    return std::nullopt;
  }
  return decode(text);
}

}  // namespace mtl::syntax
