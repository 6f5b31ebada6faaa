// Rules of the token pass inside `(` and `[`, for brackets themselves, and the limits on nesting.
#include <algorithm>

#include "compiler/syntax/habits.h"
#include "compiler/syntax/token_pass.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

constexpr size_t kMaxNesting = 200;
constexpr size_t kMaxOperators = 500;   // in one bracket
constexpr size_t kMaxHeight = 1000;     // of an expression
constexpr size_t kGeneratorLook = 400;  // tokens

}  // namespace

// ---- inside ( and [ ----

TokenPass::Outcome TokenPass::in_brackets() {
  if (in_brace() || (type() == Tok::LBRACE && pending_ifs() > 0)) return Outcome::go_on;
  if (type() == Tok::FOR && operand_ended_ && brackets_.back().opener.type == Tok::LBRACK && generator_follows()) {
    emit();
    return Outcome::taken;
  }
  for (const Rule rule :
       {&TokenPass::named_argument, &TokenPass::statement_in_brackets, &TokenPass::forgotten_before_assign,
        &TokenPass::missing_comma, &TokenPass::spaced_minus_or_bracket}) {
    const Outcome outcome = (this->*rule)();
    if (outcome != Outcome::go_on) return outcome;
  }
  return Outcome::go_on;
}

// A `for` after an element: a generator ends at `]`, a statement has a `{` first.
bool TokenPass::generator_follows() const {
  int nested = 0;
  bool has_if = false;
  for (size_t k = 1; k < kGeneratorLook && i_ + k < in_.size(); ++k) {
    const TokenType t = type_at(k);
    if (t == Tok::LBRACE && nested == 0 && !has_if) return false;
    if (t == Tok::IF) has_if = true;
    if (is_opener(t)) ++nested;
    if (is_closer(t) && --nested < 0) return true;
  }
  return true;
}

TokenPass::Outcome TokenPass::named_argument() {
  if (!is_word(type()) || !before_sign()) return Outcome::go_on;
  const bool dedented = current_->first && new_line_ && current_->indent <= brackets_.back().indent;
  if (operand_ended_ && dedented) return Outcome::go_on;
  if (operand_ended_) {
    expected("`,`");
    conjure(Tok::COMMA);
  }
  return take_as(Tok::NAME);
}

// `balance = uncertainty(`, and on the next line something else begins.
TokenPass::Outcome TokenPass::never_filled() {
  if (in_brace()) return Outcome::go_on;
  const Bracket& top = brackets_.back();
  const bool outside = current_->first && current_->indent <= top.indent && current_->line != top.opener.line;
  if (!outside || operand_ended_ || header_ || previous_type() != top.opener.type) return Outcome::go_on;
  const bool typed = is_word(type()) && type_at(1) == Tok::COLON && block() != Block::file;
  if (!typed && (!is_statement_word(type()) || before_sign())) return Outcome::go_on;
  close_brackets(false);
  return Outcome::again;
}

// The bracket was forgotten: a statement or a block starts in it.
TokenPass::Outcome TokenPass::statement_in_brackets() {
  const bool starts = operand_ended_ && (is_statement_word(type()) || (is_word(type()) && before_sign()));
  if (!starts && type() != Tok::LBRACE) return Outcome::go_on;
  close_brackets(starts);
  return Outcome::again;
}

// `batch[news = 16`, `x : f32[T, 64 = column(0)`
TokenPass::Outcome TokenPass::forgotten_before_assign() {
  if (type() != Tok::ASSIGN || !brackets_.back().no_names || !operand_ended_) return Outcome::go_on;
  close_top(true);
  return Outcome::again;
}

TokenPass::Outcome TokenPass::missing_comma() {
  if (!operand_ended_ || !starts_operand(type())) return Outcome::go_on;
  expected("`,`");
  conjure(Tok::COMMA);
  emit();
  return Outcome::taken;
}

// L1 and L3.
TokenPass::Outcome TokenPass::spaced_minus_or_bracket() {
  if (!operand_ended_) return Outcome::go_on;
  const bool bracket = new_line_ && (type() == Tok::LPAREN || type() == Tok::LBRACK) && !header_;
  const bool minus = type() == Tok::MINUS && next() && current_->touches(*next()) && !out_.back().touches(*current_);
  if (!bracket && !minus) return Outcome::go_on;
  expected("`,`").note(bracket ? "a call or an index starts on the line of what it applies to"
                               : "for a difference write `- ` with a space on both sides");
  conjure(Tok::COMMA);
  return Outcome::go_on;
}

