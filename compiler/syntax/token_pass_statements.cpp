// Rules of the token pass where a statement or a clause may start.
#include <algorithm>

#include "compiler/syntax/phrases.h"
#include "compiler/syntax/token_pass.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

std::string choices_of(const std::vector<TokenType>& types) {
  std::vector<std::string> words;
  for (const TokenType type : types) words.push_back("`" + spelling(type) + "`");
  return join(words);
}

// What can follow a statement word: a misspelled one has such a token behind it.
bool follows_statement_word(TokenType type) {
  return is_word(type) || type == Tok::STRING || type == Tok::LBRACE || type == Tok::LBRACK || type == Tok::INT ||
         type == Tok::FLOAT || type == Tok::STAR;
}

}  // namespace

// L1 and L3 outside brackets.
TokenPass::Outcome TokenPass::continued_line() {
  if (!in_brace() || !operand_ended_ || !new_line_) return Outcome::go_on;
  const bool bracket = type() == Tok::LPAREN || type() == Tok::LBRACK;
  if (bracket && !header_ && previous_type() != Tok::ELLIPSIS) {
    emitter_.report(diag::LineStartsWithBracket, spelling(type()))
        .at(here())
        .note("a call or an index starts on the line of what it applies to");
  }
  if (type() == Tok::MINUS && next() && current_->touches(*next())) {
    emitter_.report(diag::LineStartsWithMinus).at(here()).help("write `- ` with a space, or give the value a name");
  }
  return Outcome::go_on;
}

// `task a predicts b.c` and on the next line a statement.
TokenPass::Outcome TokenPass::missing_open_brace() {
  if (!word_starts() || !declares_block(owner_) || !new_line_) return Outcome::go_on;
  if (!before_sign() && (!is_keyword(type()) || is_clause_word(type()))) return Outcome::go_on;
  expected("`{`");
  const uint32_t indent = out_.empty() ? 0 : out_.back().indent;
  conjure(Tok::LBRACE);
  if (!before_sign() && !starts_in(block_for_brace(), type())) {  // the block is missing as a whole
    conjure(Tok::RBRACE);
    header_ = false;
    owner_ = 0;
    return Outcome::again;
  }
  enter(out_.back(), block_for_brace(), indent);
  header_ = false;
  owner_ = 0;
  ++imbalance_;
  return Outcome::again;
}

// Where braces are missing, a statement at or left of the opener's indentation closes the block.
TokenPass::Outcome TokenPass::dedented() {
  if (!word_starts() || imbalance_ <= 0 || brackets_.empty()) return Outcome::go_on;
  if (!current_->first || current_->indent > brackets_.back().indent) return Outcome::go_on;
  close_top(true);
  --imbalance_;
  return Outcome::again;
}

// `name =`, `name :`; L2.
TokenPass::Outcome TokenPass::setting() {
  const bool compared = type_at(1) == Tok::EQEQ && type() == Tok::NAME;
  if (!word_starts() || (!before_sign() && !compared)) return Outcome::go_on;
  // A column behind its block, whose `}` came too early.
  const bool behind = block() == Block::file && previous_type() == Tok::RBRACE && current_->indent > 0;
  if (behind && type_at(1) == Tok::COLON && current_->first) {
    emitter_.report(diag::WrongPlace, excerpt(current_->text) + " : ...", block_place(Block::file))
        .at(range(out_.back()), "this `}` closes the block")
        .label(here(), "in front of this");
    begin_skip(false);
    return Outcome::taken;
  }
  if (compared) {
    emitter_.report(diag::CompareForAssign).at(range(*next()));
    in_[i_ + 1].type = Tok::ASSIGN;
  }
  const std::string text = excerpt(current_->text);
  if (operand_ended_ && !new_line_) {
    const std::string before = excerpt(out_.back().text), rest = text + " = ...", comma = before + ", " + rest;
    const bool name = previous_type() == Tok::NAME, may_call = name && block() != Block::data;
    emitter_.report(diag::TwoOnLine, text)
        .at(here())
        .help(may_call ? "did you mean `" + before + "(" + rest + ")` or `" + comma + "`?"
              : name || previous_type() == Tok::STRING ? "did you mean `" + comma + "`?"
                                                       : "");
  }
  if (is_keyword(type()) && starts_in(block(), type()) && !variables_.contains(current_->text)) {
    emitter_.report(diag::ExpectedAfter, "a name", "`" + text + "`").at({file_, current_->end, current_->end});
  }
  skip_.on = false;
  if (block() == Block::file && type_at(1) == Tok::ASSIGN && type() == Tok::NAME) return missing_const();
  pending_ifs() = 0;
  owner_ = 0;
  assigned_ = typed_ = false;
  forget_operators();
  return take_as(Tok::SETTING, true);
}

