// Replaces operators and characters of other languages by ours.
#include "compiler/syntax/token_spelling.h"

#include <fmt/format.h>

#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

constexpr size_t kLongestWord = 256;

// Characters that look like one of ours; no `type`: dropped.
struct LookAlike {
  std::string_view seen, meant;
  TokenType type;
};

constexpr LookAlike kLookAlikes[] = {
    {"–", "-", Tok::MINUS},  {"—", "-", Tok::MINUS},  {"−", "-", Tok::MINUS},   {"×", "*", Tok::STAR},
    {"·", "*", Tok::STAR},   {"，", ",", Tok::COMMA}, {"（", "(", Tok::LPAREN}, {"）", ")", Tok::RPAREN},
    {"→", "->", Tok::ARROW}, {"≤", "<=", Tok::LE},    {"≥", ">=", Tok::GE},     {"≠", "!=", Tok::NEQ},
    {"\xC2\xA0", " ", 0},
};

struct QuotePair {
  std::string_view open, close;
};

constexpr QuotePair kQuotes[] = {{"“", "”"}, {"‘", "’"}, {"”", "”"}, {"’", "’"}, {"«", "»"}, {"„", "“"}};

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
    {"?", 0, "a value that depends is `if c { a } else { b }`"},
    {"|", 0, "a size is written |data.column|, closed on the same line; the pipe is `|>`"},
    {"%", Tok::SLASH, "a percentage touches its number, as in 10%; the remainder is mod(a, b)"},
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

  bool stands_before_sign() const { return next() && (next()->type == Tok::ASSIGN || next()->type == Tok::COLON); }

  // f"..." and r"..." of Python.
  bool is_string_prefix(const Token& token) const {
    const bool short_word = token.text.size() <= 2 && token.text.find_first_not_of("fFrRbBuU") == std::string::npos;
    return short_word && next() && next()->type == Tok::STRING && token.touches(*next());
  }

  bool keep(Token& token) {
    switch (token.type) {
      case Tok::BAD_STRING:
        emitter_.report(diag::StringNotClosed).at(range(token), "opened here");
        token.type = Tok::STRING;
        return true;
      case Tok::BAD_NUMBER:
        emitter_.report(diag::BadNumber, excerpt(token.text)).at(range(token)).note("suffixes are k, M, G and %");
        token.type = Tok::NAME;  // without a text it is a value of which no more is said
        token.text = {};
        return true;
      case Tok::FLOAT:
        drop_suffix(token);
        return true;
      case Tok::BAD_CHAR:
        return report_character(token);
      case Tok::FOREIGN:
        return keep_foreign(token);
      case Tok::INT:
        return keep_int(token);
      case Tok::NAME:
        if (is_string_prefix(token)) {
          emitter_.report(diag::StringPrefix, token.text)
              .at(range(token))
              .help("a static name in braces is put into any string: `\"{d}.tsv\"`");
          return false;
        }
        if (token.text.size() > kLongestWord) {
          emitter_.report(diag::WordTooLong, token.text.size()).at({file_, token.begin, token.begin + 1});
          token.text = token.text.substr(0, kLongestWord);
        }
        if ((token.text == "True" || token.text == "False") && !stands_before_sign()) {
          token.type = token.text == "True" ? Tok::TRUE : Tok::FALSE;
          emitter_.report(diag::UnknownWord, token.text)
              .at(range(token))
              .help(token.type == Tok::TRUE ? "write `true`" : "write `false`");
        }
        return true;
      default:
        return true;
    }
  }

  bool report_character(Token& token) {
    for (const QuotePair& quotes : kQuotes) {
      if (token.text == quotes.open) return report_quotes(token, quotes);
    }
    for (const LookAlike& look : kLookAlikes) {
      if (token.text != look.seen) continue;
      emitter_.report(diag::UnknownCharacter, shown_character(token.text))
          .at(range(token))
          .help(look.type == 0 ? "write a space" : fmt::format("write `{}`", look.meant));
      token.type = look.type;
      return look.type != 0;
    }
    const Token first = token;  // a run of such characters is one report
    uint32_t end = token.end;
    while (next() && next()->type == Tok::BAD_CHAR && next()->begin == end) end = in_[++i_].end;
    emitter_.report(diag::UnknownCharacter, shown_character(first.text)).at({file_, first.begin, end});
    return false;
  }

  // “text”: a string, if it is closed on the line.
  bool report_quotes(const Token& open, const QuotePair& quotes) {
    emitter_.report(diag::UnknownCharacter, open.text).at(range(open)).help("write `\"`");
    Token made = open;
    made.type = Tok::STRING;
    made.text = "\"\"";
    while (next() && next()->line == open.line && next()->type != kEndOfFile) {
      const Token& token = in_[++i_];
      made.end = token.end;
      made.end_column = token.end_column;
      if (token.text == quotes.close) break;
    }
    out_.push_back(made);
    return false;
  }

  // Drops `/* ... */` where there is an end.
  bool report_comment(const Token& open) {
    SourceRange place = range(open);
    if (open.text == "/*" && !no_comment_end_) {
      size_t k = i_ + 1;
      while (k < in_.size() && in_[k].text != "*/") ++k;
      no_comment_end_ = k == in_.size();
      if (!no_comment_end_) {
        if (in_[k].line == open.line) place.end = in_[k].end;
        i_ = k;
      }
    }
    emitter_.report(diag::ForeignComment).at(place);
    return false;
  }

  // `5e-3f`
  void drop_suffix(const Token& number) {
    if (!next() || next()->type != Tok::NAME || !number.touches(*next())) return;
    emitter_.report(diag::BadNumber, excerpt(std::string(number.text) + std::string(next()->text)))
        .at({file_, number.begin, next()->end})
        .help("write `" + std::string(number.text) + "`: a number has no suffix for its type");
    ++i_;
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
    if (lead == '#' || token.text == "/*" || token.text == "*/") return report_comment(token);
    if (lead == '\'') {
      emitter_.report(diag::SingleQuotes).at(range(token));
      token.type = Tok::STRING;
      return true;
    }
    for (const Foreign& foreign : kForeign) {
      if (foreign.seen != token.text) continue;
      emitter_.report(diag::ForeignOperator, token.text).at(range(token)).help(std::string(foreign.help));
      token.type = foreign.type;
      const bool value_follows = next() && next()->line == token.line && next()->type != kEndOfFile;
      return foreign.type != 0 && (value_follows || foreign.type != Tok::SLASH);
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
  bool no_comment_end_ = false;
  FileId file_;
  diag::Emitter& emitter_;
};

}  // namespace

std::vector<Token> repair_spelling(std::vector<Token> tokens, FileId file, diag::Emitter& emitter) {
  return Speller(std::move(tokens), file, emitter).run();
}

}  // namespace mtl::syntax
