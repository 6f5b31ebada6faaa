// See habits.h.
#include "compiler/syntax/habits.h"

#include <optional>

#include "compiler/syntax/token_words.h"

namespace mtl::syntax {
namespace {

constexpr size_t kLongestShown = 60;  // characters of a part that is shown; longer ones would fill the line

// Tokens [begin, end) as they stand in the file.
std::string words_of(const std::vector<Token>& tokens, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) {
    if (i > begin && tokens[i].begin > tokens[i - 1].end) text += ' ';
    text += tokens[i].text;
  }
  return text;
}

// The bracket that is open at `at`, on its line.
std::optional<size_t> opener_before(const std::vector<Token>& tokens, size_t at) {
  size_t closed = 0;
  for (size_t i = at; i-- > 0 && tokens[i].line == tokens[at].line;) {
    if (is_closer(tokens[i].type)) ++closed;
    if (is_opener(tokens[i].type) && closed-- == 0) return i;
  }
  return std::nullopt;
}

// Up to the end of what begins at `begin`: a comma, a closer of something that is open already, the end of the line.
size_t end_of_part(const std::vector<Token>& tokens, size_t begin) {
  size_t open = 0;
  for (size_t i = begin; i + 1 < tokens.size(); ++i) {
    if (i > begin && tokens[i].line != tokens[i - 1].line) return i;
    if (is_opener(tokens[i].type)) ++open;
    if (is_closer(tokens[i].type) && open-- == 0) return i;
    if (tokens[i].type == Tok::COMMA && open == 0) return i;
  }
  return tokens.size() - 1;
}

// `1:3` as `1..3`; nullopt: a step.
std::optional<std::string> range_of_item(const std::vector<Token>& tokens, size_t begin, size_t end, size_t& colon) {
  std::optional<size_t> sign;
  for (size_t i = begin; i < end; ++i) {
    if (tokens[i].type != Tok::COLON) continue;
    if (sign) return std::nullopt;
    sign = i;
  }
  if (!sign) return words_of(tokens, begin, end);
  if (colon == 0) colon = *sign;
  return (*sign == begin ? "0" : words_of(tokens, begin, *sign)) + ".." + words_of(tokens, *sign + 1, end);
}

}  // namespace

std::string slice_of_python(const std::vector<Token>& tokens, size_t at, size_t& colon) {
  const auto open = opener_before(tokens, at);
  if (!open || *open == 0 || tokens[*open].type != Tok::LBRACK) return {};
  const Token& indexed = tokens[*open - 1];
  if (!indexed.touches(tokens[*open]) || !ends_operand(indexed.type)) return {};
  colon = 0;
  std::vector<std::string> items;
  size_t whole = 0;  // items that are a colon alone, from the end
  for (size_t begin = *open + 1;;) {
    const size_t end = end_of_part(tokens, begin);
    const auto item = range_of_item(tokens, begin, end, colon);
    if (!item) return "there are no steps: a slice is written `x[a..b]`";
    items.push_back(*item);
    whole = *item == "0.." ? whole + 1 : 0;
    if (tokens[end].type != Tok::COMMA) break;
    begin = end + 1;
  }
  if (colon == 0) return {};
  std::string text = is_word(indexed.type) ? std::string(indexed.text) : "x";
  items.resize(items.size() - whole);
  for (size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "[" : ", ") + items[i];
  if (!items.empty()) text += ']';
  if (text.size() > kLongestShown) return "a slice is written `x[a..b]`";
  return "write `" + text + "`" + (whole > 0 ? ": the dimensions behind are whole" : "");
}

std::string conditional_of_python(const std::vector<Token>& tokens, size_t at) {
  if (tokens[at].type != Tok::IF && tokens[at].type != Tok::ELSE) return {};
  const uint32_t line = tokens[at].line;
  size_t question = at, other = at;
  while (question > 0 && tokens[question].type != Tok::IF && tokens[question].line == line) --question;
  while (other + 1 < tokens.size() && tokens[other].type != Tok::ELSE && tokens[other].line == line) ++other;
  if (tokens[question].type != Tok::IF || tokens[other].type != Tok::ELSE || tokens[other].line != line) return {};
  size_t first = question, closed = 0;  // of the value in front
  while (first > 0 && tokens[first - 1].line == line) {
    const TokenType before = tokens[first - 1].type;
    const bool opens = is_opener(before);
    if (closed == 0 && (opens || before == Tok::ASSIGN || before == Tok::COMMA || before == Tok::RETURN)) break;
    if (is_closer(before)) ++closed;
    if (opens) --closed;
    --first;
  }
  const std::string a = words_of(tokens, first, question), condition = words_of(tokens, question + 1, other),
                    b = words_of(tokens, other + 1, end_of_part(tokens, other + 1));
  if (a.empty() || condition.empty() || b.empty() || condition.find('{') != std::string::npos) return {};
  const std::string text = "if " + condition + " { " + a + " } else { " + b + " }";
  return text.size() > 2 * kLongestShown ? std::string() : "write `" + text + "`";
}

}  // namespace mtl::syntax
