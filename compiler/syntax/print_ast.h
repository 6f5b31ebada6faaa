// AST to source text that parses back to the same tree (tests rely on that), with two spaces of indentation.
// Comments and the user's own layout are lost; doc comments stay.
#pragma once
#include <string>

#include "compiler/syntax/ast.h"

namespace mtl::syntax {

std::string print(const File& file);
std::string print(const Expr& expr);
std::string print(const TypeExpr& type);
std::string print(const Pattern& pattern);

}  // namespace mtl::syntax
