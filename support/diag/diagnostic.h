// Plain data: what is reported to a user.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "support/base/source.h"

namespace mtl::diag {

enum class Severity : uint8_t { error, unsupported, warning };  // unsupported: "not supported yet", an error

// One entry of the catalogue, kinds.def: `format` is a fmt format string for string arguments.
struct Kind {
  const char* name;  // ShapeMismatch
  const char* code;  // E0312
  Severity severity;
  const char* format;
  int arguments;  // how many {} the format takes
};

struct Label {
  SourceRange range;
  std::string text;
  bool primary = false;
};

// A place in a data file, which is no part of the SourceMap.
struct FilePlace {
  std::string path;
  uint64_t line = 0;      // 0: the file as a whole
  std::string line_text;  // may be empty
};

struct Diagnostic {
  const Kind* kind = nullptr;
  std::string message;
  std::vector<Label> labels;  // the first primary one is the place of the report
  std::vector<FilePlace> files;
  std::vector<std::string> notes;
  std::vector<std::string> helps;
};

}  // namespace mtl::diag
