// Names in signatures, types and statements. See names.h.
#include <algorithm>

#include "compiler/sema/names.h"
#include "compiler/sema/settings.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

const std::vector<std::string>& static_types() {
  static const std::vector<std::string> names{"int",         "float", "bool", "string",
                                              "initializer", "layer", "list", "weights"};
  return names;
}
const std::vector<std::string>& value_types() {
  static const std::vector<std::string> names{"f32",   "bool",   "id",    "token", "category",
                                              "label", "labels", "index", "span"};
  return names;
}
}  // namespace

// ---- signatures and types ----

void BodyChecker::signature(const std::vector<syntax::Parameter>& parameters, Role role) {
  for (const syntax::Parameter& parameter : parameters) {
    type(parameter.type, role);
    if (parameter.default_value) value(*parameter.default_value);
    const bool is_static =
        contains(static_types(), parameter.type.name.text) &&
        (role == Role::static_argument || parameter.type.name.text != "bool" || parameter.default_value != nullptr);
    if (is_static && is_capital(parameter.name.text)) {
      emitter_.report(diag::CapitalName, "a static argument", parameter.name.text).at(parameter.name.range);
    }
    declare(parameter.name, is_static ? LocalKind::static_value : LocalKind::input);
  }
}

void BodyChecker::result(const std::optional<syntax::ResultType>& result) {
  if (!result) return;
  if (result->single) type(*result->single, Role::result);
  std::set<std::string> names;
  for (const syntax::ResultType::Field& field : result->fields) {
    type(field.type, Role::result);
    if (names.insert(field.name.text).second) continue;
    emitter_.report(diag::DoubledArgument, field.name.text).at(field.name.range);
  }
}

void BodyChecker::type(const syntax::TypeExpr& type, Role role) {
  if (type.error || type.name.text.empty()) return;
  const bool may_be_static = role == Role::static_argument || role == Role::function_input;
  const bool may_be_value = role != Role::static_argument;
  const std::string& name = type.name.text;
  const bool known =
      (may_be_static && contains(static_types(), name)) || (may_be_value && contains(value_types(), name));
  if (!known) {
    std::vector<std::string> candidates;
    if (may_be_static) candidates = static_types();
    if (may_be_value) candidates.insert(candidates.end(), value_types().begin(), value_types().end());
    const bool other_list = contains(static_types(), name) || contains(value_types(), name);
    const std::optional<std::string> near = nearest(name, candidates);
    const std::string said = syntax::advice(syntax::PhrasePlace::type, name);
    std::string help = !said.empty() && !other_list ? said
                       : near                       ? "did you mean `" + *near + "`?"
                                                    : "types here are " + join(candidates, ", ", " and ");
    if (other_list && !may_be_static) help = "`" + name + "` is a static value: it belongs into the first list";
    if (other_list && may_be_static) help = "the first list takes static values; tensors belong into the second";
    emitter_.report(diag::UnknownType, name).at(type.name.range).help(help);
    return;
  }
  if (!type.settings.empty() && type.settings[0].name)
    emitter_.report(diag::WrongForm, name, name == "id" ? "id(K)" : name).at(type.settings[0].name->range);
  const bool is_tensor = role != Role::static_argument && (contains(value_types(), name));
  if (!is_tensor) return;
  type_arguments(type, role);
  for (const syntax::TypeExpr::DimItem& dim : type.dims) {
    if (dim.kind == syntax::TypeExpr::DimItem::Kind::of) {
      unsupported(diag::UnsupportedType, source_of(type.range), type.range);
      if (role == Role::input || role == Role::function_input) {
        for (const syntax::Name& part : {dim.inner, dim.outer}) {
          if (!locals_.find(part.text)) declare(part, LocalKind::dimension);
        }
      }
    } else if (dim.kind == syntax::TypeExpr::DimItem::Kind::size && dim.size) {
      dimension(*dim.size, role);
    }
  }
}

