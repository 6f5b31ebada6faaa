// Numbers, strings and sizes: the text of a token to its value.
#include <charconv>
#include <cmath>
#include <utility>

#include "compiler/syntax/tree_builder.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

// Length of "{name}" at the start of `text`, or 0.
size_t placeholder_length(std::string_view text) {
  if (text.size() < 3 || !is_name_start(text[1])) return 0;
  size_t end = 2;
  while (end < text.size() && is_name_part(text[end])) ++end;
  return end < text.size() && text[end] == '}' ? end + 1 : 0;
}

// What `\c` stands for, or 0.
char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '"':
    case '\\':
      return c;
    default:
      return 0;
  }
}

double suffix_factor(char suffix) {
  return suffix == 'k' ? 1e3 : suffix == 'M' ? 1e6 : 1e9;
}

double to_double(const std::string& text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? value : parsed.ec == std::errc::result_out_of_range ? HUGE_VAL : 0;
}

}  // namespace

ExprPtr TreeBuilder::literal(antlr4::tree::TerminalNode* node) {
  if (node->getSymbol()->getTokenIndex() >= tokens_.size()) return make(range(node), ErrorExpr{});
  const Token& found = token(node->getSymbol());
  const SourceRange place = range(node);
  switch (found.type) {
    case Tok::INT:
      return integer(found, place);
    case Tok::FLOAT:
      return floating(found, place);
    case Tok::SCALED:
      return scaled(found, place);
    case Tok::PERCENT: {
      const std::string digits = without_underscores(found.text.substr(0, found.text.size() - 1));
      return make(place, PercentExpr{to_double(digits) / 100});
    }
    case Tok::TRUE:
      return make(place, BoolExpr{true});
    case Tok::FALSE:
      return make(place, BoolExpr{false});
    case Tok::STRING:
      return make(place, string(found));
    case Tok::SIZE:
      return make(place, size(found.text));
    default:
      return make(place, ErrorExpr{});
  }
}

ExprPtr TreeBuilder::integer(const Token& token, SourceRange range) {
  const std::string digits = without_underscores(token.text);
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec == std::errc()) return make(range, IntExpr{value});
  emitter_.report(diag::NumberTooLarge, excerpt(token.text)).at(range);
  return make(range, ErrorExpr{});
}

ExprPtr TreeBuilder::floating(const Token& token, SourceRange range) {
  const double value = to_double(without_underscores(token.text));
  if (std::isfinite(value)) return make(range, FloatExpr{value});
  emitter_.report(diag::NumberTooLarge, excerpt(token.text)).at(range);
  return make(range, ErrorExpr{});
}

ExprPtr TreeBuilder::scaled(const Token& token, SourceRange range) {
  const std::string digits = without_underscores(token.text.substr(0, token.text.size() - 1));
  const double value = to_double(digits) * suffix_factor(token.text.back());
  const double whole = std::round(value);
  if (value > 9.0e18) {
    emitter_.report(diag::NumberTooLarge, excerpt(token.text)).at(range);
  } else if (std::abs(value - whole) > 1e-6) {
    emitter_.report(diag::ScaledNotWhole, excerpt(token.text)).at(range);
  } else {
    return make(range, IntExpr{static_cast<int64_t>(whole)});
  }
  return make(range, ErrorExpr{});
}

// Escapes, `{{`, `}}` and `{name}`.
StringExpr TreeBuilder::string(const Token& token) {
  StringExpr out;
  std::string_view body = token.text.substr(1);  // `"`, or what stood for it
  if (!body.empty() && body.back() == token.text.front()) body.remove_suffix(1);
  const uint32_t start = token.begin + 1;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out.parts.push_back({std::move(plain), false});
    plain.clear();
  };
  for (size_t i = 0; i < body.size();) {
    const char c = body[i];
    const char follows = i + 1 < body.size() ? body[i + 1] : '\0';
    const auto at = static_cast<uint32_t>(start + i);
    if (c == '\\') {
      if (follows != '\0' && escaped(follows) == 0) {
        emitter_.report(diag::UnknownEscape, excerpt(body.substr(i, 2)))
            .at({file_, at, at + 2})
            .note("there are \\\", \\\\, \\n and \\t");
      } else if (follows != '\0') {
        plain += escaped(follows);
      }
      i += 2;
    } else if ((c == '{' || c == '}') && follows == c) {
      plain += c;
      i += 2;
    } else if (const size_t length = c == '{' ? placeholder_length(body.substr(i)) : 0; length > 0) {
      flush();
      out.parts.push_back({std::string(body.substr(i + 1, length - 2)), true});
      i += length;
    } else if (c == '{' || c == '}') {
      emitter_.report(diag::StringBrace)
          .at({file_, at, at + 1})
          .help(c == '{' ? "a brace itself is written `{{`" : "a brace itself is written `}}`");
      ++i;
    } else {
      plain += c;
      ++i;
    }
  }
  flush();
  return out;
}

// A string that is read before any static value is known.
std::string TreeBuilder::plain_string(antlr4::tree::TerminalNode* node) {
  if (!node || node->getSymbol()->getTokenIndex() >= tokens_.size()) return {};
  std::string out;
  for (const StringExpr::Part& part : string(token(node->getSymbol())).parts) {
    if (part.is_name) emitter_.report(diag::NoNameInString).at(range(node)).help("a brace itself is written `{{`");
    out += part.text;
  }
  return out;
}

// |a|, |a.b|, |a[d].b|, |a["x y"].b|
SizeExpr TreeBuilder::size(std::string_view text) const {
  SizeExpr out;
  const size_t open = text.find('['), close = text.rfind(']');
  if (open != text.npos && close != text.npos) {
    const std::string_view inside = text.substr(open + 1, close - open - 1);
    const size_t begin = inside.find_first_not_of(" \t"), end = inside.find_last_not_of(" \t");
    out.member = begin == inside.npos ? "" : std::string(inside.substr(begin, end - begin + 1));
  }
  std::string word;
  for (size_t at = 1; at < text.size(); ++at) {
    if (at == open && close != text.npos) at = close;
    if (is_name_part(text[at])) {
      word += text[at];
    } else if (!word.empty()) {
      out.path.push_back(std::exchange(word, {}));
    }
  }
  return out;
}

}  // namespace mtl::syntax
