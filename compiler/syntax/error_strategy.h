// What the generated parser does about a syntax error that the token pass left.
//
// The runtime's default reports at the next token (often the next line), deletes the wrong token for a misspelled word,
// and leaves whole blocks. This strategy words "expected X after Y", points behind Y where the line ended there,
// deletes doubled tokens only, and skips to the next statement start at the depth of the broken one.
#pragma once
#include <string>
#include <vector>

#include "compiler/syntax/token.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

class ErrorStrategy : public antlr4::DefaultErrorStrategy {
 public:
  // `tokens` are those of the parser's stream, by index.
  ErrorStrategy(const std::vector<Token>& tokens, FileId file, diag::Emitter& emitter)
      : tokens_(tokens), file_(file), emitter_(emitter) {}

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override;
  void reportUnwantedToken(antlr4::Parser* parser) override;
  void reportMissingToken(antlr4::Parser* parser) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void recover(antlr4::Parser* parser, std::exception_ptr error) override;
  void sync(antlr4::Parser* parser) override;

 private:
  void report(antlr4::Parser* parser);
  bool is_batch_table(const Token& found) const;
  bool report_special(const Token& found, const Token& before, const antlr4::misc::IntervalSet& expected);
  bool stops_at(antlr4::Parser* parser, uint32_t depth) const;
  void skip(antlr4::Parser* parser, uint32_t depth);
  void sync_list(antlr4::Parser* parser);
  const Token& current(antlr4::Parser* parser) const;

  const std::vector<Token>& tokens_;
  FileId file_;
  diag::Emitter& emitter_;
};

}  // namespace mtl::syntax
