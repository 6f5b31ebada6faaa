// Names and settings: from trees to a CheckedFile. Reports what can be said without data and without unrolling
// bodies (unknown names with a suggestion, doubled and unknown settings, wrong kinds of declarations, cycles).
// Shapes are elaborate's.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/syntax/ast.h"
#include "support/diag/emitter.h"

namespace mtl::sema {

struct CheckOptions {
  std::string model;                                      // --model NAME; empty: the only one
  std::vector<std::pair<std::string, std::string>> sets;  // --set name=value
  // The files that `use "x.mtl"` may open, by path, in place of the disk: those that a model file carries. Empty: the
  // disk.
  std::map<std::string, std::string> texts;
};

struct CheckedFile;  // compiler/sema/checked.h: every declaration in reach, by name

// Reads the file, the files that it uses, and the embedded library. nullptr after errors.
std::unique_ptr<CheckedFile> check(const std::string& path, SourceMap& sources, const CheckOptions& options,
                                   diag::Emitter& emitter);
// The same from text (tests, model files): `path` is for messages, and `use "x.mtl"` looks beside it.
std::unique_ptr<CheckedFile> check_text(const std::string& path, std::string text, SourceMap& sources,
                                        const CheckOptions& options, diag::Emitter& emitter);

}  // namespace mtl::sema
