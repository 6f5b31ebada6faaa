#include "compiler/syntax/token_spelling.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/base/text.h"

namespace mtl::syntax {
namespace {

constexpr size_t kLongestWord = 256;

struct LookAlike {
  std::string_view seen, meant;
};

constexpr LookAlike kLookAlikes[] = {{"“", "\""}, {"”", "\""}, {"‘", "\""}, {"’", "\""}, {"–", "-"},        {"—", "-"},
                                     {"−", "-"},  {"×", "*"},  {"·", "*"},  {"，", ","}, {"（", "("},       {"）", ")"},
                                     {"→", "->"}, {"≤", "<="}, {"≥", ">="}, {"≠", "!="}, {"\xC2\xA0", " "}};

// Operators of other languages; no `type`: dropped.
struct Foreign {
  std::string_view seen;
  TokenType type;
  std::string_view help;
};

const Foreign kForeign[] = {
    {"&&", Tok::AND, "write `and`"},
    {"||", Tok::OR, "write `or`"},
    {"!", Tok::NOT, "write `not`"},
    {"^", Tok::POW, "power is written `**`"},
    {":=", Tok::ASSIGN, "write `=`"},
    {"=>", Tok::ARROW, "write `->`"},
    {"+=", Tok::ASSIGN, "write `name = name + value`"},
    {"-=", Tok::ASSIGN, "write `name = name - value`"},
    {"/=", Tok::ASSIGN, "write `name = name / value`"},
    {"++", Tok::PLUS, ""},
    {"--", Tok::MINUS, ""},
    {"|", 0, "a size is written |data.column|, closed on the same line; the pipe is `|>`"},
    {"%", 0, "a percentage touches its number, as in 10%; the remainder is mod(a, b)"},
};

std::string shown_character(std::string_view text) {
  const bool invisible = text == "\xC2\xA0" || text == "\xE2\x80\x8B" || text == "\xEF\xBB\xBF" ||
                         (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x20);
  if (!invisible) return std::string(text);
  const auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const unsigned point = text.size() == 1   ? byte(0)
                         : text.size() == 2 ? (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F)
                                            : (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  return fmt::format("U+{:04X}", point);
}

class Speller {
 public:
  Speller(std::vector<Token> tokens, FileId file, diag::Emitter& emitter)
      : in_(std::move(tokens)), file_(file), emitter_(emitter) {}

  std::vector<Token> run() {
    out_.reserve(in_.size());
    for (i_ = 0; i_ < in_.size(); ++i_) {
      Token& token = in_[i_];
      if (keep(token)) out_.push_back(token);
    }
    return std::move(out_);
  }

 private:
  SourceRange range(const Token& token) const { return {file_, token.begin, token.end}; }
  const Token* next() const { return i_ + 1 < in_.size() ? &in_[i_ + 1] : nullptr; }

  bool keep(Token& token) {
    switch (token.type) {
      case Tok::BAD_STRING:
        emitter_.report(diag::StringNotClosed).at(range(token), "opened here");
        token.type = Tok::STRING;
        return true;
      case Tok::BAD_NUMBER:
        emitter_.report(diag::BadNumber, excerpt(token.text)).at(range(token)).note("suffixes are k, M, G and %");
        token.type = Tok::INT;
        token.text = "0";
        return true;
      case Tok::BAD_CHAR: return report_character(token);
      case Tok::FOREIGN: return keep_foreign(token);
      case Tok::INT: return keep_int(token);
      case Tok::NAME:
        if (token.text.size() > kLongestWord) {
          emitter_.report(diag::WordTooLong, token.text.size()).at({file_, token.begin, token.begin + 1});
          token.text = token.text.substr(0, kLongestWord);
        }
        return true;
      default: return true;
    }
  }

  // A run of such characters is one report.
  bool report_character(const Token& token) {
    const Token first = token;
    uint32_t end = token.end;
    while (next() && next()->type == Tok::BAD_CHAR && next()->begin == end) end = in_[++i_].end;
    const auto* found = std::find_if(std::begin(kLookAlikes), std::end(kLookAlikes),
                                     [&](const LookAlike& look) { return look.seen == first.text; });
    std::string help;
    if (found != std::end(kLookAlikes)) help = found->meant == " " ? "write a space" : fmt::format("write `{}`", found->meant);
    emitter_.report(diag::UnknownCharacter, shown_character(first.text)).at({file_, first.begin, end}).help(help);
    return false;
  }

  // `5.` is a number in other languages and a member access here.
  bool keep_int(const Token& token) {
    if (!next() || next()->type != Tok::DOT || !token.touches(*next())) return true;
    const std::string digits = excerpt(token.text);
    emitter_.report(diag::TrailingPoint, digits + ".0", digits + ".").at({file_, token.begin, next()->end});
    out_.push_back(token);
    ++i_;
    return false;
  }

  bool keep_foreign(Token& token) {
    const char lead = token.text[0];
    if (lead == ';') return keep_semicolon(token);
    if (lead == '#' || token.text == "/*" || token.text == "*/") {
      emitter_.report(diag::ForeignComment).at(range(token));
      return false;
    }
    if (lead == '\'') {
      emitter_.report(diag::SingleQuotes).at(range(token));
      token.type = Tok::STRING;
      return true;
    }
    for (const Foreign& foreign : kForeign) {
      if (foreign.seen != token.text) continue;
      emitter_.report(diag::ForeignOperator, token.text).at(range(token)).help(std::string(foreign.help));
      token.type = foreign.type;
      return foreign.type != 0;
    }
    emitter_.report(diag::UnknownCharacter, token.text).at(range(token));
    return false;
  }

  bool keep_semicolon(Token& token) {
    const bool separates = next() && next()->type != kEndOfFile && next()->line == token.line;
    emitter_.report(diag::Semicolon)
        .at(range(token))
        .help(separates ? "separate with `,` or a new line" : "statements end by themselves; remove it");
    token.type = Tok::COMMA;
    return separates;
  }

  std::vector<Token> in_, out_;
  size_t i_ = 0;
  FileId file_;
  diag::Emitter& emitter_;
};

}  // namespace

std::vector<Token> repair_spelling(std::vector<Token> tokens, FileId file, diag::Emitter& emitter) {
  return Speller(std::move(tokens), file, emitter).run();
}

}  // namespace mtl::syntax
