// Drives the second half of the token pass: measures braces first, then looks at each token once.
#include "compiler/syntax/token_pass.h"

#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {

TokenPass::TokenPass(std::vector<Token> tokens, const std::vector<Comment>& comments, FileId file,
                     diag::Emitter& emitter)
    : in_(std::move(tokens)), comments_(comments), file_(file), emitter_(emitter) {
  out_.reserve(in_.size() + 16);
}

bool TokenPass::run() {
  static constexpr Rule kRules[] = {
      &TokenPass::skip_unusable,
      &TokenPass::at_end,
      &TokenPass::member_name,
      &TokenPass::wildcard,
      &TokenPass::never_filled,
      &TokenPass::misspelled_inside,
      &TokenPass::foreign_value,
      &TokenPass::until_unit,
      &TokenPass::owned_state,
      &TokenPass::indexed_setting,
      &TokenPass::list_condition,
      &TokenPass::unnamed_results,
      &TokenPass::if_value,
      &TokenPass::open_branch,
      &TokenPass::setting_for_value,
      &TokenPass::statement_for_value,
      &TokenPass::word_as_name,
      &TokenPass::in_brackets,
      &TokenPass::bracket_for_brace,
      &TokenPass::continued_line,
      &TokenPass::missing_open_brace,
      &TokenPass::dedented,
      &TokenPass::setting,
      &TokenPass::statement_word,
      &TokenPass::unknown_word,
      &TokenPass::stop_skipping,
      &TokenPass::else_or_loop,
      &TokenPass::headless_block,
      &TokenPass::opener,
      &TokenPass::stray_else,
      &TokenPass::unmatched_brace,
      &TokenPass::closer,
      &TokenPass::plain,
  };
  read_tables();
  measure_braces();
  while (i_ < in_.size() && !stopped_) {
    look();
    Outcome outcome = Outcome::go_on;
    for (const Rule rule : kRules) {
      outcome = (this->*rule)();
      if (outcome != Outcome::go_on) break;
    }
    if (outcome != Outcome::again) ++i_;
    if (emitter_.error_count() > diag::Emitter::kErrorLimit) stopped_ = true;
  }
  MTL_CHECK(stopped_ || (!out_.empty() && out_.back().type == kEndOfFile), "the pass keeps the end of the file");
  return !stopped_;
}

// `{"a": 1}`: a brace behind which a string and a colon stand begins no block. With its `}` it is a bracket like
// others.
void TokenPass::read_tables() {
  std::vector<size_t> open;
  for (size_t i = 0; i < in_.size(); ++i) {
    if (is_opener(in_[i].type)) open.push_back(i);
    if (!is_closer(in_[i].type) || open.empty()) continue;
    const size_t opener = open.back();
    open.pop_back();
    const bool braces = in_[opener].type == Tok::LBRACE && in_[i].type == Tok::RBRACE && i > opener + 2;
    if (!braces || in_[opener + 1].type != Tok::STRING || in_[opener + 2].type != Tok::COLON) continue;
    in_[opener].type = Tok::LBRACK;
    in_[i].type = Tok::RBRACK;
  }
}

void TokenPass::measure_braces() {
  std::vector<const Token*> open;
  for (const Token& token : in_) {
    if (token.type == Tok::LBRACE) {
      ++imbalance_;
      open.push_back(&token);
    } else if (token.type == Tok::RBRACE) {
      --imbalance_;
      const Token* opener = open.empty() ? nullptr : open.back();
      if (opener) open.pop_back();
      const bool odd = !opener || (token.first && token.indent != opener->indent);
      if (odd) odd_closers_.push_back({token.begin, opener});
    }
  }
}

void TokenPass::look() {
  current_ = &in_[i_];
  const TokenType before = previous_type();
  statement_ = in_brace() && (out_.empty() || operand_ended_ || before == Tok::LBRACE || before == Tok::RBRACE ||
                              before == Tok::COMMA);
  if (block() == Block::value && !operand_ended_) statement_ = false;  // the value of a branch
  new_line_ = out_.empty() || out_.back().line != current_->line;
}

