// Bytes of a source file to code points for the lexer: strict UTF-8, no NUL, line ends as "\n", at most 4 MiB.
//
// The SourceMap keeps the bytes as they were loaded; `offsets` maps each code point back to its byte.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "support/diag/emitter.h"

namespace mtl::syntax {

struct LoadedText {
  std::u32string points;
  std::vector<uint32_t> offsets;  // of each point, and of the end
};

// Reports and returns nothing where the file is no text.
std::optional<LoadedText> load_text(FileId file, diag::Emitter& emitter);

}  // namespace mtl::syntax
