// Gives each `///` comment to the declaration below it.
#include "compiler/syntax/doc_comments.h"

#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

std::string text_of(const Comment& comment) {
  std::string_view text = comment.text.substr(3);
  if (text.starts_with(' ')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

DocComments::DocComments(const std::vector<Comment>& comments) {
  for (const Comment& comment : comments) {
    if (comment.doc) lines_.emplace(comment.line, Line{&comment, false});
  }
}

std::string DocComments::take(const Token& start) {
  if (!start.first || lines_.empty()) return {};
  uint32_t top = start.line;
  while (true) {
    const auto above = lines_.find(top - 1);
    if (above == lines_.end() || !above->second.comment->alone || above->second.used) break;
    --top;
  }
  std::string text;
  for (uint32_t line = top; line < start.line; ++line) {
    Line& doc = lines_.at(line);
    doc.used = true;
    text += (line == top ? "" : "\n") + text_of(*doc.comment);
  }
  return text;
}

void DocComments::report_unused(FileId file, diag::Emitter& emitter) const {
  uint32_t reported = 0;
  for (const auto& [line, doc] : lines_) {
    if (doc.used) continue;
    if (reported + 1 != line) {
      emitter.report(diag::DocNowhere)
          .at({file, doc.comment->begin, doc.comment->end})
          .help("`///` belongs to the declaration, statement or column directly below; other comments are `//`");
    }
    reported = line;
  }
}

void report_number_comments(const std::vector<Comment>& comments, FileId file, diag::Emitter& emitter) {
  for (const Comment& comment : comments) {
    if (comment.alone || comment.doc) continue;
    std::string_view text = comment.text.substr(2);
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
    if (text.empty() || text.find_first_not_of("0123456789_.") != std::string_view::npos) continue;
    emitter.report(diag::NumberInComment)
        .at({file, comment.begin, comment.end})
        .help("`div(a, b)` divides and rounds down");
  }
}

}  // namespace mtl::syntax
