// First half of the token pass: characters and operators of other languages. Each is reported once and replaced by
// what was meant, or dropped, so that everything after sees tokens of the language only.
#pragma once
#include "compiler/syntax/token.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

std::vector<Token> repair_spelling(std::vector<Token> tokens, FileId file, diag::Emitter& emitter);

}  // namespace mtl::syntax
