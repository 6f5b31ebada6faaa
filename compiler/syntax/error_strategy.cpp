// Turns what the parser expected into one message, and decides where parsing goes on.
#include "compiler/syntax/error_strategy.h"

#include <algorithm>

#include "compiler/syntax/habits.h"
#include "compiler/syntax/token_words.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

using antlr4::Parser;
using antlr4::ParserRuleContext;
using antlr4::atn::ATNState;
using antlr4::misc::IntervalSet;

constexpr size_t kMostNamed = 5;  // of expectations in one message

size_t rule_of(Parser* parser) {
  const ParserRuleContext* context = parser->getContext();
  return context ? context->getRuleIndex() : static_cast<size_t>(-1);
}

// The rule whose header ends where a body is missing.
size_t header_rule_of(Parser* parser) {
  const ParserRuleContext* context = parser->getContext();
  const bool body = context && context->getRuleIndex() == Tok::RuleBody && context->parent;
  return body ? static_cast<const ParserRuleContext*>(context->parent)->getRuleIndex() : rule_of(parser);
}

// In `type`, `result`, or the name with which a type starts.
bool expects_type(Parser* parser) {
  if (rule_of(parser) == Tok::RuleType || rule_of(parser) == Tok::RuleResult) return true;
  ParserRuleContext* context = parser->getContext();
  if (!context || !context->parent) return false;
  auto* parent = static_cast<ParserRuleContext*>(context->parent);
  return parent->getRuleIndex() == Tok::RuleType && parent->start == context->start;
}

// Rules whose loops are lists of statements or settings.
bool is_list(size_t rule) {
  switch (rule) {
    case Tok::RuleFile:
    case Tok::RuleDataDecl:
    case Tok::RuleModelDecl:
    case Tok::RuleTrainBlock:
    case Tok::RuleBody:
    case Tok::RuleSettings:
      return true;
    default:
      return false;
  }
}

bool starts_value_only(TokenType type) {
  return starts_operand(type) || type == Tok::LPAREN || type == Tok::LBRACK || type == Tok::MINUS || type == Tok::NOT ||
         type == Tok::IF || type == Tok::WILD;
}

std::string noun_of(TokenType type, const IntervalSet& expected) {
  if (type == Tok::COLON && expected.size() == 1) return "`: type`";
  if (type == Tok::SETTING) return "`name =`";
  if (type == kEndOfFile) return "the end of the file";
  return "`" + spelling(type) + "`";
}

// Operators that could continue an operand are never what is missing.
std::vector<std::string> most_telling(std::vector<std::string> nouns) {
  static constexpr std::string_view kTelling[] = {"`=`", "`:`",  "`,`",     "`)`",    "`]`",           "`}`",
                                                  "`{`", "`->`", "a value", "a name", "a declaration", "a statement"};
  std::vector<std::string> kept;
  for (const std::string& noun : nouns) {
    if (std::find(std::begin(kTelling), std::end(kTelling), noun) != std::end(kTelling)) kept.push_back(noun);
  }
  return kept.empty() ? nouns : kept;
}

// The block whose statements may start here, if any.
const std::vector<TokenType>& startable(const IntervalSet& expected) {
  for (const Block block : {Block::file, Block::model, Block::body}) {
    const std::vector<TokenType>& words = starters(block);
    const auto found = [&](TokenType type) { return expected.contains(type); };
    if (std::all_of(words.begin(), words.end(), found)) return words;
  }
  return starters(Block::value);  // none
}

std::string describe(Parser* parser, const IntervalSet& expected) {
  const std::vector<TokenType>& statements = startable(expected);
  const bool value = expected.contains(size_t{Tok::INT});
  std::vector<std::string> nouns;
  if (value) {
    nouns.push_back("a value");
  } else if (expected.contains(size_t{Tok::NAME})) {
    nouns.push_back(expects_type(parser) ? "a type" : "a name");
  }
  for (const ssize_t found : expected.toList()) {
    const auto type = static_cast<TokenType>(found);
    if (type == Tok::NAME || type == Tok::WILD || (value && starts_value_only(type))) continue;
    if (type == Tok::LBRACK && expected.contains(size_t{Tok::ASSIGN})) continue;
    if (!statements.empty() && type == kEndOfFile) continue;
    if (std::find(statements.begin(), statements.end(), type) != statements.end()) continue;
    nouns.push_back(noun_of(type, expected));
  }
  if (!statements.empty()) nouns.push_back(starts_in(Block::file, statements[0]) ? "a declaration" : "a statement");
  if (nouns.size() > kMostNamed) nouns = most_telling(std::move(nouns));
  if (nouns.size() > kMostNamed + 1) nouns.resize(kMostNamed + 1);
  return join(nouns, ", ", " or ");
}

std::string quoted(const Token& token) {
  return token.type == kEndOfFile ? "the end of the file" : "`" + excerpt(token.text) + "`";
}