void BodyChecker::type_arguments(const syntax::TypeExpr& type, Role role) {
  const std::string& name = type.name.text;
  if (name == "span" || name == "index") unsupported(diag::UnsupportedType, source_of(type.range), type.range);
  if (name == "id" || name == "index" || name == "span") {
    const bool one = type.arguments.size() == 1;
    if (!one) emitter_.report(diag::WrongForm, name, name + "(K)").at(type.range);
    for (const syntax::ExprPtr& argument : type.arguments) dimension(*argument, role);
    return;
  }
  if (name == "token" && type.arguments.size() == 1) {
    const auto* vocab = std::get_if<syntax::NameExpr>(&type.arguments[0]->node);
    const Found* found = vocab ? file_.find(unit_, vocab->name) : nullptr;
    if (found != nullptr && found->kind == DeclKind::vocab) {
      facts_.uses.insert(found->decl);
    } else if (vocab != nullptr) {
      const std::optional<std::string> near = nearest(vocab->name, file_.visible(unit_, {DeclKind::vocab}));
      emitter_.report(diag::UnknownVocab, vocab->name)
          .at(type.arguments[0]->range)
          .help(near ? "did you mean `" + *near + "`?" : "in a signature `id(K)` stands for any set of ids");
    }
    return;
  }
  const bool wants_none = name == "f32" || name == "bool";
  if (wants_none && type.has_arguments) emitter_.report(diag::WrongForm, name, name + "[dimensions]").at(type.range);
}

bool BodyChecker::is_new_dimension(const syntax::Expr& expr) {
  const auto* name = std::get_if<syntax::NameExpr>(&expr.node);
  return name != nullptr && is_capital(name->name) && !locals_.find(name->name);
}

// A dimension of a type: a capital name is introduced by an input, and has to be known everywhere else.
void BodyChecker::dimension(const syntax::Expr& expr, Role role) {
  const auto* name = std::get_if<syntax::NameExpr>(&expr.node);
  const bool introduces = role == Role::input || role == Role::function_input;
  // `Q + C`, where one of the two is new: what remains of the dimension that is given.
  const auto* sum = std::get_if<syntax::BinaryExpr>(&expr.node);
  if (introduces && sum != nullptr && (sum->op == syntax::BinaryOp::add || sum->op == syntax::BinaryOp::subtract)) {
    const bool left_is_new = is_new_dimension(*sum->left), right_is_new = is_new_dimension(*sum->right);
    if (left_is_new != right_is_new) {
      dimension(left_is_new ? *sum->left : *sum->right, role);
      return value(left_is_new ? *sum->right : *sum->left);
    }
  }
  if (name == nullptr || !is_capital(name->name)) return value(expr);
  if (locals_.find(name->name)) return;
  if (introduces) return declare(name->name, expr.range, LocalKind::dimension);
  if (place_ == Place::task || place_ == Place::model) return name_value(name->name, expr.range);
  std::vector<std::string> known;
  for (const Local& local : locals_.all()) {
    if (local.kind == LocalKind::dimension) known.push_back(local.name);
  }
  emitter_.report(diag::UnknownDimension, name->name)
      .at(expr.range)
      .help(known.empty() ? "an input has to introduce it" : "the inputs introduce " + join(known, ", ", " and "));
}

// ---- statements ----

void BodyChecker::block(const syntax::Body& statements) {
  locals_.push();
  body(statements);
  locals_.pop();
}

void BodyChecker::body(const syntax::Body& statements) {
  for (const syntax::Stmt& stmt : statements) statement(stmt);
}

void BodyChecker::owns(const char* what, SourceRange range) {
  if (place_ == Place::function) emitter_.report(diag::FunctionOwns, what).at(range).help("a `module` may own it");
  if (place_ == Place::balancer && what == std::string_view("a layer"))
    emitter_.report(diag::BalancerLayer).at(range).help("write the formula, with `param` for what is trained");
}

