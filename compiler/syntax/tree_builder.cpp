// Builds trees of files, declarations and statements; the other half builds expressions.
#include "compiler/syntax/tree_builder.h"

#include <algorithm>
#include <cctype>

#include "support/diag/kinds/sema.h"

namespace mtl::syntax {

// Tokens that the parser conjured have no index; the end of the file stands for them.
const Token& TreeBuilder::token(antlr4::Token* token) const {
  const size_t index = token ? token->getTokenIndex() : tokens_.size();
  return tokens_[std::min(index, tokens_.size() - 1)];
}

SourceRange TreeBuilder::range(Context* context) const {
  if (!context || !context->start) return {};
  const Token& first = token(context->start);
  const Token& last = context->stop ? token(context->stop) : first;
  return {file_, first.begin, std::max(first.begin, last.end)};
}

SourceRange TreeBuilder::range(antlr4::tree::TerminalNode* node) const {
  if (!node) return {};
  const Token& found = token(node->getSymbol());
  return {file_, found.begin, found.end};
}

std::string_view TreeBuilder::text(SourceRange range) const {
  return std::string_view(emitter_.sources()->file(file_).text()).substr(range.begin, range.end - range.begin);
}

bool TreeBuilder::broken(Context* context) {
  return !context || context->exception != nullptr;
}

Name TreeBuilder::name(antlr4::tree::TerminalNode* node) const {
  if (!node || node->getSymbol()->getTokenIndex() >= tokens_.size()) return {};
  return {std::string(token(node->getSymbol()).text), range(node)};
}

Name TreeBuilder::name(Tok::NameContext* context) const {
  return broken(context) ? Name{} : name(context->NAME());
}

std::vector<Name> TreeBuilder::names(const std::vector<Tok::NameContext*>& contexts) const {
  std::vector<Name> out;
  for (Tok::NameContext* context : contexts) out.push_back(name(context));
  return out;
}

std::string TreeBuilder::doc(Context* context) {
  return context && context->start ? docs_.take(token(context->start)) : std::string();
}

void TreeBuilder::check_small(const Name& name, const char* what) {
  if (name.text.empty() || !std::isupper(static_cast<unsigned char>(name.text[0]))) return;
  std::string small = name.text;
  const bool shouts = std::none_of(small.begin(), small.end(), [](unsigned char c) { return std::islower(c); });
  std::transform(small.begin(), shouts ? small.end() : small.begin() + 1, small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  emitter_.report(diag::CapitalName, what, name.text).at(name.range).help("write `" + small + "`");
}

}  // namespace mtl::syntax
