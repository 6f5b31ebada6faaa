// The words that open declarations and statements, and names that mean something without a declaration: rows for `mtlc
// doc` and `mtlc explain`. What they mean to the compiler is the grammar's and names_*.cpp's.
#pragma once
#include <span>

#include "compiler/sema/entries.h"

namespace mtl::sema {

std::span<const Entry> declaration_entries();
std::span<const Entry> statement_entries();
std::span<const Entry> name_entries();

}  // namespace mtl::sema
