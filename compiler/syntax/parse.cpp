// Load, lex, repair, parse, build: the phases of the parser in order.
#include "compiler/syntax/parse.h"

#include "compiler/syntax/error_strategy.h"
#include "compiler/syntax/lex.h"
#include "compiler/syntax/token_pass.h"
#include "compiler/syntax/token_spelling.h"
#include "compiler/syntax/token_words.h"
#include "compiler/syntax/tree_builder.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

// A source for the tokens that the parser conjures itself; it never reads.
class NoSource : public antlr4::TokenSource {
 public:
  std::unique_ptr<antlr4::Token> nextToken() override { return nullptr; }
  size_t getLine() const override { return 0; }
  size_t getCharPositionInLine() override { return 0; }
  antlr4::CharStream* getInputStream() override { return nullptr; }
  std::string getSourceName() override { return {}; }
  antlr4::TokenFactory<antlr4::CommonToken>* getTokenFactory() override {
    return antlr4::CommonTokenFactory::DEFAULT.get();
  }
};

std::vector<std::unique_ptr<antlr4::Token>> to_antlr(const std::vector<Token>& tokens, NoSource& source) {
  std::vector<std::unique_ptr<antlr4::Token>> out;
  out.reserve(tokens.size());
  for (const Token& token : tokens) {
    const std::pair<antlr4::TokenSource*, antlr4::CharStream*> origin(&source, nullptr);
    auto made = std::make_unique<antlr4::CommonToken>(origin, token.type, antlr4::Token::DEFAULT_CHANNEL, token.begin,
                                                      token.end == 0 ? 0 : token.end - 1);
    made->setLine(token.line);
    made->setCharPositionInLine(token.column);
    made->setTokenIndex(out.size());
    out.push_back(std::move(made));
  }
  return out;
}

// What comes of how the parser went on behind an error is not said: that something else was expected on the same line,
// and, as it is a guess then which bracket is open and which block it is of, that something does not fit there.
void hand_over(const diag::Emitter& found, diag::Emitter& emitter) {
  uint32_t last_line = 0;  // of an error; 0: none yet
  const auto is_consequence = [&](const diag::Diagnostic& d, uint32_t line) {
    const bool expects = d.kind == &diag::ExpectedAfter || d.kind == &diag::ExpectedFound || d.kind == &diag::TwoOnLine;
    const bool outside = d.kind == &diag::WrongPlace && d.message.ends_with(block_place(Block::file));
    return (expects && line == last_line) || ((outside || d.kind == &diag::UnmatchedBracket) && last_line != 0);
  };
  for (diag::Diagnostic& d : found.sorted()) {
    if (d.kind->severity != diag::Severity::warning && !d.labels.empty()) {
      const SourceRange place = d.labels.front().range;
      const uint32_t line = emitter.sources()->file(place.file).locate(place.begin).line;
      if (is_consequence(d, line)) continue;
      last_line = line;
    }
    emitter.add(std::move(d));
  }
}

File parse_and_report(FileId file, size_t& tokens_left, diag::Emitter& emitter) {
  File empty;
  empty.file = file;
  const size_t errors_before = emitter.error_count();
  std::optional<TokenText> lexed;
  if (std::optional<LoadedText> text = load_text(file, emitter)) {
    lexed = lex(std::move(*text), file, tokens_left, emitter);
  }
  if (!lexed) return empty;
  TokenPass pass(repair_spelling(std::move(lexed->tokens), file, emitter), lexed->comments, file, emitter);
  if (!pass.run()) return empty;

  const std::vector<Token> tokens = pass.take();
  NoSource no_source;
  antlr4::ListTokenSource source(to_antlr(tokens, no_source));
  antlr4::CommonTokenStream stream(&source);
  grammar::MtlParser parser(&stream);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<ErrorStrategy>(tokens, file, emitter));
  TreeBuilder builder(tokens, lexed->comments, file, emitter);
  File out = builder.file(parser.file());
  if (emitter.error_count() == errors_before) {  // after an error, what belongs together may have been lost
    builder.report_unused_docs();
    report_number_comments(lexed->comments, file, emitter);
  }
  return out;
}

}  // namespace

File parse(FileId file, size_t& tokens_left, diag::Emitter& emitter) {
  diag::Emitter found(emitter.sources());
  File out = parse_and_report(file, tokens_left, found);
  hand_over(found, emitter);
  return out;
}

File parse(FileId file, diag::Emitter& emitter) {
  size_t tokens_left = kMaxTokens;
  return parse(file, tokens_left, emitter);
}

}  // namespace mtl::syntax
