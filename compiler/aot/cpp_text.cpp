#include "compiler/aot/cpp_text.h"

#include <algorithm>
#include <cctype>

namespace mtl::aot {

std::string fill(std::string_view form, std::initializer_list<std::pair<std::string_view, std::string>> values) {
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
    out += value->second;
    form.remove_prefix(end + 1);
  }
  return out;
}

bool mentions(std::string_view text, std::string_view variable) {
  const auto inside = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = 0; (at = text.find(variable, at)) != std::string_view::npos; ++at) {
    const size_t end = at + variable.size();
    const bool whole = end == text.size() || !inside(text[end]);
    if (whole && (at == 0 || (!inside(text[at - 1]) && text[at - 1] != '.'))) return true;
  }
  return false;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace mtl::aot
