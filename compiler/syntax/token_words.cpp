// Tables of words by the places where they may stand.
#include "compiler/syntax/token_words.h"

#include <algorithm>
#include <initializer_list>

#include "MtlLexer.h"
#include "support/base/text.h"

namespace mtl::syntax {
namespace {

bool one_of(TokenType type, std::initializer_list<TokenType> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

const std::vector<TokenType> kFileStarters{Tok::USE,      Tok::CONST,     Tok::VOCAB,    Tok::DATA,  Tok::MODULE,
                                           Tok::FUNCTION, Tok::CRITERION, Tok::BALANCER, Tok::MODEL, Tok::SWEEP};
const std::vector<TokenType> kBodyStarters{Tok::LET,     Tok::VAR,     Tok::LAYER,  Tok::PARAM,  Tok::STATE,
                                           Tok::SHARED,  Tok::PRIVATE, Tok::FOR,    Tok::IF,     Tok::RETURN,
                                           Tok::PENALTY, Tok::MONITOR, Tok::UPDATE, Tok::REQUIRE};
const std::vector<TokenType> kModelStarters = [] {
  std::vector<TokenType> all = kBodyStarters;
  all.insert(all.end(),
             {Tok::TASK, Tok::TRAIN, Tok::METRIC, Tok::TIE, Tok::LOAD, Tok::FREEZE, Tok::WRAP, Tok::PROJECT});
  return all;
}();
const std::vector<TokenType> kLoadStarters{Tok::RENAME};
const std::vector<TokenType> kTrainStarters{Tok::GROUP};
const std::vector<TokenType> kNoStarters;

}  // namespace

const std::vector<TokenType>& starters(Block block) {
  switch (block) {
    case Block::file:
      return kFileStarters;
    case Block::body:
    case Block::task:
      return kBodyStarters;
    case Block::model:
      return kModelStarters;
    case Block::load:
      return kLoadStarters;
    case Block::train:
      return kTrainStarters;
    case Block::data:
    case Block::settings:
    case Block::value:
      return kNoStarters;
  }
  return kNoStarters;
}

bool starts_in(Block block, TokenType type) {
  const std::vector<TokenType>& words = starters(block);
  return std::find(words.begin(), words.end(), type) != words.end();
}

const char* block_place(Block block) {
  switch (block) {
    case Block::file:
      return "at the top level";
    case Block::data:
      return "in a data block";
    case Block::settings:
      return "in a settings block";
    case Block::body:
      return "in a block";
    case Block::task:
      return "in a task";
    case Block::model:
      return "in a model";
    case Block::load:
      return "in a load block";
    case Block::train:
      return "in a train block";
    case Block::value:
      return "in a branch of an `if` value";
  }
  return "in a block";
}

Block home_of(TokenType type) {
  for (const Block block : {Block::file, Block::model, Block::body, Block::load, Block::train}) {
    if (starts_in(block, type)) return block;
  }
  return Block::file;
}

std::string spelling(TokenType type) {
  static const grammar::MtlLexer lexer(nullptr);  // for its vocabulary
  std::string quoted = lexer.getVocabulary().getLiteralName(type);
  return quoted.size() > 2 ? quoted.substr(1, quoted.size() - 2) : quoted;
}

bool is_keyword(TokenType type) {
  return type >= Tok::USE && type <= Tok::FALSE;
}
bool is_reserved(TokenType type) {
  return type >= Tok::LET && type <= Tok::FALSE;
}
bool is_word(TokenType type) {
  return is_keyword(type) || type == Tok::NAME || type == Tok::SETTING;
}

bool is_clause_word(TokenType type) {
  return one_of(type, {Tok::PREDICTS, Tok::WHEN, Tok::ONTO, Tok::UNTIL, Tok::EPOCH, Tok::STEP, Tok::FROM, Tok::EXCEPT,
                       Tok::WITH, Tok::OF, Tok::IN, Tok::ELSE, Tok::AND, Tok::OR});
}

bool takes_path(TokenType type) {
  return one_of(type, {Tok::TIE, Tok::LOAD, Tok::FREEZE, Tok::WRAP, Tok::PROJECT, Tok::GROUP, Tok::EXCEPT});
}

bool declares_block(TokenType type) {
  return one_of(type, {Tok::DATA, Tok::MODEL, Tok::SWEEP, Tok::TASK, Tok::TRAIN, Tok::VOCAB, Tok::MODULE, Tok::FUNCTION,
                       Tok::CRITERION, Tok::BALANCER});
}

bool is_opener(TokenType type) {
  return one_of(type, {Tok::LPAREN, Tok::LBRACK, Tok::LBRACE});
}
bool is_closer(TokenType type) {
  return one_of(type, {Tok::RPAREN, Tok::RBRACK, Tok::RBRACE});
}

TokenType closer_of(TokenType opener) {
  return opener == Tok::LPAREN ? Tok::RPAREN : opener == Tok::LBRACK ? Tok::RBRACK : Tok::RBRACE;
}

bool starts_operand(TokenType type) {
  return one_of(type, {Tok::NAME, Tok::SIZE, Tok::INT, Tok::FLOAT, Tok::PERCENT, Tok::SCALED, Tok::STRING, Tok::TRUE,
                       Tok::FALSE});
}

bool ends_operand(TokenType type) {
  return starts_operand(type) || one_of(type, {Tok::RPAREN, Tok::RBRACK, Tok::WILD, Tok::ELLIPSIS});
}

bool is_operator(TokenType type) {
  return one_of(type,
                {Tok::PIPE, Tok::COMPOSE, Tok::RANGE, Tok::POW, Tok::EQEQ, Tok::NEQ, Tok::LE, Tok::GE, Tok::LT, Tok::GT,
                 Tok::DOT, Tok::PLUS, Tok::MINUS, Tok::STAR, Tok::SLASH, Tok::AT, Tok::AND, Tok::OR, Tok::NOT});
}

bool is_statement_word(TokenType type) {
  return is_keyword(type) && !is_clause_word(type) && !one_of(type, {Tok::NOT, Tok::TRUE, Tok::FALSE});
}

TokenType nearest_word(std::string_view text, const std::vector<TokenType>& candidates) {
  std::vector<std::string> words;
  for (const TokenType type : candidates) words.push_back(spelling(type));
  const std::optional<std::string> found = nearest(text, words);
  if (!found) return 0;
  return candidates[std::find(words.begin(), words.end(), *found) - words.begin()];
}

}  // namespace mtl::syntax
