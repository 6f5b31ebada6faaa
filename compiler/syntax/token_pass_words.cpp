// Rules of the token pass for words and path wildcards, wherever they stand.
#include "compiler/syntax/phrases.h"
#include "compiler/syntax/token_pass.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {

// After `.` and `@` every word is a name.
TokenPass::Outcome TokenPass::member_name() {
  const TokenType before = previous_type();
  if (!is_word(type()) || (before != Tok::DOT && before != Tok::AT)) return Outcome::go_on;
  return take_as(Tok::NAME);
}

// `*` and `**` without an operand on their left are parts of a path.
TokenPass::Outcome TokenPass::wildcard() {
  if ((type() != Tok::STAR && type() != Tok::POW) || operand_ended_) return Outcome::go_on;
  const TokenType before = previous_type();
  const bool in_exceptions = !brackets_.empty() && brackets_.back().exceptions;
  if (before != Tok::DOT && !takes_path(before) && type_at(1) != Tok::DOT && !in_exceptions) return Outcome::go_on;
  if (before == Tok::DOT && type_at(1) == Tok::NAME && on_line_of_next()) {  // `x .* y`
    emitter_.report(diag::DotProduct).at(range(out_.back()).cover(here()));
    out_.pop_back();
    emit();
    return Outcome::taken;
  }
  return take_as(Tok::WILD);
}

// A misspelled word where only one of a few can stand; retyped for the rules that follow.
TokenPass::Outcome TokenPass::misspelled_inside() {
  if (type() != Tok::NAME) return Outcome::go_on;
  const TokenType before = previous_type(), after = type_at(1);
  TokenType meant = 0;
  if ((before == Tok::SHARED || before == Tok::PRIVATE) && is_word(after)) {
    meant = nearest_word(current_->text, {Tok::PARAM, Tok::STATE});
  } else if (before == Tok::UNTIL) {
    meant = nearest_word(current_->text, {Tok::EPOCH, Tok::STEP});
  } else if (!in_brace() && operand_ended_ && is_word(after) && type_at(2) == Tok::IN) {
    meant = nearest_word(current_->text, {Tok::FOR});
  } else if (before == Tok::RBRACE && else_of_value_ && operand_ended_ && (after == Tok::LBRACE || after == Tok::IF)) {
    meant = nearest_word(current_->text, {Tok::ELSE});
  }
  if (meant == 0) return Outcome::go_on;
  emitter_.report(diag::UnknownWord, excerpt(current_->text))
      .at(here())
      .help("did you mean `" + spelling(meant) + "`?");
  current_->type = meant;
  if (meant != Tok::PARAM && meant != Tok::STATE) return Outcome::go_on;
  emit();
  return Outcome::taken;
}

// `let mut x`, `lambda x: x + 1`
TokenPass::Outcome TokenPass::foreign_value() {
  if (type() != Tok::NAME || !is_word(type_at(1)) || !on_line_of_next()) return Outcome::go_on;
  const bool mutable_name = previous_type() == Tok::LET && current_->text == "mut";
  const bool lambda = current_->text == "lambda" && !operand_ended_ && !statement_;
  if (!mutable_name && !lambda) return Outcome::go_on;
  const PhrasePlace place = lambda ? PhrasePlace::value : PhrasePlace::statement;
  emitter_.report(diag::UnknownWord, excerpt(current_->text)).at(here()).help(advice(place, current_->text));
  if (mutable_name) return Outcome::taken;
  size_t nested = 0;
  bool body = false;
  while (on_line_of_next()) {
    const TokenType after = type_at(1);
    if (nested == 0 && (is_closer(after) || (body && after == Tok::COMMA))) break;
    current_ = &in_[++i_];
    body = body || type() == Tok::COLON;
    if (is_opener(type())) ++nested;
    if (is_closer(type())) --nested;
  }
  conjure(Tok::NAME);
  return Outcome::taken;
}

TokenPass::Outcome TokenPass::until_unit() {
  if (previous_type() != Tok::UNTIL || (type() != Tok::EPOCH && type() != Tok::STEP)) return Outcome::go_on;
  return take_as(type());
}

// `private param x : ...`, but `private param = linear(3)` declares a layer called param.
TokenPass::Outcome TokenPass::owned_state() {
  const TokenType before = previous_type();
  if ((before != Tok::SHARED && before != Tok::PRIVATE) || !is_word(type_at(1))) return Outcome::go_on;
  if (type() == Tok::LAYER) {
    const std::string word(out_.back().text);
    emitter_.report(diag::OwnedLayerWord, word).at(here()).help("write `" + word + " " + excerpt(next()->text) + "`");
    return Outcome::taken;
  }
  if (type() != Tok::PARAM && type() != Tok::STATE) return Outcome::go_on;
  return take_as(type());
}