// `width = 16` outside of all blocks.
TokenPass::Outcome TokenPass::missing_const() {
  const std::string text = excerpt(current_->text), said = advice(PhrasePlace::declaration, current_->text);
  emitter_.report(diag::WrongPlace, text + " = ...", block_place(Block::file))
      .at(here())
      .help(said.empty() ? "write `const " + text + " = ...`" : said);
  if (!said.empty()) return drop_construct();
  conjure(Tok::CONST);
  out_.back().starts_statement = true;
  start_statement(Tok::CONST);
  return take_as(Tok::NAME);
}

TokenPass::Outcome TokenPass::statement_word() {
  if (!word_starts() || !is_statement_word(type())) return Outcome::go_on;
  if (type_at(1) == Tok::DOT && foreign_word() != Outcome::go_on) return Outcome::taken;  // `model.fit(...)`
  if (!starts_in(block(), type())) return misplaced_statement();
  skip_.on = false;
  start_statement(type());
  emit(true);
  return Outcome::taken;
}

// It belongs to an outer block whose `}` was forgotten, or it cannot stand here and is dropped.
TokenPass::Outcome TokenPass::misplaced_statement() {
  for (size_t k = brackets_.size(); k-- > 0;) {
    const Block outside = k == 0 ? Block::file : brackets_[k - 1].inner;
    if (!starts_in(outside, type())) continue;
    const bool placed = !current_->first || current_->indent <= brackets_[k].indent || imbalance_ > 0;
    if (!placed) break;
    imbalance_ -= static_cast<int>(brackets_.size() - k);
    for (bool report = true; brackets_.size() > k; report = false) close_top(report);
    return Outcome::again;
  }
  const Block home = home_of(type());
  std::string help = std::string("it belongs ") + block_place(home);
  if (home == Block::body) help = "it belongs in the body of a module or function";
  const PhrasePlace place = block() == Block::file ? PhrasePlace::declaration : PhrasePlace::statement;
  const std::string said = advice(place, current_->text);
  if (!said.empty()) help = said;
  emitter_.report(diag::WrongPlace, excerpt(current_->text), block_place(block())).at(here()).help(help);
  begin_skip(true);
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::unknown_word() {
  // `from torch import nn`; of ours `from` is a clause, which begins no line of a file.
  const bool imports = type() == Tok::FROM && current_->first && block() == Block::file && !skip_.on;
  if (imports && foreign_word() != Outcome::go_on) return Outcome::taken;
  if (!word_starts() || type() != Tok::NAME || skip_.on) return Outcome::go_on;
  for (const Rule rule : {&TokenPass::foreign_word, &TokenPass::misspelled_statement, &TokenPass::missing_clause_word,
                          &TokenPass::missing_assign, &TokenPass::missing_pipe, &TokenPass::unknown_statement}) {
    const Outcome outcome = (this->*rule)();
    if (outcome != Outcome::go_on) return outcome;
  }
  if (!operand_ended_ || !new_line_) return Outcome::go_on;
  diag::Report report = emitter_.report(diag::ExpectedFound, "a statement", quoted(*current_)).at(here());
  std::move(report).note("an expression cannot continue with a name");
  begin_skip(false);
  return Outcome::taken;
}

// Words of other languages. Where the rest reads as one of ours the word is exchanged, else the construct is dropped.
TokenPass::Outcome TokenPass::foreign_word() {
  if (type() == Tok::NAME && previous_type() == Tok::RBRACE && type_at(1) != Tok::ASSIGN) {
    for (const std::string_view word : {"elif", "elseif", "elsif"}) {
      if (current_->text != word) continue;
      emitter_.report(diag::UnknownWord, word).at(here()).help("write `else if`");
      take_as(Tok::ELSE);
      conjure(Tok::IF);
      owner_ = Tok::IF;
      return Outcome::taken;
    }
  }
  const std::string said = operand_ended_ && !new_line_ ? "" : foreign_advice();
  if (said.empty()) return Outcome::go_on;
  emitter_.report(diag::UnknownWord, excerpt(current_->text)).at(here()).help(said);
  skip_.on = false;
  const TokenType meant = meant_by_foreign();
  if (meant == 0) return drop_construct();
  start_statement(meant);
  return take_as(meant, true);
}

// What the phrase book says of a statement that begins here: by its first two words, the member that it calls, or the
// first word.
std::string TokenPass::foreign_advice() const {
  const PhrasePlace place = block() == Block::file ? PhrasePlace::declaration : PhrasePlace::statement;
  const std::string word(current_->text);
  std::string said;
  if (is_word(type_at(1)) && on_line_of_next()) said = advice(place, word + " " + std::string(next()->text));
  const bool member = type_at(1) == Tok::DOT && is_word(type_at(2)) && type_at(3) == Tok::LPAREN;
  if (said.empty() && member) said = advice(place, in_[i_ + 2].text);
  return said.empty() && (type() == Tok::NAME || type() == Tok::FROM) ? advice(place, word) : said;
}

// The statement of ours that a foreign word begins, if what follows reads as one.
TokenType TokenPass::meant_by_foreign() const {
  struct Foreign {
    std::string_view word;
    TokenType meant;
  };
  static constexpr Foreign kForeign[] = {
      {"import", Tok::USE},   {"def", Tok::FUNCTION},  {"fn", Tok::FUNCTION},    {"func", Tok::FUNCTION},
      {"class", Tok::MODULE}, {"struct", Tok::MODULE}, {"while", Tok::FOR},      {"auto", Tok::LET},
      {"int", Tok::LET},      {"float", Tok::LET},     {"mut", Tok::VAR},        {"auto", Tok::CONST},
      {"int", Tok::CONST},    {"float", Tok::CONST},   {"assert", Tok::REQUIRE},
  };
  for (const Foreign& foreign : kForeign) {
    if (foreign.word != current_->text || !starts_in(block(), foreign.meant)) continue;
    const bool named = type_at(1) == Tok::NAME;
    switch (foreign.meant) {
      case Tok::USE:
        return type_at(1) == Tok::STRING || (named && next()->text == "std") ? foreign.meant : 0;
      case Tok::FOR:
        return named && type_at(2) == Tok::IN ? foreign.meant : 0;
      case Tok::REQUIRE:
        return foreign.meant;
      case Tok::FUNCTION:
      case Tok::MODULE:
        return has_typed_header(foreign.meant == Tok::MODULE ? 2 : 1) ? foreign.meant : 0;
      default:
        return named && type_at(2) == Tok::ASSIGN ? foreign.meant : 0;
    }
  }
  return 0;
}

// `name(x: f32[D], y: f32[D]) ... {`: so many lists of parameters, each with its type, and a body.
bool TokenPass::has_typed_header(size_t lists) const {
  size_t k = 2;
  for (; lists > 0; --lists, ++k) {
    if (type_at(k) != Tok::LPAREN) return false;
    size_t nested = 0, typed = 0, commas = 0;
    const bool empty = type_at(k + 1) == Tok::RPAREN;
    do {
      const TokenType at = type_at(k);
      if (at == kEndOfFile) return false;
      if (is_opener(at)) ++nested;
      if (is_closer(at)) --nested;
      typed += nested == 1 && at == Tok::COLON;
      commas += nested == 1 && at == Tok::COMMA;
      ++k;
    } while (nested > 0);
    --k;
    if (!empty && typed != commas + 1) return false;
  }
  for (; type_at(k) != kEndOfFile && in_[i_ + k].line == in_[i_ + k - 1].line; ++k) {
    if (type_at(k) == Tok::LBRACE) return true;
  }
  return false;
}

// Drops a statement of another language: the line, what its brackets hold, and the deeper lines below a `:`.
TokenPass::Outcome TokenPass::drop_construct() {
  const uint32_t indent = current_->indent;
  size_t nested = 0;
  bool indented = false;
  while (next() && next()->type != kEndOfFile) {
    const bool new_line = next()->line != current_->line;
    if (nested == 0 && is_closer(next()->type)) break;
    if (nested == 0 && new_line) {
      indented = indented || type() == Tok::COLON;
      if (!indented || next()->indent <= indent) break;
    }
    current_ = &in_[++i_];
    if (is_opener(type())) ++nested;
    if (is_closer(type())) --nested;
  }
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::misspelled_statement() {
  const bool clause = operand_ended_ && !new_line_;
  std::vector<TokenType> candidates = starters(block());
  if (clause) {
    candidates = {Tok::PREDICTS, Tok::WHEN, Tok::ONTO, Tok::UNTIL, Tok::FROM, Tok::EXCEPT, Tok::WITH, Tok::IN};
  }
  if (block() == Block::file && !clause && type_at(2) == Tok::LPAREN) {
    candidates = {Tok::MODULE, Tok::FUNCTION, Tok::CRITERION, Tok::BALANCER};
  }
  if (previous_type() == Tok::RBRACE) candidates.push_back(Tok::ELSE);
  const TokenType meant = nearest_word(current_->text, candidates);
  if (meant == 0 || !follows_statement_word(type_at(1))) return Outcome::go_on;
  emitter_.report(diag::UnknownWord, excerpt(current_->text))
      .at(here())
      .help("did you mean `" + spelling(meant) + "`?");
  if (!clause) start_statement(meant);
  return take_as(meant, !clause);
}

TokenPass::Outcome TokenPass::missing_clause_word() {
  if (!operand_ended_ || new_line_) return Outcome::go_on;
  if (owner_ == Tok::WRAP || owner_ == Tok::PROJECT) {
    const TokenType word = owner_ == Tok::WRAP ? Tok::WITH : Tok::ONTO;
    expected("`" + spelling(word) + "`");
    conjure(word);
    emit();
    return Outcome::taken;
  }
  if (owner_ != Tok::TASK || !follows_statement_word(type_at(1))) return Outcome::go_on;
  emitter_.report(diag::UnknownWord, excerpt(current_->text)).at(here()).help("expected `predicts`, `when` or `{`");
  return take_as(Tok::WHEN);
}

// `shared encoder linear(8)`, `param w : f32[D] zeros()`
TokenPass::Outcome TokenPass::missing_assign() {
  static const std::vector<TokenType> kAssigned{Tok::CONST,  Tok::LET,    Tok::VAR,    Tok::LAYER,
                                                Tok::PARAM,  Tok::STATE,  Tok::SHARED, Tok::PRIVATE,
                                                Tok::METRIC, Tok::UPDATE, Tok::MONITOR};
  if (!operand_ended_ || new_line_ || assigned_) return Outcome::go_on;
  if (std::find(kAssigned.begin(), kAssigned.end(), owner_) == kAssigned.end()) return Outcome::go_on;
  expected("`=`");
  conjure(Tok::ASSIGN);
  assigned_ = true;
  typed_ = false;
  emit();
  return Outcome::taken;
}

// `f() g()` on one line.
TokenPass::Outcome TokenPass::missing_pipe() {
  if (!operand_ended_ || new_line_) return Outcome::go_on;
  if (type_at(1) != Tok::LPAREN && previous_type() != Tok::RPAREN) return Outcome::go_on;
  expected("an operator or a new line").help("did you mean `|> " + excerpt(current_->text) + "`?");
  conjure(Tok::PIPE);
  emit();
  return Outcome::taken;
}

// `tower encoder = ...`, `loss crf()`, `weight 2.0`
TokenPass::Outcome TokenPass::unknown_statement() {
  const TokenType after = type_at(1);
  if (!follows_statement_word(after)) return Outcome::go_on;
  const bool value_follows =
      (after == Tok::NAME && type_at(2) == Tok::LPAREN) || (starts_operand(after) && after != Tok::NAME);
  if (value_follows) {
    emitter_.report(diag::ExpectedAfter, "`=`", quoted(*current_)).at({file_, current_->end, current_->end});
    take_as(Tok::SETTING, true);
    conjure(Tok::ASSIGN);
    return Outcome::taken;
  }
  const std::vector<TokenType>& words = starters(block());
  const std::string help =
      words.empty() ? "write `name = value`" : "expected one of " + choices_of(words) + ", or `name = value`";
  emitter_.report(diag::UnknownWord, excerpt(current_->text)).at(here()).help(help);
  if (after == Tok::NAME && type_at(2) == Tok::ASSIGN) {
    current_ = &in_[++i_];
    return take_as(Tok::SETTING, true);
  }
  begin_skip(false);
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::else_or_loop() {
  if (type() == Tok::ELSE) {
    const bool of_value = else_of_value_ && previous_type() == Tok::RBRACE;
    if (of_value && type_at(1) == Tok::LBRACE) ++pending_ifs();
    else_of_value_ = of_value;
  }
  if (type() == Tok::ELSE || type() == Tok::IF || type() == Tok::FOR) owner_ = type();
  return Outcome::go_on;
}

}  // namespace mtl::syntax
