// Text to tree: the only door to the parser. ANTLR stays behind it.
#pragma once
#include "compiler/syntax/ast.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

// Parses one file of the emitter's SourceMap. Always returns a tree: what could not be understood was reported and
// is an Error node or missing. Ends in bounded time and memory on any bytes (limits: 4 MiB, 100,000 tokens, nesting
// 200, 20 errors).
File parse(FileId file, diag::Emitter& emitter);
// One of the files of a program, which share `tokens_left`, kMaxTokens at first. 0 behind it: nothing more can be read.
File parse(FileId file, size_t& tokens_left, diag::Emitter& emitter);

// A token takes some 450 bytes in all that is made of it, so these take 45 MB. The longest programs that people write
// have a tenth of them, with the library.
inline constexpr size_t kMaxTokens = 100'000;

}  // namespace mtl::syntax
