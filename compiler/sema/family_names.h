// References to members of families in expressions, and the variable of a family in the body of a member. See
// families.h.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/sema/family_scope.h"

namespace mtl::sema {

// Rewrites expressions in place.
class FamilyExprs {
 public:
  explicit FamilyExprs(FamilyScope& scope) : scope_(scope) {}

  void expr(syntax::ExprPtr& expr);
  void setting(const std::string& name, syntax::ExprPtr& value);

  bool metric = false;   // `mean(sentiment.accuracy)` is about every member
  bool require = false;  // tower[books] is a path
  bool words = false;    // a name alone is a word of a table, as in settings of data

 private:
  void expr(syntax::Expr& expr);
  void name(syntax::Expr& expr, const std::string& name);
  void text(syntax::StringExpr& node);
  void size(syntax::SizeExpr& node, SourceRange range);
  void index(syntax::Expr& expr, syntax::IndexExpr& node);
  void layer_index(const FamilyOf& family, syntax::Expr& expr, syntax::IndexExpr& node);
  void member_of(syntax::Expr& expr, syntax::MemberExpr& node);
  void list(syntax::ListExpr& node);
  std::vector<syntax::ExprPtr> spread(const syntax::Expr& item);
  void call(syntax::CallExpr& node);
  bool indexes_by(syntax::Expr& expr, const std::set<std::string>& variables);
  bool unroll(syntax::Expr& expr, const syntax::GeneratorExpr& node);
  bool unroll_from(const syntax::GeneratorExpr& node, size_t clause, syntax::ListExpr& out);
  void generator(syntax::GeneratorExpr& node);

  FamilyScope& scope_;
};

}  // namespace mtl::sema