// `batch[news] = 16` in `train`.
TokenPass::Outcome TokenPass::indexed_setting() {
  const bool starts = in_brace() && block() == Block::train && statement_ && is_word(type()) &&
                      type_at(1) == Tok::LBRACK && on_line_of_next();
  if (!starts) return Outcome::go_on;
  if (operand_ended_ && !new_line_) emitter_.report(diag::TwoOnLine, excerpt(current_->text)).at(here());
  skip_.on = false;
  owner_ = 0;
  take_as(Tok::SETTING, true);
  operand_ended_ = true;  // the `[` continues it
  return Outcome::taken;
}

// `[i for i in xs if i > 1]`
TokenPass::Outcome TokenPass::list_condition() {
  if (in_brace() || type() != Tok::IF || !operand_ended_ || new_line_) return Outcome::go_on;
  if (brackets_.back().opener.type != Tok::LBRACK) return Outcome::go_on;
  emitter_.report(diag::ListCondition)
      .at(here())
      .help("an `if` value stands before `for`: [if c { a } else { b } for ...]");
  size_t nested = 0;
  while (on_line_of_next()) {
    if (is_opener(next()->type)) {
      ++nested;
    } else if (is_closer(next()->type)) {
      if (nested == 0) break;
      --nested;
    }
    current_ = &in_[++i_];
  }
  return Outcome::taken;
}

// `return a, b`
TokenPass::Outcome TokenPass::unnamed_results() {
  const bool second = previous_type() == Tok::COMMA && owner_ == Tok::RETURN && in_brace() && type() == Tok::NAME &&
                      type_at(1) != Tok::ASSIGN;
  if (!second) return Outcome::go_on;
  emitter_.report(diag::NamelessResults).at(here()).help("write `return (a = x, b = y)`");
  owner_ = 0;
  begin_skip(false);
  return Outcome::taken;
}

// `if` where an operand is due begins a value.
TokenPass::Outcome TokenPass::if_value() {
  if (type() != Tok::IF || statement_ || operand_ended_) return Outcome::go_on;
  if (previous_type() == Tok::ELSE && !else_of_value_) return Outcome::go_on;
  ++pending_ifs();
  emit();
  return Outcome::taken;
}

// `if c { a else { b }`
TokenPass::Outcome TokenPass::open_branch() {
  const bool open =
      block() == Block::value && in_brace() && type() == Tok::ELSE && operand_ended_ && previous_type() != Tok::RBRACE;
  if (!open) return Outcome::go_on;
  close_top(true);
  operand_ended_ = true;
  else_of_value_ = true;
  return Outcome::again;
}

// `lr =` and on the next line `decay = 3`: a word before `=` where an operand is due begins a setting, so that the
// parser reports the missing value where it is missing.
TokenPass::Outcome TokenPass::setting_for_value() {
  if (!is_word(type()) || !in_brace() || statement_ || operand_ended_ || !before_sign()) return Outcome::go_on;
  if (!is_operator(previous_type()) && previous_type() != Tok::ASSIGN) return Outcome::go_on;
  return take_as(Tok::SETTING, true);
}

// `shared encoder = embed(8) >>` and on the next line `task a predicts ...`: two words side by side are no value, so
// the statement starts here and the parser reports the missing value.
TokenPass::Outcome TokenPass::statement_for_value() {
  if (!in_brace() || statement_ || operand_ended_ || !current_->first) return Outcome::go_on;
  if (!starts_in(block(), type())) return Outcome::go_on;
  if (!is_operator(previous_type()) && previous_type() != Tok::ASSIGN) return Outcome::go_on;
  if (!is_reserved(type()) && !(on_line_of_next() && is_word(type_at(1)))) return Outcome::go_on;
  start_statement(type());
  emit(true);
  return Outcome::taken;
}

// Where an operand is due, statement and clause words are names.
TokenPass::Outcome TokenPass::word_as_name() {
  if (is_keyword(type()) && !statement_ && !operand_ended_) {
    if (!is_reserved(type()) || before_sign()) current_->type = Tok::NAME;
  }
  if (previous_type() == Tok::VAR && type() == Tok::NAME) variables_.insert(current_->text);
  return Outcome::go_on;
}

}  // namespace mtl::syntax
