// What other languages write where a syntax error is, and what it is here: with the words of the program where it can.
#pragma once
#include <string>
#include <vector>

#include "compiler/syntax/token.h"

namespace mtl::syntax {

// For tokens[at], a `:` between brackets or the token at which an index with one went wrong: `write h[-1]` of
// `h[-1, :]`. Empty: there is no slice of Python's around it. `colon`: where the first one is.
std::string slice_of_python(const std::vector<Token>& tokens, size_t at, size_t& colon);
// For tokens[at], the `if` or the `else` of `a if c else b`: the value as it is written here.
std::string conditional_of_python(const std::vector<Token>& tokens, size_t at);

}  // namespace mtl::syntax
