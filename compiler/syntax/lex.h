// Code points to tokens, by the generated lexer.
#pragma once
#include "compiler/syntax/load_text.h"
#include "compiler/syntax/token.h"

namespace mtl::syntax {

TokenText lex(const LoadedText& text, const SourceFile& file);

}  // namespace mtl::syntax