void BodyChecker::statement(const syntax::Stmt& stmt) {
  struct Visitor {
    BodyChecker& self;
    SourceRange range;
    void operator()(const syntax::ErrorStmt&) const {}
    void operator()(const syntax::LayerStmt& node) const { self.layer(node); }
    void operator()(const syntax::ParamStmt& node) const { self.param(node); }
    void operator()(const syntax::LetStmt& node) const {
      if (node.type) self.type(*node.type, Role::value);
      self.value(*node.value);
      self.declare(node.name, LocalKind::value);
    }
    void operator()(const syntax::VarStmt& node) const {
      self.value(*node.value);
      self.declare(node.name, LocalKind::variable);
    }
    void operator()(const syntax::AssignStmt& node) const { self.assign(node); }
    void operator()(const syntax::ForStmt& node) const { self.loop(node); }
    void operator()(const syntax::IfStmt& node) const {
      const std::set<std::string> before = self.settings_;
      std::set<std::string> after = before;
      for (const syntax::IfStmt::Branch& branch : node.branches) {
        if (branch.condition) self.value(*branch.condition);
        self.settings_ = before;
        self.block(branch.body);
        after.insert(self.settings_.begin(), self.settings_.end());
      }
      self.settings_ = std::move(after);
    }
    void operator()(const syntax::ReturnStmt& node) const {
      if (node.single) self.value(*node.single);
      for (const syntax::ReturnStmt::Field& field : node.fields) self.value(*field.value);
    }
    void operator()(const syntax::PenaltyStmt& node) const { self.value_of_task(*node.value); }
    void operator()(const syntax::MonitorStmt& node) const { self.value_of_task(*node.value); }
    void operator()(const syntax::UpdateStmt& node) const { self.value(*node.value); }
    void operator()(const syntax::RequireStmt& node) const {
      self.in_require_ = true;
      self.require(*node.condition);
      self.in_require_ = false;
    }
  };
  std::visit(Visitor{*this, stmt.range}, stmt.node);
}

// In a task it may speak of `head` and `target`.
void BodyChecker::value_of_task(const syntax::Expr& expr) {
  in_loss_ = place_ == Place::task;
  value(expr);
  in_loss_ = false;
}

// What an array or a family counts by: names in what is declared.
void BodyChecker::indices(const syntax::DeclName& name) {
  for (const syntax::DeclName::Index& index : name.indices) {
    if (index.count) value(*index.count);
    if (index.variable) declare(*index.variable, LocalKind::static_value);
  }
}

void BodyChecker::layer_value(const syntax::LayerStmt& node) {
  locals_.push();
  indices(node.name);
  value(*node.value);
  locals_.pop();
}

void BodyChecker::layer(const syntax::LayerStmt& node) {
  owns("a layer", node.name.name.range);
  layer_value(node);
  declare(node.name.name, LocalKind::layer);
}

void BodyChecker::param_value(const syntax::ParamStmt& node) {
  locals_.push();
  indices(node.name);
  type(node.type, Role::value);
  if (node.init) value(*node.init);
  locals_.pop();
}

void BodyChecker::param(const syntax::ParamStmt& node) {
  owns(node.state ? "a state" : "a parameter", node.name.name.range);
  param_value(node);
  if (!node.type.error && !node.type.name.text.empty() && node.type.name.text != "f32") {
    emitter_.report(diag::ParamType, source_of(node.type.range)).at(node.type.range);
  }
  declare(node.name.name, node.state ? LocalKind::state : LocalKind::param);
}

void BodyChecker::loop(const syntax::ForStmt& node) {
  value(*node.in);
  locals_.push();
  if (is_capital(node.variable.text)) {
    emitter_.report(diag::CapitalName, "a loop variable", node.variable.text).at(node.variable.range);
  }
  declare(node.variable, LocalKind::static_value);
  body(node.body);
  locals_.pop();
}

