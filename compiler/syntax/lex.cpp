// Runs the generated lexer over code points.
#include "compiler/syntax/lex.h"

#include "MtlLexer.h"
#include "compiler/syntax/parse.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

// The runtime's own loading throws on bad bytes and drops cut ones; ours was checked, so we hand over the points.
class PointStream : public antlr4::ANTLRInputStream {
 public:
  explicit PointStream(std::u32string points) {
    _data = std::move(points);
    p = 0;
  }
};

}  // namespace

std::optional<TokenText> lex(LoadedText text, FileId file, size_t& tokens_left, diag::Emitter& emitter) {
  PointStream stream(std::move(text.points));
  grammar::MtlLexer lexer(&stream);
  lexer.removeErrorListeners();
  const std::string_view source = emitter.sources()->file(file).text();
  TokenText out;
  uint32_t last_line = 0, indent = 0;
  while (true) {
    const std::unique_ptr<antlr4::Token> read = lexer.nextToken();
    const bool at_end = read->getType() == kEndOfFile;
    const uint32_t begin = at_end ? static_cast<uint32_t>(source.size()) : text.offsets[read->getStartIndex()];
    const uint32_t end = at_end ? begin : text.offsets[read->getStopIndex() + 1];
    if (!at_end && tokens_left-- == 0) {
      tokens_left = 0;
      emitter.report(diag::ProgramTooLong, kMaxTokens)
          .at({file, begin, end})
          .note("comments count, and so do the files and libraries that `use` opens")
          .help(
              "values by the thousand belong in a file that a `data` block names; what repeats is written once, with "
              "`for`");
      return std::nullopt;
    }
    const auto line = static_cast<uint32_t>(read->getLine());
    const std::string_view token_text = at_end ? "end of file" : source.substr(begin, end - begin);
    if (read->getChannel() != antlr4::Token::DEFAULT_CHANNEL) {
      const bool doc = read->getType() == Tok::DOC;
      out.comments.push_back({token_text, begin, end, line, doc, line != last_line});
      continue;
    }
    const bool first = line != last_line;
    const auto column = static_cast<uint32_t>(read->getCharPositionInLine());
    if (first) indent = column;
    last_line = line;
    const uint32_t width = at_end ? 0 : static_cast<uint32_t>(read->getStopIndex() + 1 - read->getStartIndex());
    out.tokens.push_back({read->getType(), token_text, begin, end, line, column, column + width, indent, first});
    if (at_end) return out;
  }
}

}  // namespace mtl::syntax
