// What kinds of tokens there are: words, brackets, operators, and which words may start a statement of which block.
#pragma once
#include <string>
#include <vector>

#include "compiler/syntax/token.h"

namespace mtl::syntax {

// What the innermost pair of braces holds. `value`: a branch of an `if` value.
enum class Block : uint8_t { file, data, settings, body, task, model, load, train, value };

const std::vector<TokenType>& starters(Block block);
bool starts_in(Block block, TokenType type);
// "in a model", "at the top level"
const char* block_place(Block block);
// The outermost block in which `type` starts a statement.
Block home_of(TokenType type);

// The spelling of a keyword or symbol.
std::string spelling(TokenType type);

bool is_keyword(TokenType type);
bool is_reserved(TokenType type);  // never a name
bool is_word(TokenType type);      // keyword or name
bool is_clause_word(TokenType type);
bool takes_path(TokenType type);
bool declares_block(TokenType type);  // its statement has a block that must follow

bool is_opener(TokenType type);
bool is_closer(TokenType type);
TokenType closer_of(TokenType opener);

bool ends_operand(TokenType type);
bool starts_operand(TokenType type);
bool is_operator(TokenType type);

// A statement word starts a statement by itself: no clause word and no word of an expression.
bool is_statement_word(TokenType type);

// The word among `candidates` that `text` was probably meant to be, or 0.
TokenType nearest_word(std::string_view text, const std::vector<TokenType>& candidates);

}  // namespace mtl::syntax
