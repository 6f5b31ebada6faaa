// Second half of the token pass: between lexer and parser, one loop over the tokens.
//
// It makes words into names, settings and path wildcards where they are that (the grammar's invariant I2 says where),
// checks the three layout rules, and repairs typical mistakes: each is reported once, then tokens are inserted or
// retyped so that the parser sees a clean stream. A list of rules is tried on each token; the first that takes it ends
// the step. Work per token is bounded, and nesting is limited, so that the pass and all that follows end on any input.
//
//   L1  `(` and `[` that continue an operand stand on the line where it ends
//   L2  a `name =` or `name :` that follows another statement on its line has a `,` before it
//   L3  a minus between two values has a space after it where it starts a line or, in brackets, has one before it
#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/syntax/token.h"
#include "compiler/syntax/token_words.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

class TokenPass {
 public:
  TokenPass(std::vector<Token> tokens, const std::vector<Comment>& comments, FileId file, diag::Emitter& emitter);
  // False where a limit was hit: there is nothing to parse then.
  bool run();
  std::vector<Token> take() { return std::move(out_); }

 private:
  enum class Outcome : uint8_t { go_on, taken, again };  // try the next rule; next token; same token from the start
  using Rule = Outcome (TokenPass::*)();

  struct Bracket {
    Token opener;
    Block block = Block::file;                  // of a brace
    Block inner = Block::file;                  // of the innermost brace from here outwards
    uint32_t indent = 0;                        // of the line that opened it, or on which its statement starts
    uint32_t braces = 0;                        // braces open, this one included
    size_t operators = 0, child = 0, best = 0;  // height of the expression in it: see leave()
    size_t prefixes = 0;                        // operators on which the parser recurses
    int pending_ifs = 0;                        // `if` values whose `{` is still to come
    bool exceptions = false;                    // `except [`
    bool branch = false;                        // of a statement `if`: an `else` may follow
    bool no_names = false;                      // `batch[` in `train` and `f32[`: nothing in it has a `=`
  };
  struct Skip {  // rest of a statement that cannot be used
    bool on = false;
    bool first_word = false;
    size_t nested = 0;
  };

  // token_pass.cpp: the loop and the stream
  void read_tables();
  void measure_braces();
  void look();
  void emit(bool starts_statement = false);
  void conjure(TokenType type);
  Outcome take_as(TokenType type, bool starts_statement = false);
  Outcome skip_unusable();
  Outcome at_end();
  Outcome stop_skipping();
  Outcome plain();
  bool in_brace() const { return brackets_.empty() || brackets_.back().opener.type == Tok::LBRACE; }
  Block block() const { return brackets_.empty() ? Block::file : brackets_.back().inner; }
  uint32_t open_braces() const { return brackets_.empty() ? 0 : brackets_.back().braces; }
  int& pending_ifs() { return brackets_.empty() ? outer_pending_ifs_ : brackets_.back().pending_ifs; }
  TokenType type() const { return current_->type; }
  TokenType type_at(size_t ahead) const { return i_ + ahead < in_.size() ? in_[i_ + ahead].type : kEndOfFile; }
  const Token* next() const { return i_ + 1 < in_.size() ? &in_[i_ + 1] : nullptr; }
  bool on_line_of_next() const { return next() && next()->line == current_->line && next()->type != kEndOfFile; }
  TokenType previous_type() const { return out_.empty() ? 0 : out_.back().type; }
  std::string previous_text() const;
  void begin_skip(bool first_word);
  void start_statement(TokenType type);

  // reports
  SourceRange range(const Token& token) const { return {file_, token.begin, token.end}; }
  SourceRange here() const { return range(*current_); }
  SourceRange after_previous() const;
  diag::Report expected(const std::string& what);  // "expected X after `previous`"
  std::string quoted(const Token& token) const;

  // token_pass_words.cpp: words, wherever they stand
  Outcome member_name();
  Outcome wildcard();
  Outcome misspelled_inside();
  Outcome foreign_value();
  Outcome until_unit();
  Outcome owned_state();
  Outcome indexed_setting();
  Outcome list_condition();
  Outcome unnamed_results();
  Outcome if_value();
  Outcome open_branch();
  Outcome setting_for_value();
  Outcome statement_for_value();
  Outcome word_as_name();

  // token_pass_brackets.cpp: in `(` and `[`, and brackets themselves
  Outcome in_brackets();
  Outcome never_filled();
  Outcome named_argument();
  Outcome statement_in_brackets();
  Outcome forgotten_before_assign();
  Outcome missing_comma();
  Outcome spaced_minus_or_bracket();
  Outcome bracket_for_brace();
  Outcome headless_block();
  Outcome opener();
  Outcome stray_else();
  Outcome unmatched_brace();
  const Token* orphans() const;
  Outcome closer();
  bool match_closer();
  bool generator_follows() const;
  void enter(const Token& opener, Block block, uint32_t indent);
  void leave();
  void close_top(bool report, bool comment_hint = false);
  void close_brackets(bool comment_hint);
  Block block_for_brace() const;
  void count_operator();
  void limit_recursion();
  void forget_operators();
  std::string comment_hint() const;

  // token_pass_statements.cpp: where a statement or a clause may start
  bool word_starts() const { return in_brace() && statement_ && is_word(type()); }
  bool before_sign() const { return type_at(1) == Tok::ASSIGN || type_at(1) == Tok::COLON; }
  Outcome continued_line();
  Outcome missing_open_brace();
  Outcome dedented();
  Outcome setting();
  Outcome missing_const();
  Outcome statement_word();
  Outcome misplaced_statement();
  Outcome unknown_word();
  Outcome foreign_word();
  std::string foreign_advice() const;
  TokenType meant_by_foreign() const;
  bool has_typed_header(size_t lists) const;
  Outcome drop_construct();
  Outcome misspelled_statement();
  Outcome missing_clause_word();
  Outcome missing_assign();
  Outcome missing_pipe();
  Outcome unknown_statement();
  Outcome else_or_loop();

  std::vector<Token> in_, out_;
  const std::vector<Comment>& comments_;
  FileId file_;
  diag::Emitter& emitter_;

  // the token at hand
  size_t i_ = 0;
  Token* current_ = nullptr;
  bool operand_ended_ = false;  // the previous token ends an operand
  bool statement_ = false;      // a statement or clause may start here
  bool new_line_ = false;       // since the previous token

  std::vector<Bracket> brackets_;
  int outer_pending_ifs_ = 0;
  size_t outer_operators_ = 0, outer_prefixes_ = 0;
  size_t recursion_ = 0;       // how deep the parser recurses here: brackets and prefix operators
  TokenType owner_ = 0;        // the statement word whose block or clause may come
  uint32_t owner_indent_ = 0;  // of its line
  bool header_ = false;        // in the lists of a module: exempt from L1
  bool assigned_ = false;      // the statement at hand had its `=`
  bool typed_ = false;         // it had a `:` and no `=` since
  bool else_of_value_ = false;
  bool end_reported_ = false;
  bool stopped_ = false;
  Skip skip_;
  std::set<std::string_view> variables_;  // names of `var`

  int imbalance_ = 0;  // more `{` than `}` in the file
  struct Odd {
    uint32_t begin;
    const Token* opener;
  };
  std::vector<Odd> odd_closers_;  // `}` whose indentation is not that of its opener's line, by offset
};

}  // namespace mtl::syntax
