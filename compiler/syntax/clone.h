// Copies of trees: each member of a family of declarations is a copy of the declaration. The copies keep the places of
// the text that they are copies of.
#pragma once
#include "compiler/syntax/ast.h"

namespace mtl::syntax {

ExprPtr clone(const ExprPtr& expr);  // null stays null
Expr clone(const Expr& expr);
Body clone(const Body& body);
Pattern clone(const Pattern& pattern);
std::vector<Pattern> clone(const std::vector<Pattern>& patterns);
std::vector<Setting> clone(const std::vector<Setting>& settings);
DataDecl clone(const DataDecl& decl);
TaskDecl clone(const TaskDecl& decl);

// What stands directly in an expression, in the order of the text.
std::vector<Expr*> children(Expr& expr);

}  // namespace mtl::syntax