void TokenPass::emit(bool starts_statement) {
  out_.push_back(*current_);
  out_.back().starts_statement = starts_statement;
  out_.back().depth = open_braces();
  operand_ended_ = ends_operand(current_->type);
}

// Inserts a token right behind the previous one.
void TokenPass::conjure(TokenType type) {
  static constexpr std::string_view kSymbols[] = {"(", ")", "[", "]", "{", "}", ",", "=", "|>", "with", "onto", "if"};
  Token token;
  token.type = type;
  const std::string text = spelling(type);
  for (const std::string_view symbol : kSymbols) {
    if (symbol == text) token.text = symbol;
  }
  if (!out_.empty()) {
    const Token& before = out_.back();
    token.begin = token.end = before.end;
    token.line = before.line;
    token.column = token.end_column = before.end_column;
    token.indent = before.indent;
  }
  token.depth = open_braces();
  out_.push_back(token);
  operand_ended_ = ends_operand(type);
}

TokenPass::Outcome TokenPass::take_as(TokenType type, bool starts_statement) {
  current_->type = type;
  emit(starts_statement);
  return Outcome::taken;
}

// Drops the rest of a statement that was reported. Tokens at its own level go on to the rules, which see where the
// next statement starts; what they do not take ends in stop_skipping().
TokenPass::Outcome TokenPass::skip_unusable() {
  if (!skip_.on || type() == kEndOfFile) return Outcome::go_on;
  const bool word_before_setting = skip_.first_word && is_word(type());
  skip_.first_word = false;
  if (word_before_setting) return Outcome::taken;
  const TokenType dropped = i_ > 0 ? in_[i_ - 1].type : 0;
  if (is_word(type()) && (dropped == Tok::DOT || dropped == Tok::AT)) return Outcome::taken;
  if (is_opener(type())) {
    ++skip_.nested;
    return Outcome::taken;
  }
  if (skip_.nested == 0) return Outcome::go_on;
  if (is_closer(type())) --skip_.nested;
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::stop_skipping() {
  if (!skip_.on) return Outcome::go_on;
  if (!is_closer(type())) return Outcome::taken;
  skip_.on = false;
  return Outcome::go_on;
}

void TokenPass::begin_skip(bool first_word) {
  skip_ = {true, first_word, 0};
}

TokenPass::Outcome TokenPass::at_end() {
  if (type() != kEndOfFile) return Outcome::go_on;
  while (!brackets_.empty()) {
    close_top(!end_reported_);
    end_reported_ = true;
  }
  if (!out_.empty()) {  // errors at the end point behind the last token, not behind trailing blank lines
    current_->begin = current_->end = out_.back().end;
    current_->line = out_.back().line;
    current_->column = current_->end_column = out_.back().end_column;
  }
  emit();
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::plain() {
  if (type() == Tok::COMMA || type() == Tok::ASSIGN) forget_operators();
  if (in_brace() && type() == Tok::ASSIGN) {
    assigned_ = true;
    typed_ = false;
  }
  if (in_brace() && type() == Tok::COLON) typed_ = true;
  if (is_operator(type())) count_operator();
  emit();
  return Outcome::taken;
}

void TokenPass::start_statement(TokenType type) {
  if (type == Tok::MODULE || type == Tok::CRITERION || type == Tok::BALANCER) {
    header_ = true;
  } else if (starts_in(Block::file, type)) {
    header_ = false;
  }
  owner_ = type;
  owner_indent_ = current_->indent;
  assigned_ = typed_ = false;
  if (!in_brace()) return;
  forget_operators();
  pending_ifs() = 0;
}

std::string TokenPass::quoted(const Token& token) const {
  return token.type == kEndOfFile ? std::string(token.text) : "`" + excerpt(token.text) + "`";
}

std::string TokenPass::previous_text() const {
  return out_.empty() ? "the start" : quoted(out_.back());
}

SourceRange TokenPass::after_previous() const {
  if (out_.empty()) return {file_, 0, 0};
  return {file_, out_.back().end, out_.back().end};
}

diag::Report TokenPass::expected(const std::string& what) {
  return emitter_.report(diag::ExpectedAfter, what, previous_text()).at(after_previous());
}

}  // namespace mtl::syntax
