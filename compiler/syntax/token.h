// One token as the token pass sees it: the lexer's type, the text and place in the file, and its place in the layout.
// Columns count code points from 0. Token types are those of the generated parser (`Tok::NAME`).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "MtlParser.h"
#include "support/base/source.h"

namespace mtl::syntax {

using Tok = grammar::MtlParser;
using TokenType = size_t;
inline constexpr TokenType kEndOfFile = static_cast<TokenType>(-1);  // antlr4::Token::EOF

struct Token {
  TokenType type = 0;
  std::string_view text;        // of the source file, or a constant where the token was conjured
  uint32_t begin = 0, end = 0;  // byte offsets
  uint32_t line = 0, column = 0, end_column = 0;
  uint32_t indent = 0;            // column of the first token of the line
  bool first = false;             // on its line
  bool starts_statement = false;  // set by the token pass
  uint32_t depth = 0;             // braces open around it; set by the token pass

  // Nothing stands between the two.
  bool touches(const Token& next) const { return end == next.begin; }
};

struct Comment {
  std::string_view text;  // with its slashes
  uint32_t begin = 0, end = 0;
  uint32_t line = 0;
  bool doc = false;
  bool alone = false;  // nothing but the comment on its line
};

struct TokenText {
  std::vector<Token> tokens;  // the last is the end of the file
  std::vector<Comment> comments;
};

}  // namespace mtl::syntax