// A setting of a task or criterion, once.
bool BodyChecker::setting(const syntax::AssignStmt& node, const std::vector<std::string>& known, const char* of) {
  if (!contains(known, node.name.text)) {
    const auto at = place_ == Place::task ? syntax::PhrasePlace::task : syntax::PhrasePlace::model;
    emitter_.report(diag::UnknownSetting, of, node.name.text)
        .at(node.name.range)
        .help(help_for_setting(at, node.name.text, known, text_of(node.value, emitter_)));
    return false;
  }
  if (!settings_.insert(node.name.text).second) {
    emitter_.report(diag::DoubledSetting, node.name.text).at(node.name.range);
  }
  return true;
}

void BodyChecker::assign(const syntax::AssignStmt& node) {
  const Local* local = locals_.find(node.name.text);
  if (local != nullptr && local->kind == LocalKind::variable) return value(*node.value);
  const bool of_model = local != nullptr && local->kind == LocalKind::model_variable;
  if (place_ == Place::task && !of_model) return task_setting(node);
  if (place_ == Place::criterion) {
    static const std::vector<std::string> known{"loss", "predict"};
    setting(node, known, "a criterion");
    return value(*node.value);
  }
  value(*node.value);
  if (node.name.text.empty()) return;
  if (local != nullptr) {
    emitter_.report(diag::AssignToConstant, node.name.text, local_kind_name(local->kind))
        .at(node.name.range)
        .label(local->range, "declared here")
        .help(local->kind == LocalKind::value ? "declare it with `var`"
              : of_model                      ? "a `var` in the task has a name of its own"
                                              : "");
    return;
  }
  emitter_.report(diag::AssignToUnknown, node.name.text)
      .at(node.name.range)
      .help("`let " + node.name.text + " = ...` names a value, `var` one that later statements replace");
}

// ---- declarations ----

void BodyChecker::module(const syntax::ModuleDecl& decl) {
  locals_.push();
  signature(decl.statics, Role::static_argument);
  signature(decl.inputs, Role::input);
  result(decl.result);
  body(decl.body);
  locals_.pop();
}

void BodyChecker::function(const syntax::FunctionDecl& decl) {
  locals_.push();
  signature(decl.inputs, Role::function_input);
  result(decl.result);
  body(decl.body);
  locals_.pop();
}

void BodyChecker::criterion(const syntax::CriterionDecl& decl) {
  locals_.push();
  signature(decl.statics, Role::static_argument);
  signature(decl.inputs, Role::input);
  settings_.clear();
  body(decl.body);
  if (!settings_.contains("loss")) emitter_.report(diag::CriterionWithoutLoss, decl.name.text).at(decl.name.range);
  locals_.pop();
}

namespace {
// What a balancer can ask for goes by name.
void check_balancer_inputs(const syntax::BalancerDecl& decl, diag::Emitter& emitter) {
  static const std::vector<std::string> known{"losses", "present", "after", "epoch", "gram"};
  bool losses = false;
  for (const syntax::Parameter& input : decl.inputs) {
    losses = losses || input.name.text == "losses";
    if (contains(known, input.name.text) || input.name.text.empty()) continue;
    const std::optional<std::string> near = nearest(input.name.text, known);
    emitter.report(diag::BalancerInput, decl.name.text, input.name.text)
        .at(input.name.range)
        .help(near
                  ? "did you mean `" + *near + "`?"
                  : "`losses`, `present` and `after` have a number for each task, `epoch` is one number; what is known "
                    "before stands in the first parentheses");
  }
  if (!losses && !decl.name.text.empty())
    emitter.report(diag::BalancerWithoutLosses, decl.name.text).at(decl.name.range);
}
}  // namespace

void BodyChecker::balancer(const syntax::BalancerDecl& decl) {
  locals_.push();
  check_balancer_inputs(decl, emitter_);
  signature(decl.statics, Role::static_argument);
  signature(decl.inputs, Role::input);
  result(decl.result);
  body(decl.body);
  locals_.pop();
}

}  // namespace mtl::sema
