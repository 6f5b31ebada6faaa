// Parse tree to AST, one function per grammar rule, and the checks that the grammar leaves to it.
//
// It accepts trees with holes (a rule that failed has an exception and lacks children): these become Error nodes or
// are left out. Implemented in build_decl.cpp, build_model.cpp, build_stmt.cpp, build_type.cpp, build_expr.cpp and
// build_literal.cpp.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "compiler/syntax/ast.h"
#include "compiler/syntax/doc_comments.h"
#include "compiler/syntax/token.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

inline constexpr size_t kMaxBranches = 200;  // of one `if`

class TreeBuilder {
 public:
  TreeBuilder(const std::vector<Token>& tokens, const std::vector<Comment>& comments, FileId file,
              diag::Emitter& emitter)
      : tokens_(tokens), file_(file), emitter_(emitter), docs_(comments) {}

  File file(Tok::FileContext* tree);
  void report_unused_docs() const { docs_.report_unused(file_, emitter_); }

 private:
  using Context = antlr4::ParserRuleContext;
  enum class Home : uint8_t { body, model, task };  // where a statement stands

  // tree_builder.cpp: places, names
  const Token& token(antlr4::Token* token) const;
  SourceRange range(Context* context) const;
  SourceRange range(antlr4::tree::TerminalNode* node) const;
  std::string_view text(SourceRange range) const;
  static bool broken(Context* context);
  Name name(Tok::NameContext* context) const;
  Name name(antlr4::tree::TerminalNode* node) const;
  std::vector<Name> names(const std::vector<Tok::NameContext*>& contexts) const;
  std::string doc(Context* context);
  // Variables of families, arrays and generators; names that sema declares are checked there.
  void check_small(const Name& name, const char* what);

  // build_decl.cpp
  std::optional<Decl> item(Tok::ItemContext* context);
  UseDecl use_decl(Tok::UseDeclContext* context);
  ConstDecl const_decl(Tok::ConstDeclContext* context);
  VocabDecl vocab_decl(Tok::VocabDeclContext* context);
  DataDecl data_decl(Tok::DataDeclContext* context);
  void data_item(Tok::DataItemContext* context, DataDecl& out);
  ModuleDecl module_decl(Tok::ModuleDeclContext* context);
  FunctionDecl function_decl(Tok::FunctionDeclContext* context);
  CriterionDecl criterion_decl(Tok::CriterionDeclContext* context);
  BalancerDecl balancer_decl(Tok::BalancerDeclContext* context);
  SweepDecl sweep_decl(Tok::SweepDeclContext* context);
  std::optional<Family> family(Tok::FamilyContext* context);
  std::vector<Setting> settings(Tok::SettingsContext* context);
  std::optional<Setting> setting(Tok::SettingContext* context);
  std::vector<Parameter> parameters(Tok::ParamsContext* context);

  // build_model.cpp
  ModelDecl model_decl(Tok::ModelDeclContext* context);
  std::optional<ModelItem> model_item(Tok::ModelItemContext* context);
  TaskDecl task_decl(Tok::TaskDeclContext* context);
  LoadStmt load_stmt(Tok::LoadStmtContext* context);
  FreezeStmt freeze_stmt(Tok::FreezeStmtContext* context);
  TrainBlock train_block(Tok::TrainBlockContext* context);
  std::optional<ColumnRef> column(Tok::ColumnContext* context);
  Pattern pattern(Tok::PatternContext* context);
  ExprPtr path_index(Tok::SegmentIndexContext* context);
  std::vector<Pattern> exceptions(Tok::ExceptionsContext* context);

  // build_stmt.cpp
  Body body(Tok::BodyContext* context, Home home);
  Stmt stmt(Tok::StmtContext* context, Home home);
  LayerStmt layer_stmt(Tok::LayerStmtContext* context, Home home);
  ParamStmt param_stmt(Tok::ParamStmtContext* context, Home home);
  LetStmt let_stmt(Tok::LetStmtContext* context);
  ForStmt for_stmt(Tok::ForStmtContext* context, Home home);
  IfStmt if_stmt(Tok::IfStmtContext* context, Home home);
  ReturnStmt return_stmt(Tok::ReturnStmtContext* context, Home home);
  UpdateStmt update_stmt(Tok::UpdateStmtContext* context, Home home);
  RequireStmt require_stmt(Tok::RequireStmtContext* context);
  DeclName decl_name(Tok::DeclNameContext* context);
  void check_owner(Owner owner, Context* context, const char* bare_word, Home home);
  void wrong_place(Context* context, Home home, const std::string& help);

  // build_type.cpp
  TypeExpr type(Tok::TypeContext* context);
  std::optional<TypeExpr> optional_type(Tok::TypeContext* context);
  TypeExpr::DimItem dim(Tok::DimContext* context);
  std::optional<ResultType> result(Tok::ResultContext* context);

  // build_expr.cpp
  ExprPtr expr(Tok::ExprContext* context);
  ExprPtr error_expr(Context* context) const;
  template <class Node>
  ExprPtr make(SourceRange range, Node node) const {
    return std::make_unique<Expr>(Expr{range, std::move(node)});
  }
  ExprPtr member_expr(Tok::ExprContext* context);
  ExprPtr call(Tok::ExprContext* context);
  ExprPtr index(Tok::ExprContext* context);
  ExprPtr unary(Tok::ExprContext* context);
  ExprPtr binary(Tok::ExprContext* context);
  ExprPtr operand(Tok::ExprContext* context);
  ExprPtr primary(Tok::PrimaryContext* context);
  ExprPtr list(Tok::ListContext* context);
  ExprPtr table(Tok::TableContext* context);
  ExprPtr if_value(Tok::IfValueContext* context);
  ExprPtr wildcard(antlr4::tree::TerminalNode* node);
  void check_chain(Tok::ExprContext* context);
  void check_pipe(Tok::ExprContext* context);
  void report_pipe(Tok::ExprContext* pipe, Tok::ExprContext* side, bool left);

  // build_literal.cpp
  ExprPtr literal(antlr4::tree::TerminalNode* node);
  ExprPtr integer(const Token& token, SourceRange range);
  ExprPtr floating(const Token& token, SourceRange range);
  ExprPtr scaled(const Token& token, SourceRange range);
  StringExpr string(const Token& token);
  std::string plain_string(antlr4::tree::TerminalNode* node);
  SizeExpr size(std::string_view text) const;

  const std::vector<Token>& tokens_;
  FileId file_;
  diag::Emitter& emitter_;
  DocComments docs_;
  bool in_require_ = false;
  std::set<std::string> states_;  // declared in the module at hand
};

}  // namespace mtl::syntax
