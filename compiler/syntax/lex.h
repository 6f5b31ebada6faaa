// Code points to tokens, by the generated lexer.
#pragma once
#include <optional>

#include "compiler/syntax/load_text.h"
#include "compiler/syntax/token.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

// Takes what it reads, comments too, from `tokens_left`; reports and returns nothing where there is more than that.
std::optional<TokenText> lex(LoadedText text, FileId file, size_t& tokens_left, diag::Emitter& emitter);

}  // namespace mtl::syntax