uint32_t depth_of(const ParserRuleContext* context, const std::vector<Token>& tokens) {
  if (!context || !context->start) return 0;
  const size_t index = context->start->getTokenIndex();
  return index < tokens.size() ? tokens[index].depth : 0;
}

// What other languages write, and people who come from them.
std::string habit_of_other_languages(const Token& found, const Token& before, size_t rule,
                                     const IntervalSet& expected) {
  const bool in_header =
      (rule == Tok::RuleTaskDecl || rule == Tok::RuleColumn) && expected.contains(size_t{Tok::LBRACE});
  if (before.type == Tok::WHEN || (in_header && is_operator(found.type)))
    return "`when` takes a `bool` column: `column(...) |> is(\"...\")` makes one";
  if (in_header && found.type == Tok::COMMA) return "a task predicts one column: write a task for each";
  if (found.type == Tok::COMMA && expected.contains(size_t{Tok::RPAREN}) && !expected.contains(size_t{Tok::COMMA})) {
    return "a list is written in brackets: `[a, b]`";
  }
  if (found.type == Tok::COLON && (expected.contains(size_t{Tok::RBRACK}) || before.type == Tok::LBRACK))
    return "a slice is written `x[a..b]`";
  if (found.type == Tok::COLON && expected.contains(size_t{Tok::RPAREN})) {
    const Token& after = *(&found + 1);  // the end of the file is a token, too
    if (before.type == Tok::INT && after.type == Tok::INT)
      return "a range is written `" + std::string(before.text) + ".." + std::string(after.text) + "`";
    if (before.type == Tok::NAME) return "an argument is written `" + std::string(before.text) + " = value`";
    return "a range is written `a..b`, and an argument `name = value`";
  }
  if (found.type == Tok::ARROW && ends_operand(before.type))
    return "a value goes into a layer by `|>`: `x |> linear(8)`";
  const Token* after = found.type == kEndOfFile ? nullptr : &found + 1;
  if ((rule == Tok::RuleModuleDecl || rule == Tok::RuleFunctionDecl) && before.type == Tok::LBRACE &&
      after != nullptr && after->type == Tok::RBRACE)
    return "write `return " + std::string(found.text) + "`";
  if (found.type == Tok::COLON && expected.contains(size_t{Tok::LBRACE}))
    return "a block stands in braces: `if c { ... }`, `for i in 0..3 { ... }`";
  const bool behind_value = expected.contains(size_t{Tok::RPAREN}) || expected.contains(size_t{Tok::RBRACK});
  if ((found.type == Tok::ELSE && expected.contains(size_t{Tok::LBRACE})) || (found.type == Tok::IF && behind_value))
    return "a value that depends is `if c { a } else { b }`";
  return {};
}

}  // namespace

const Token& ErrorStrategy::current(Parser* parser) const {
  const size_t index = parser->getCurrentToken()->getTokenIndex();
  return tokens_[std::min(index, tokens_.size() - 1)];
}

void ErrorStrategy::reportError(Parser* parser, const antlr4::RecognitionException&) {
  report(parser);
}
void ErrorStrategy::reportUnwantedToken(Parser* parser) {
  report(parser);
}
void ErrorStrategy::reportMissingToken(Parser* parser) {
  report(parser);
}

void ErrorStrategy::report(Parser* parser) {
  if (inErrorRecoveryMode(parser)) return;
  beginErrorCondition(parser);
  const IntervalSet expected = parser->getExpectedTokens();
  const Token& found = current(parser);
  if (&found == &tokens_.front()) {
    emitter_.report(diag::ExpectedFound, describe(parser, expected), quoted(found)).at({file_, found.begin, found.end});
    return;
  }
  const Token& before = *(&found - 1);
  if (report_special(found, before, expected)) return;
  const std::string what = describe(parser, expected);
  // Behind a blank line something new begins, and between declarations: it is that which is wrong.
  const bool new_item = is_list(rule_of(parser)) && found.type != kEndOfFile &&
                        (rule_of(parser) == Tok::RuleFile || found.line > before.line + 1);
  if (!new_item && (found.line != before.line || found.type == kEndOfFile)) {
    emitter_.report(diag::ExpectedAfter, what, quoted(before))
        .at({file_, before.end, before.end})
        .note("found " + quoted(found) + " instead");
  } else {
    const auto at = static_cast<size_t>(&found - tokens_.data());
    size_t colon = 0;
    const std::string slice = slice_of_python(tokens_, at, colon);
    const Token& shown = slice.empty() || colon == 0 ? found : tokens_[colon];
    const std::string said = !slice.empty() ? slice : conditional_of_python(tokens_, at);
    const std::string wanted = &shown == &found ? what + " after " + quoted(before) : "an index";
    emitter_.report(diag::ExpectedFound, wanted, quoted(shown))
        .at({file_, shown.begin, std::max(shown.end, shown.begin)})
        .help(!said.empty()           ? said
              : is_batch_table(found) ? "one source's size is a setting of its own: `batch = 32`, `batch[news] = 16`"
                                      : habit_of_other_languages(found, before, header_rule_of(parser), expected));
  }
}

