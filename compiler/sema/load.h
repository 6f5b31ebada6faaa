// Finding and parsing every file of a program: the main file, what it uses, the library.
#pragma once
#include <map>
#include <string>

#include "compiler/sema/checked.h"
#include "support/diag/emitter.h"

namespace mtl::sema {

// Fills `file.units`, their declarations and their `uses`. Reports unreadable and unknown files, circles of `use`,
// and names that are declared twice in one file.
// With `texts`, the files that may be used are these, by path, and nothing is read from disk.
// False after reports of what could not be read, opened or parsed; names that are declared twice are no such thing.
bool load_units(const std::string& path, std::string text, const std::map<std::string, std::string>& texts,
                SourceMap& sources, CheckedFile& file, diag::Emitter& emitter);
// The whole of a file. nullopt with a reason in `why`.
std::optional<std::string> read_file(const std::string& path, std::string& why);

}  // namespace mtl::sema
