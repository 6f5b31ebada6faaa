// References to members of families, and the variable of a family in the body of a member. See families.h.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/sema/families.h"

namespace mtl::sema {

using FamiliesByDecl = std::map<const syntax::Decl*, FamilyOf>;

// How much may be written out: copies of declarations, elements of lists, nodes of generators.
class FamilyBudget {
 public:
  static constexpr int64_t kMembers = 1000;    // of one family
  static constexpr int64_t kCopies = 300'000;  // in all: of eight bytes of text, or of one element of a list
  // False after a report.
  bool spend(int64_t count, SourceRange range, diag::Emitter& emitter);

 private:
  int64_t left_ = kCopies;
};

// The members of `name[... in ...]`; a broken one after a report.
FamilyOf read_family(const CheckedFile& file, UnitId unit, FamilyOf::Kind kind, const syntax::Name& name,
                     const syntax::Family& family, StaticEvaluator& evaluator, diag::Emitter& emitter);

// Rewrites one declaration in place.
class FamilyNames {
 public:
  FamilyNames(const CheckedFile& file, UnitId unit, const FamiliesByDecl& sources, FamilyBudget& budget,
              StaticEvaluator& evaluator, diag::Emitter& emitter)
      : file_(file), unit_(unit), sources_(sources), budget_(budget), evaluator_(evaluator), emitter_(emitter) {}

  void declaration(syntax::Decl& decl);
  // A member of a family of sources, with `variable` bound.
  void member(syntax::DataDecl& decl, const syntax::Name& variable, const StaticValue& element);

 private:
  using Bound = std::vector<std::pair<std::string, StaticValue>>;

  // family_names.cpp
  void expr(syntax::ExprPtr& expr);
  void expr(syntax::Expr& expr);
  void name(syntax::Expr& expr, const std::string& name);
  void text(syntax::StringExpr& node);
  void size(syntax::SizeExpr& node, SourceRange range);
  void index(syntax::Expr& expr, syntax::IndexExpr& node);
  void layer_index(const FamilyOf& family, syntax::Expr& expr, syntax::IndexExpr& node);
  void member_of(syntax::Expr& expr, syntax::MemberExpr& node);
  bool misspelled(const std::string& name, SourceRange range, const diag::Kind& kind);
  void list(syntax::ListExpr& node);
  bool unroll(syntax::Expr& expr, const syntax::GeneratorExpr& node);
  bool unroll_from(const syntax::GeneratorExpr& node, size_t clause, syntax::ListExpr& out);
  void generator(syntax::GeneratorExpr& node);
  void call(syntax::CallExpr& node);
  std::vector<syntax::ExprPtr> spread(const syntax::Expr& item);
  bool indexes_by(syntax::Expr& expr, const std::set<std::string>& variables);
  const StaticValue* bound(const std::string& name) const;
  const FamilyOf* data_family(const std::string& name) const;
  const FamilyOf* family(const std::string& name) const;
  const FamilyOf* layer_family(const std::string& name) const;
  const char* plain_kind(const std::string& name) const;
  std::optional<std::string> element(const syntax::Expr& index);
  std::optional<size_t> position(const FamilyOf& family, const std::string& element, SourceRange range);
  std::optional<std::string> member_name(const FamilyOf& family, const syntax::Expr& index);
  void needs_index(const FamilyOf& family, SourceRange range);

  // family_statements.cpp
  void data(syntax::DataDecl& decl);
  void setting(const std::string& name, syntax::ExprPtr& value);
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
  void declares(const syntax::Name& name);

  const CheckedFile& file_;
  UnitId unit_;
  const FamiliesByDecl& sources_;
  FamilyBudget& budget_;
  StaticEvaluator& evaluator_;
  diag::Emitter& emitter_;
  std::map<std::string, FamilyOf> tasks_, layers_;  // of the model
  std::set<std::string> plain_tasks_;
  std::vector<std::string> locals_;     // what hides a source
  std::vector<std::string> variables_;  // of `for` and the like: they have no value yet
  Bound bound_;
  bool in_metric_ = false;   // `mean(sentiment.accuracy)` is about every member
  bool in_require_ = false;  // tower[books] is a path
  bool in_words_ = false;    // a name alone is a word of a table, as in settings of data
};

}  // namespace mtl::sema
