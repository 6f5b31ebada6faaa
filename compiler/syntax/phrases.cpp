// Looks words up in the book of phrases.
#include "compiler/syntax/phrases.h"

#include <cctype>

namespace mtl::syntax {

const std::vector<Phrase>& phrases() {
  static const std::vector<Phrase> table{
#define MTL_PHRASE(place, seen, advice, mistake, repair) {PhrasePlace::place, seen, advice, mistake, repair},
#include "compiler/syntax/phrases.def"
#include "compiler/syntax/phrases_settings.def"
#undef MTL_PHRASE
  };
  return table;
}

// `embedding`, `layer_norm` and `crossentropyloss` are written for `Embedding`, `LayerNorm` and `CrossEntropyLoss`.
static std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c != '_') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return out;
}

namespace {

bool is_part_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '"';
}

// What a value is, as far as its first character says: `"`, `[`, `0` for a number, `a` for a word.
char kind_of(std::string_view value) {
  if (value.empty()) return ' ';
  const char c = value.front();
  if (std::isdigit(static_cast<unsigned char>(c)) || c == '-' || c == '.') return '0';
  return std::isalpha(static_cast<unsigned char>(c)) ? 'a' : c;
}

// 0.2 as `20%`; empty: it is no such share.
std::string as_percent(std::string_view value) {
  if (!value.starts_with("0.") || value.size() > 4) return "";
  const std::string digits = std::string(value.substr(2)) + (value.size() == 3 ? "0" : "");
  if (digits.size() != 2 || digits.find_first_not_of("0123456789") != digits.npos || digits == "00") return "";
  return (digits[0] == '0' ? digits.substr(1) : digits) + "%";
}

// The row's advice, with the user's value where the row's own stands in the code that it begins with.
std::string with_value(const Phrase& row, std::string_view value) {
  constexpr size_t kLongest = 60;
  std::string text(row.advice);
  const size_t equals = row.mistake.find(" = ");
  const std::string_view own = equals == row.mistake.npos ? "" : row.mistake.substr(equals + 3);
  const std::string percent = own == "0.1" ? as_percent(value) : "";
  if (const size_t tenth = text.find("10%"); !percent.empty() && tenth != text.npos)
    return text.replace(tenth, 3, percent);
  const bool fits = !own.empty() && own != value && kind_of(own) == kind_of(value) && value.size() <= kLongest &&
                    value.find_first_of("\n`") == value.npos;
  const size_t open = text.find('`'), close = open == text.npos ? open : text.find('`', open + 1);
  if (!fits || close == text.npos) return text;
  const size_t at = text.find(own, open + 1);
  if (at == text.npos || at + own.size() > close || is_part_of_word(text[at - 1])) return text;
  if (own.front() != '"' && is_part_of_word(text[at + own.size()])) return text;
  return text.replace(at, own.size(), value);
}

}  // namespace

std::string advice(PhrasePlace place, std::string_view seen, std::string_view value) {
  const auto row_of = [&](PhrasePlace wanted) -> const Phrase* {
    const Phrase* alike = nullptr;
    for (const Phrase& phrase : phrases()) {
      if (phrase.place != wanted) continue;
      if (phrase.seen == seen) return &phrase;
      if (alike == nullptr && seen.size() > 1 && folded(phrase.seen) == folded(seen)) alike = &phrase;
    }
    return alike;
  };
  const Phrase* row = row_of(place);
  if (row != nullptr) return with_value(*row, value);
  const bool outside = place == PhrasePlace::task || place == PhrasePlace::model || place == PhrasePlace::declaration;
  if (outside) row = row_of(PhrasePlace::train);
  if (row == nullptr) return {};
  const bool stays = !row->repair.empty() && row->repair.front() != '@';  // it is a setting of training here, too
  return with_value(*row, value) + (stays ? "; it belongs into the model's `train { ... }`" : "");
}

}  // namespace mtl::syntax