// ---- brackets ----

// `data rows [` and `}` as `(`, alone on its line: a bracket in the place of a brace.
TokenPass::Outcome TokenPass::bracket_for_brace() {
  const bool ends_line = next() && (next()->line != current_->line || next()->type == kEndOfFile);
  if (!in_brace() || !is_opener(type()) || !ends_line) return Outcome::go_on;
  const bool lists = header_ || owner_ == Tok::FUNCTION;  // of parameters
  const bool header = type() != Tok::LBRACE && declares_block(owner_) && !lists && operand_ended_ && !current_->first;
  if (header && (is_statement_word(type_at(1)) || (is_word(type_at(1)) && type_at(2) == Tok::ASSIGN))) {
    emitter_.report(diag::ExpectedFound, "`{` after " + previous_text(), quoted(*current_)).at(here());
    current_->type = Tok::LBRACE;
    ++imbalance_;
    return Outcome::again;
  }
  const int missing = type() == Tok::LBRACE ? 2 : 1;  // a `{` in its place opens one more
  const bool end = current_->first && !brackets_.empty() && imbalance_ >= missing && !declares_block(owner_) &&
                   current_->indent <= brackets_.back().indent;
  if (!end) return Outcome::go_on;
  emitter_.report(diag::ExpectedFound, "`}`", quoted(*current_))
      .at(here())
      .label(range(brackets_.back().opener), "to close this `{`");
  current_->type = Tok::RBRACE;
  imbalance_ -= missing;
  return Outcome::again;
}

// `= m {` at the top level, where a word was: what it holds belongs to a block that nobody knows.
TokenPass::Outcome TokenPass::headless_block() {
  if (type() != Tok::LBRACE || !brackets_.empty() || owner_ != 0 || pending_ifs() > 0 || out_.empty())
    return Outcome::go_on;
  expected("a declaration");
  size_t nested = 0;
  do {
    if (type() == Tok::LBRACE) ++nested;
    if (type() == Tok::RBRACE) --nested;
    if (nested == 0) break;
    current_ = &in_[++i_];
  } while (type() != kEndOfFile);
  return type() == kEndOfFile ? Outcome::again : Outcome::taken;
}

TokenPass::Outcome TokenPass::opener() {
  if (!is_opener(type())) return Outcome::go_on;
  const bool exceptions = type() == Tok::LBRACK && previous_type() == Tok::EXCEPT;
  const bool no_names = type() == Tok::LBRACK && in_brace() && (previous_type() == Tok::SETTING || typed_);
  if (operand_ended_ && type() != Tok::LBRACE) count_operator();
  Block block = Block::settings;
  bool branch = false;
  uint32_t indent = current_->indent;
  if (type() == Tok::LBRACE) {
    if (pending_ifs() > 0) {
      --pending_ifs();
      block = Block::value;
    } else {
      block = block_for_brace();
      branch = owner_ == Tok::IF;
      if (declares_block(owner_)) indent = owner_indent_;  // a header may take several lines
      header_ = false;
      owner_ = 0;
    }
  }
  emit();
  enter(*current_, block, indent);
  brackets_.back().exceptions = exceptions;
  brackets_.back().branch = branch;
  brackets_.back().no_names = no_names;
  return Outcome::taken;
}

// `} else {` behind what is no branch: its braces belong to nothing, so they are dropped with it.
TokenPass::Outcome TokenPass::stray_else() {
  constexpr size_t kLook = 100;  // for the `{`
  if (type() != Tok::RBRACE || type_at(1) != Tok::ELSE || !on_line_of_next()) return Outcome::go_on;
  const Bracket* top = brackets_.empty() ? nullptr : &brackets_.back();
  if (top && (top->opener.type != Tok::LBRACE || top->block == Block::value || top->branch)) return Outcome::go_on;
  size_t k = 2;
  while (k < kLook && type_at(k) != Tok::LBRACE && type_at(k) != kEndOfFile) ++k;
  if (type_at(k) != Tok::LBRACE || in_[i_ + k].line != current_->line) return Outcome::go_on;
  emitter_.report(diag::WrongPlace, "else", block_place(block()))
      .at(range(*next()))
      .help("`else` stands behind the `}` of an `if`");
  i_ += k;
  return Outcome::taken;
}