// `batch = [news: 16]` or `batch = {news: 16}`: the sizes of several sources as one value.
bool ErrorStrategy::is_batch_table(const Token& found) const {
  if (found.type != Tok::COLON && found.type != Tok::LBRACE) return false;
  const Token* at = &found;
  while (at > &tokens_.front() && at->type != Tok::ASSIGN) --at;
  return at > &tokens_.front() && (at - 1)->text == "batch";
}

bool ErrorStrategy::report_special(const Token& found, const Token& before, const IntervalSet& expected) {
  if (before.type == Tok::RETURN && found.type == Tok::LPAREN) {
    emitter_.report(diag::NamelessResults).at({file_, found.begin, found.end}).help("write `return (a = x, b = y)`");
    return true;
  }
  const bool second_list = before.type == Tok::RPAREN && expected.size() == 1 && expected.contains(size_t{Tok::LPAREN});
  if (!second_list) return false;
  emitter_.report(diag::ExpectedAfter, "a second list", "`)`")
      .at({file_, before.end, before.end})
      .help("`name(static)(inputs)`: both lists are written, the static one may be `()`");
  return true;
}

// Inserts as the runtime does; deletes a doubled token and no other.
antlr4::Token* ErrorStrategy::recoverInline(Parser* parser) {
  const Token& found = current(parser);
  const bool doubled = &found != &tokens_.front() && (&found - 1)->type == found.type && found.type != Tok::NAME;
  if (doubled && getExpectedTokens(parser).contains(parser->getTokenStream()->LA(2))) {
    report(parser);
    parser->consume();
    antlr4::Token* matched = parser->getCurrentToken();
    reportMatch(parser);
    return matched;
  }
  if (singleTokenInsertion(parser)) return getMissingSymbol(parser);
  throw antlr4::InputMismatchException(parser);  // how the runtime's parser is told; it catches it in the rule
}

bool ErrorStrategy::stops_at(Parser* parser, uint32_t depth) const {
  const Token& token = current(parser);
  return token.type == kEndOfFile || token.depth < depth || (token.starts_statement && token.depth <= depth);
}

void ErrorStrategy::skip(Parser* parser, uint32_t depth) {
  while (!stops_at(parser, depth)) parser->consume();
}

void ErrorStrategy::recover(Parser* parser, std::exception_ptr) {
  const auto index = static_cast<int>(parser->getInputStream()->index());
  if (lastErrorIndex == index && lastErrorStates.contains(parser->getState())) parser->consume();  // or it would loop
  lastErrorIndex = static_cast<int>(parser->getInputStream()->index());
  lastErrorStates.add(parser->getState());
  skip(parser, depth_of(parser->getContext(), tokens_));
}

void ErrorStrategy::sync(Parser* parser) {
  if (inErrorRecoveryMode(parser)) return;
  ATNState* state = parser->getInterpreter<antlr4::atn::ATNSimulator>()->atn.states[parser->getState()];
  const IntervalSet following = parser->getATN().nextTokens(state);
  if (following.contains(static_cast<size_t>(antlr4::Token::EPSILON))) return;
  if (following.contains(parser->getTokenStream()->LA(1))) return;
  switch (state->getStateType()) {
    case ATNState::BLOCK_START:
      // The comma between the elements of a list: what is wrong is behind one element, and the list goes on.
      if (is_list(rule_of(parser)) && following.contains(size_t{Tok::COMMA})) return sync_list(parser);
      throw antlr4::InputMismatchException(parser);
    case ATNState::STAR_BLOCK_START:
    case ATNState::PLUS_BLOCK_START:
      throw antlr4::InputMismatchException(parser);
    case ATNState::STAR_LOOP_ENTRY:
    case ATNState::STAR_LOOP_BACK:
    case ATNState::PLUS_LOOP_BACK:
      if (!is_list(rule_of(parser))) throw antlr4::InputMismatchException(parser);
      sync_list(parser);
      break;
    default:
      break;
  }
}

// In a list of statements: report, and go on with the next statement of the list.
void ErrorStrategy::sync_list(Parser* parser) {
  report(parser);
  const uint32_t depth = rule_of(parser) == Tok::RuleFile ? 0 : depth_of(parser->getContext(), tokens_) + 1;
  const Token& token = current(parser);
  const bool own_start = token.type != kEndOfFile && token.starts_statement && token.depth == depth;
  if (!stops_at(parser, depth) || own_start) {
    parser->consume();
    skip(parser, depth);
  }
  lastErrorIndex = -1;
}

}  // namespace mtl::syntax
