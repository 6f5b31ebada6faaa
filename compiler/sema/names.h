// Name checks of bodies: every name in reach of an expression is declared, once, and of a kind that can stand there.
// One BodyChecker walks one declaration. names.cpp has expressions, names_body.cpp types and statements,
// names_model.cpp models and tasks.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/sema/facts.h"
#include "compiler/sema/locals.h"
#include "compiler/sema/primitives.h"

namespace mtl::sema {

enum class Place : uint8_t { module, function, criterion, balancer, model, task, constant };

// Of a column that `data` does not have.
void report_unknown_column(const syntax::DataDecl& data, const syntax::Name& used, diag::Emitter& emitter);

// Capital names are dimensions.
inline bool is_capital(const std::string& name) {
  return !name.empty() && name[0] >= 'A' && name[0] <= 'Z';
}
inline bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class BodyChecker {
 public:
  BodyChecker(const CheckedFile& file, UnitId unit, Place place, DeclFacts& facts, const SourceMap& sources,
              diag::Emitter& emitter)
      : file_(file), unit_(unit), place_(place), facts_(facts), sources_(sources), emitter_(emitter) {}

  void module(const syntax::ModuleDecl& decl);
  void function(const syntax::FunctionDecl& decl);
  void criterion(const syntax::CriterionDecl& decl);
  void balancer(const syntax::BalancerDecl& decl);
  void model(const syntax::ModelDecl& decl);

 private:
  enum class Role : uint8_t { static_argument, input, function_input, result, value };

  // names.cpp
  void value(const syntax::Expr& expr);
  void name_value(const std::string& name, SourceRange range);
  void top_level_value(const Found& found, const std::string& name, SourceRange range);
  void callee_name(const std::string& name, SourceRange range);
  void call(const syntax::CallExpr& node);
  void member(const syntax::MemberExpr& node, SourceRange range);
  bool unknown_path(const syntax::MemberExpr& node, SourceRange range);
  void source_member(const Found& source, const syntax::Name& member, SourceRange range);
  void size(const syntax::SizeExpr& node, SourceRange range);
  void generator(const syntax::GeneratorExpr& node);
  void index(const syntax::IndexExpr& node);
  void text(const syntax::StringExpr& node, SourceRange range);
  bool is_builtin(const std::string& name, SourceRange range);
  bool use_primitive(const std::string& name, bool in_ops, SourceRange range);
  void unknown(const std::string& name, SourceRange range, bool is_callee);
  std::string help_for_unknown(const std::string& name, bool is_callee) const;
  std::string dimensions_of_source(const std::string& name) const;
  std::string source_with(const std::string& column) const;
  bool is_ambiguous(const std::string& name, SourceRange range);
  void require(const syntax::Expr& expr);
  bool is_negated_sharing(const syntax::Expr& expr, SourceRange range);  // true after a report
  void path_root(const syntax::Expr& path);
  void task_list(const syntax::Expr& list);
  void task_name(const syntax::Expr& expr);
  std::vector<std::string> task_names() const;

  // names_body.cpp
  void signature(const std::vector<syntax::Parameter>& parameters, Role role);
  void result(const std::optional<syntax::ResultType>& result);
  void type(const syntax::TypeExpr& type, Role role);
  void type_arguments(const syntax::TypeExpr& type, Role role);
  void dimension(const syntax::Expr& expr, Role role);
  bool is_new_dimension(const syntax::Expr& expr);
  void body(const syntax::Body& body);
  void block(const syntax::Body& body);
  void statement(const syntax::Stmt& stmt);
  void value_of_task(const syntax::Expr& expr);
  void layer(const syntax::LayerStmt& node);
  void indices(const syntax::DeclName& name);
  void layer_value(const syntax::LayerStmt& node);
  void param_value(const syntax::ParamStmt& node);
  void param(const syntax::ParamStmt& node);
  void assign(const syntax::AssignStmt& node);
  void loop(const syntax::ForStmt& node);
  void owns(const char* what, SourceRange range);
  // False if it is unknown.
  bool setting(const syntax::AssignStmt& node, const std::vector<std::string>& known, const char* of);

  // names_model.cpp
  void declare_members(const syntax::ModelDecl& decl);
  void model_statement(const syntax::Stmt& stmt);
  void balance(const syntax::Expr& expr);
  void task(const syntax::TaskDecl& decl);
  void task_setting(const syntax::AssignStmt& node);
  const Found* predicted(const syntax::ColumnRef& ref, bool must_be_bool);

  void declare(const syntax::Name& name, LocalKind kind) { declare(name.text, name.range, kind); }
  void declare(const std::string& name, SourceRange range, LocalKind kind);
  void unsupported(const diag::Kind& kind, std::string what, SourceRange range, std::string help = {}) {
    facts_.unsupported.push_back({&kind, std::move(what), range, std::move(help)});
  }
  std::string source_of(SourceRange range) const;  // what the user wrote there

  const CheckedFile& file_;
  UnitId unit_;
  Place place_;
  DeclFacts& facts_;
  const SourceMap& sources_;
  diag::Emitter& emitter_;
  Locals locals_;
  bool in_require_ = false;
  bool in_loss_ = false;            // of a task: `head` and `target` are names
  std::set<std::string> settings_;  // of the task or criterion at hand
  const syntax::TaskDecl* task_ = nullptr;
  // Tasks and metrics are no values, so a `let` may have the name of a task: `ctr` is the value, `ctr.head` the task's.
  std::map<std::string, SourceRange> tasks_, metrics_;
};

}  // namespace mtl::sema
