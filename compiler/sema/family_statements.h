// Families in declarations, statements and paths. See families.h.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/sema/family_names.h"

namespace mtl::sema {

// Rewrites one declaration in place.
class FamilyStatements {
 public:
  explicit FamilyStatements(FamilyScope scope) : scope_(std::move(scope)), exprs_(scope_) {}
  FamilyStatements(const FamilyStatements&) = delete;

  void declaration(syntax::Decl& decl);
  // A member of a family of sources, with `variable` bound.
  void member(syntax::DataDecl& decl, const syntax::Name& variable, const StaticValue& element);

 private:
  void data(syntax::DataDecl& decl);
  void model(syntax::ModelDecl& decl);
  void collect(const syntax::ModelDecl& decl);
  void collect_layer(const syntax::LayerStmt& stmt);
  void item(syntax::ModelItem item, std::vector<syntax::ModelItem>& out);
  void task_family(const syntax::ModelItem& item, std::vector<syntax::ModelItem>& out);
  void task(syntax::TaskDecl& decl);
  void column(std::optional<syntax::ColumnRef>& ref);
  void train(syntax::TrainBlock& block);
  std::vector<syntax::Pattern> patterns(syntax::Pattern pattern);
  std::vector<syntax::Pattern> patterns(std::vector<syntax::Pattern> all);
  std::vector<std::string> segment_names(const std::string& name, syntax::ExprPtr& index, SourceRange range);
  void body(syntax::Body& body);
  void statement(syntax::Stmt& stmt);
  void type(syntax::TypeExpr& type);
  void decl_name(syntax::DeclName& name);
  void parameters(std::vector<syntax::Parameter>& parameters);
  void result(std::optional<syntax::ResultType>& result);

  FamilyScope scope_;
  FamilyExprs exprs_;
};

}  // namespace mtl::sema