// There is a `}` too many: the first whose indentation differs from its opener's line is it.
TokenPass::Outcome TokenPass::unmatched_brace() {
  if (type() != Tok::RBRACE || imbalance_ >= 0) return Outcome::go_on;
  if (brackets_.empty() || brackets_.back().opener.type != Tok::LBRACE) return Outcome::go_on;
  const auto odd = std::lower_bound(odd_closers_.begin(), odd_closers_.end(), current_->begin,
                                    [](const Odd& a, uint32_t begin) { return a.begin < begin; });
  if (odd == odd_closers_.end() || odd->begin != current_->begin) return Outcome::go_on;
  ++imbalance_;
  if (const Token* begin = orphans()) {
    emitter_.report(diag::ExpectedFound, "the line that opens a block", quoted(*begin))
        .at(range(*begin))
        .label(here(), "this `}` has no `{`")
        .note("it stands deeper than what is above it");
    return Outcome::taken;
  }
  diag::Report report = emitter_.report(diag::UnmatchedBracket, "}").at(here());
  if (odd->opener) std::move(report).label(range(*odd->opener), "its indentation does not match this `{`");
  return Outcome::taken;
}

// The first of the statements in front of a `}` that stand deeper than it, in the same block: the line above them,
// which opened their block, is missing. Null: there are none.
const Token* TokenPass::orphans() const {
  const Token* first = nullptr;
  uint32_t nested = 0;
  for (size_t k = i_; k-- > 0;) {
    const Token& token = in_[k];
    if (is_closer(token.type)) ++nested;
    if (is_opener(token.type) && nested-- == 0) break;  // that of the block
    if (nested > 0 || !token.first) continue;
    if (token.indent <= current_->indent) break;
    const bool sign = in_[k + 1].type == Tok::ASSIGN || in_[k + 1].type == Tok::COLON;
    if (is_statement_word(token.type) || (is_word(token.type) && sign)) first = &token;
  }
  return first;
}

TokenPass::Outcome TokenPass::closer() {
  if (!is_closer(type())) return Outcome::go_on;
  if (brackets_.empty() || (closer_of(brackets_.back().opener.type) != type() && !match_closer())) {
    emitter_.report(diag::UnmatchedBracket, spelling(type())).at(here());
    return Outcome::taken;
  }
  const bool value = brackets_.back().opener.type == Tok::LBRACE && brackets_.back().block == Block::value;
  leave();
  emit();
  if (type() == Tok::RBRACE) else_of_value_ = value;
  if (value) operand_ended_ = true;
  return Outcome::taken;
}

// The wrong closer: closes what was forgotten, or is taken for the right one. False: it closes nothing.
bool TokenPass::match_closer() {
  const bool opened = std::any_of(brackets_.begin(), brackets_.end(),
                                  [&](const Bracket& bracket) { return closer_of(bracket.opener.type) == type(); });
  const Bracket& top = brackets_.back();
  if (type() == Tok::RBRACE && opened) {
    while (closer_of(brackets_.back().opener.type) != type()) close_top(true, true);
    return true;
  }
  const bool next_matches = brackets_.size() > 1 && closer_of(brackets_[brackets_.size() - 2].opener.type) == type();
  if (next_matches && top.opener.type != Tok::LBRACE) {
    close_top(true);
    return true;
  }
  if (top.opener.type == Tok::LBRACE || type() == Tok::RBRACE) return false;
  const TokenType right = closer_of(top.opener.type);
  emitter_.report(diag::ExpectedFound, "`" + spelling(right) + "`", "`" + spelling(type()) + "`")
      .at(here())
      .label(range(top.opener), "to close this `" + spelling(top.opener.type) + "`");
  current_->type = right;
  return true;
}

