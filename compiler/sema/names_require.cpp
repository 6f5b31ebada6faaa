// What `require` and `across` name beside values: paths of layers, and lists of tasks.
#include <algorithm>

#include "compiler/sema/names.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {

using syntax::NameExpr;

// The layer or task that a path begins with: bottom.expert, minilm.*.after, names.crf, tower[0].
void BodyChecker::path_root(const syntax::Expr& path) {
  if (const auto* node = std::get_if<syntax::MemberExpr>(&path.node)) return path_root(*node->base);
  if (const auto* node = std::get_if<syntax::IndexExpr>(&path.node)) {
    for (const syntax::IndexExpr::Item& item : node->items) {
      if (item.value) value(*item.value);
    }
    return path_root(*node->base);
  }
  if (const auto* copy = std::get_if<syntax::BinaryExpr>(&path.node); copy && copy->op == syntax::BinaryOp::matmul) {
    path_root(*copy->left);  // gate@intent.weight
    const syntax::Expr* task = copy->right.get();
    while (const auto* member = std::get_if<syntax::MemberExpr>(&task->node)) task = member->base.get();
    return task_name(*task);
  }
  const auto* name = std::get_if<NameExpr>(&path.node);
  if (name == nullptr) {
    const bool silent =
        std::holds_alternative<syntax::ErrorExpr>(path.node) || std::holds_alternative<syntax::WildcardExpr>(path.node);
    if (!silent) emitter_.report(diag::NotAPath, source_of(path.range)).at(path.range);
    return;
  }
  if (name->name == "model" || name->name.empty()) return;
  const Local* local = locals_.find(name->name);
  const bool is_path = local != nullptr && (local->kind == LocalKind::layer || local->kind == LocalKind::param);
  if (is_path || tasks_.contains(name->name)) return;
  std::vector<std::string> layers = task_names();
  for (const Local& candidate : locals_.all()) {
    if (candidate.kind == LocalKind::layer || candidate.kind == LocalKind::param) layers.push_back(candidate.name);
  }
  const std::optional<std::string> near = nearest(name->name, layers);
  emitter_.report(diag::UnknownPath, name->name)
      .at(path.range)
      .help(local != nullptr ? "it is a value: a layer is declared with `shared " + name->name + " = ...`"
            : near           ? "did you mean `" + *near + "`?"
                             : std::string());
}

std::vector<std::string> BodyChecker::task_names() const {
  std::vector<std::string> names;
  for (const auto& [name, range] : tasks_) names.push_back(name);
  return names;
}

void BodyChecker::task_list(const syntax::Expr& list) {
  const auto* items = std::get_if<syntax::ListExpr>(&list.node);
  if (items == nullptr) {
    const bool broken = std::holds_alternative<syntax::ErrorExpr>(list.node);
    if (!broken) emitter_.report(diag::NotATaskList).at(list.range);
    return;
  }
  for (const syntax::ExprPtr& item : items->items) task_name(*item);
}

void BodyChecker::task_name(const syntax::Expr& expr) {
  const auto* name = std::get_if<NameExpr>(&expr.node);
  if (name == nullptr) {
    if (!std::holds_alternative<syntax::ErrorExpr>(expr.node)) emitter_.report(diag::NotATaskList).at(expr.range);
    return;
  }
  if (tasks_.contains(name->name)) return;
  const std::vector<std::string> tasks = task_names();
  const std::optional<std::string> near = nearest(name->name, tasks);
  emitter_.report(diag::UnknownTaskHere, name->name)
      .at(expr.range)
      .help(near ? "did you mean `" + *near + "`?" : "the tasks are " + join(tasks, ", ", " and "));
}

// `not shares(encoder, [a, b])` leaves open whether some of it may be shared.
bool BodyChecker::is_negated_sharing(const syntax::Expr& expr, SourceRange range) {
  const auto* node = std::get_if<syntax::CallExpr>(&expr.node);
  const auto* callee = node ? std::get_if<NameExpr>(&node->callee->node) : nullptr;
  const bool shares = callee != nullptr && callee->name == "shares";
  if (!shares && !(callee != nullptr && callee->name == "separate")) return false;
  const std::string arguments = source_of(expr.range).substr(callee->name.size());
  emitter_.report(diag::WrongForm, "require", "require " + std::string(shares ? "separate" : "shares") + arguments)
      .at(range);
  return true;
}

void BodyChecker::require(const syntax::Expr& expr) {
  if (const auto* binary = std::get_if<syntax::BinaryExpr>(&expr.node)) {
    require(*binary->left);
    require(*binary->right);
    return;
  }
  if (const auto* unary = std::get_if<syntax::UnaryExpr>(&expr.node)) {
    if (unary->op == syntax::UnaryOp::logical_not && is_negated_sharing(*unary->operand, expr.range)) return;
    return require(*unary->operand);
  }
  const auto* node = std::get_if<syntax::CallExpr>(&expr.node);
  const auto* callee = node ? std::get_if<NameExpr>(&node->callee->node) : nullptr;
  const std::string function = callee ? callee->name : "";
  const auto wrong_form = [&](const char* usage) { emitter_.report(diag::WrongForm, function, usage).at(expr.range); };
  if (place_ == Place::model && (function == "shares" || function == "separate")) {
    const bool named = std::any_of(node->arguments.begin(), node->arguments.end(),
                                   [](const syntax::Argument& argument) { return argument.name.has_value(); });
    if (node->arguments.size() != 2 || named) return wrong_form((function + "(path, [task, task])").c_str());
    path_root(*node->arguments[0].value);
    return task_list(*node->arguments[1].value);
  }
  if (place_ == Place::model && function == "parameters") {
    if (node->arguments.size() != 1 || node->arguments[0].name) return wrong_form("parameters(path)");
    return path_root(*node->arguments[0].value);
  }
  if (place_ == Place::model && function == "flops") {
    const bool good = !node->arguments.empty() && !node->arguments[0].name &&
                      std::all_of(node->arguments.begin() + 1, node->arguments.end(),
                                  [](const syntax::Argument& argument) { return argument.name.has_value(); });
    if (!good) return wrong_form("flops(task, T = 50)");
    for (size_t i = 1; i < node->arguments.size(); ++i) value(*node->arguments[i].value);
    const auto* of = std::get_if<NameExpr>(&node->arguments[0].value->node);
    if (of == nullptr) return wrong_form("flops(task, T = 50)");
    if (of->name != "model") task_name(*node->arguments[0].value);
    return;
  }
  value(expr);
}

}  // namespace mtl::sema
