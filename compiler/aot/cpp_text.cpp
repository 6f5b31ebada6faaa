// The only ways in which foreign text enters a generated file: as a literal, or as a comment.
#include "compiler/aot/cpp_text.h"

#include <algorithm>
#include <cctype>

#include "support/base/check.h"

namespace mtl::aot {
namespace {

// A byte as escapes of a literal have it: three octal digits, which end by themselves (hexadecimal ones would not).
std::string octal(char c) {
  return fmt::format("\\{:03o}", static_cast<unsigned char>(c));
}

bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

// What literals and comments have in common: one line of printable ASCII, and no trigraph.
std::string escaped(char c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\\':
      return "\\\\";
    case '?':
      return "\\?";
    default:
      return is_printable(c) ? std::string(1, c) : octal(c);
  }
}

}  // namespace

CppText string_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\\\"" : escaped(c);
  return CppText::made(out + "\"");
}

// Nothing in it opens or closes a comment, and no backslash stands at its end, where it would continue the line.
CppText comment(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], before = out.empty() ? ' ' : out.back();
    const bool pairs = (c == '/' && before == '*') || (c == '*' && before == '/');
    const bool question = c == '?' && before != '?';  // a single one cannot begin a trigraph
    out += pairs ? std::string("\\") + c : question ? "?" : escaped(c);
  }
  if (out.ends_with('\\')) out.replace(out.size() - 2, 2, octal('\\'));
  return CppText::made(std::move(out));
}

CppText own_name(std::string_view text) {
  for (const char c : text)
    MTL_CHECK(
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_-+./ ").find(c) != std::string_view::npos,
        "a word of this program");
  return CppText::made(std::string(text));
}

CppText fill(const char* text, std::initializer_list<std::pair<std::string_view, CppText>> values) {
  std::string_view form = text;
  if (!form.empty() && form.front() == '\n') form.remove_prefix(1);
  std::string out;
  while (!form.empty()) {
    const size_t begin = form.find('@');
    out += form.substr(0, begin);
    if (begin == std::string_view::npos) break;
    form.remove_prefix(begin);
    const size_t end = form.find('@', 1);
    const std::string_view mark = end == std::string_view::npos ? std::string_view() : form.substr(1, end - 1);
    const auto value = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == mark; });
    if (value == values.end()) {
      out += '@';
      form.remove_prefix(1);
      continue;
    }
    out += value->second.str();
    form.remove_prefix(end + 1);
  }
  return CppText::made(std::move(out));
}

bool mentions(const CppText& code, std::string_view variable) {
  const std::string_view text = code.str();
  const auto inside = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = 0; (at = text.find(variable, at)) != std::string_view::npos; ++at) {
    const size_t end = at + variable.size();
    const bool whole = end == text.size() || !inside(text[end]);
    if (whole && (at == 0 || (!inside(text[at - 1]) && text[at - 1] != '.'))) return true;
  }
  return false;
}

CppText replaced(const CppText& text, const CppText& from, const CppText& to) {
  std::string out = text.str();
  for (size_t at = 0; (at = out.find(from.str(), at)) != std::string::npos; at += to.size())
    out.replace(at, from.size(), to.str());
  return CppText::made(std::move(out));
}

}  // namespace mtl::aot
