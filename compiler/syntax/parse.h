// Text to tree: the only door to the parser. ANTLR stays behind it.
#pragma once
#include "compiler/diag/emitter.h"
#include "compiler/syntax/ast.h"

namespace mtl::syntax {

// Parses one file of the emitter's SourceMap. Always returns a tree: what could not be understood was reported and
// is an Error node or missing. Ends in bounded time on any bytes (limits: 4 MiB, nesting 200, 20 errors).
File parse(FileId file, diag::Emitter& emitter);

}  // namespace mtl::syntax
