// Text of generated files: C++, C, CMake, Markdown.
//
// What a model file says is data; in these files it must be nothing else. So they are written as CppText, which is made
// of literals of this program, of numbers and of other CppText. A std::string does not become one, which is an error
// when the compiler is built; what it holds gets in by string_literal(), comment() or identifier() (cpp_names.h), which
// leave nothing that could end a literal, a comment or a line.
#pragma once
#include <fmt/format.h>

#include <compare>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mtl::aot {

class CppText {
 public:
  CppText() = default;
  CppText(const char* text) : text_(text) {}  // NOLINT: of this program
  CppText(size_t count, char c) : text_(count, c) {}
  CppText(const std::string&) = delete;
  CppText(std::string_view) = delete;

  const std::string& str() const& { return text_; }
  std::string str() && { return std::move(text_); }
  bool empty() const { return text_.empty(); }
  size_t size() const { return text_.size(); }
  char back() const { return text_.back(); }
  char operator[](size_t i) const { return text_[i]; }
  bool starts_with(const char* what) const { return text_.starts_with(what); }
  bool contains(const char* what) const { return text_.find(what) != std::string::npos; }
  CppText substr(size_t begin, size_t count = std::string::npos) const { return made(text_.substr(begin, count)); }

  CppText& operator+=(const CppText& more) {
    text_ += more.text_;
    return *this;
  }
  friend CppText operator+(CppText a, const CppText& b) {
    a += b;
    return a;
  }
  auto operator<=>(const CppText&) const = default;
  bool operator==(const CppText&) const = default;
  friend bool operator==(const CppText& a, const char* b) { return a.text_ == b; }

 private:
  static CppText made(std::string text) {
    CppText out;
    out.text_ = std::move(text);
    return out;
  }
  template <class... Args>
  friend CppText code(fmt::format_string<const Args&...> form, const Args&... args);
  friend CppText string_literal(std::string_view text);
  friend CppText comment(std::string_view text);
  friend CppText identifier(std::string_view text);
  friend CppText camel_case(std::string_view text);
  friend CppText own_name(std::string_view text);
  friend CppText fill(const char* form, std::initializer_list<std::pair<std::string_view, CppText>> values);
  friend CppText replaced(const CppText& text, const CppText& from, const CppText& to);

  std::string text_;
};

CppText string_literal(std::string_view text);  // a string literal of C and C++
// For a comment of one line, /* */ or //: printable ASCII; what else there is becomes escapes, as in a literal.
CppText comment(std::string_view text);
// A word of a table of this program, "lstm_scan", "runtime/core/text.h": checked to be letters, digits and `_-+./ `.
CppText own_name(std::string_view text);

template <class T>
inline constexpr bool kMayBeCode =
    std::is_arithmetic_v<T> || std::is_same_v<T, CppText> || std::is_same_v<std::decay_t<T>, const char*> ||
    std::is_same_v<std::decay_t<T>, char*>;

// fmt::format for what may stand in generated text.
template <class... Args>
CppText code(fmt::format_string<const Args&...> form, const Args&... args) {
  static_assert((kMayBeCode<Args> && ...),
                "text from outside goes through string_literal(), comment() or identifier()");
  return CppText::made(fmt::format(form, args...));
}

template <class T>
CppText joined(const std::vector<T>& items, const char* separator) {
  CppText out;
  for (size_t i = 0; i < items.size(); ++i) out += (i > 0 ? separator : "") + code("{}", items[i]);
  return out;
}

// Forms of files: text with marks such as @name@, in whose place values are put. What is put in is not looked at again;
// a mark without a value stays, and so does any other `@`. A line break at the beginning of the form is dropped.
CppText fill(const char* form, std::initializer_list<std::pair<std::string_view, CppText>> values);
// Whether C++ text uses a variable of this name; a member of something else is another one.
bool mentions(const CppText& text, std::string_view variable);
CppText replaced(const CppText& text, const CppText& from, const CppText& to);

}  // namespace mtl::aot

template <>
struct fmt::formatter<mtl::aot::CppText> : fmt::formatter<std::string_view> {
  auto format(const mtl::aot::CppText& text, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(text.str(), context);
  }
};
