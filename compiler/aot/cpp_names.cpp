// Makes identifiers of C++ from names of a .mtl file, and keeps them apart.
#include "compiler/aot/cpp_names.h"

#include <cctype>

namespace mtl::aot {
namespace {

const std::set<std::string>& keywords() {
  static const std::set<std::string> words{
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
      "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
      "consteval", "constexpr", "constinit", "const_cast", "continue", "decltype", "default", "delete", "do", "double",
      "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
      "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or",
      "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires", "return", "short",
      "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
      "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual",
      "void", "volatile", "wchar_t", "while", "xor", "xor_eq", "linux", "unix",
      // macros of the C library that a model may well use as a name
      "NULL", "EOF", "INFINITY", "NAN", "assert", "errno", "stdin", "stdout", "stderr", "TRUE", "FALSE", "BIG_ENDIAN",
      "LITTLE_ENDIAN", "DOMAIN", "OVERFLOW", "UNDERFLOW", "std", "runtime", "main", "EDOM", "ERANGE", "I"};
  return words;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

CppText identifier(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_letter_or_digit(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  if (out.empty()) out = "value";
  if (std::isdigit(static_cast<unsigned char>(out[0]))) out = "n" + out;
  if (keywords().count(out)) out += '_';
  return CppText::made(std::move(out));
}

CppText camel_case(std::string_view text) {
  std::string out;
  bool start = true;
  const CppText words = identifier(text);
  for (const char c : words.str()) {
    if (c == '_') {
      start = true;
    } else {
      out += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      start = false;
    }
  }
  return CppText::made(std::move(out));
}

CppText Scope::add(const CppText& wanted) {
  CppText name = wanted;
  for (int i = 2; !taken_.insert(name).second; ++i) name = code("{}_{}", wanted, i);
  return name;
}

}  // namespace mtl::aot