void TokenPass::enter(const Token& opener, Block block, uint32_t indent) {
  const bool brace = opener.type == Tok::LBRACE;
  Bracket bracket;
  bracket.opener = opener;
  bracket.block = block;
  bracket.inner = brace ? block : this->block();
  bracket.indent = indent;
  bracket.braces = open_braces() + (brace ? 1 : 0);
  brackets_.push_back(bracket);
  ++recursion_;
  limit_recursion();
}

void TokenPass::leave() {
  const Bracket top = brackets_.back();
  const size_t height = std::max(top.best, top.operators + top.child) + 1;
  brackets_.pop_back();
  recursion_ -= 1 + top.prefixes;
  if (!brackets_.empty()) brackets_.back().child = std::max(brackets_.back().child, height);
  if (height <= kMaxHeight || top.opener.type == Tok::LBRACE || stopped_) return;
  emitter_.report(diag::ExpressionTooLarge, kMaxHeight).at(range(top.opener)).help("split it with `let`");
  stopped_ = true;
}

void TokenPass::close_top(bool report, bool comment) {
  const Bracket top = brackets_.back();
  const TokenType right = closer_of(top.opener.type);
  if (report) {
    diag::Report made = expected("`" + spelling(right) + "`");
    std::move(made).label(range(top.opener), "this `" + spelling(top.opener.type) + "` is never closed");
    if (comment) std::move(made).note(comment_hint());
    if (type() == Tok::IF) std::move(made).help(conditional_of_python(in_, i_));
  }
  if (right != Tok::RBRACE) conjure(right);
  leave();
  if (right == Tok::RBRACE) conjure(right);
}

void TokenPass::close_brackets(bool comment) {
  while (!in_brace()) close_top(true, comment);
}

Block TokenPass::block_for_brace() const {
  switch (owner_) {
    case Tok::DATA:
      return Block::data;
    case Tok::MODEL:
      return Block::model;
    case Tok::TASK:
      return Block::task;
    case Tok::LOAD:
      return Block::load;
    case Tok::TRAIN:
      return Block::train;
    case Tok::SWEEP:
    case Tok::VOCAB:
    case Tok::GROUP:
      return Block::settings;
    case Tok::FOR:
    case Tok::IF:
    case Tok::ELSE:
    case Tok::FUNCTION:
    case Tok::MODULE:
    case Tok::CRITERION:
    case Tok::BALANCER:
      return Block::body;
    default:
      return block() == Block::data || block() == Block::file ? Block::settings : Block::body;
  }
}

void TokenPass::limit_recursion() {
  if (recursion_ <= kMaxNesting || stopped_) return;
  emitter_.report(diag::NestedTooDeep, kMaxNesting).at(here());
  stopped_ = true;
}

void TokenPass::count_operator() {
  size_t& operators = brackets_.empty() ? outer_operators_ : brackets_.back().operators;
  const bool prefix = type() == Tok::NOT || type() == Tok::POW || (type() == Tok::MINUS && !operand_ended_);
  if (prefix) {
    ++(brackets_.empty() ? outer_prefixes_ : brackets_.back().prefixes);
    ++recursion_;
    limit_recursion();
  }
  if (++operators <= kMaxOperators || stopped_) return;
  emitter_.report(diag::ExpressionTooLarge, kMaxOperators).at(here()).help("split it with `let`");
  stopped_ = true;
}

// A new element, argument or statement begins.
void TokenPass::forget_operators() {
  size_t& prefixes = brackets_.empty() ? outer_prefixes_ : brackets_.back().prefixes;
  recursion_ -= prefixes;
  prefixes = 0;
  if (brackets_.empty()) {
    outer_operators_ = 0;
    return;
  }
  Bracket& top = brackets_.back();
  if (top.opener.type != Tok::LBRACE) {
    top.best = std::max(top.best, top.operators + top.child);
    top.child = 0;
  }
  top.operators = 0;
}

// `width // 2)`: a comment that swallowed code.
std::string TokenPass::comment_hint() const {
  if (out_.empty()) return {};
  const Token& before = out_.back();
  for (const Comment& comment : comments_) {
    if (comment.line == before.line && comment.begin >= before.end) {
      return "`//` on this line starts a comment, it does not divide; `div(a, b)` does, and rounds down";
    }
  }
  return {};
}

}  // namespace mtl::syntax
