// Names in models and tasks. Layers and tasks of a model may stand in any order; what a `let` reads stands above it.
#include <algorithm>

#include "compiler/sema/names.h"
#include "compiler/sema/settings.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::NameExpr;

// Statements of a model that other issues bring; the word that opens each.
const char* unsupported_word(const syntax::ModelItem& item) {
  if (std::holds_alternative<syntax::ProjectStmt>(item.node)) return "project";
  return nullptr;
}

}  // namespace

// Layers, parameters, tasks and metrics: one namespace, in any order.
void BodyChecker::declare_members(const syntax::ModelDecl& decl) {
  static const std::vector<std::string> reserved{"task", "tasks", "model", "losses", "across", "head", "target"};
  std::map<std::string, std::pair<SourceRange, const char*>> taken;
  const auto add = [&](const syntax::Name& name, const char* what) {
    if (name.text.empty()) return false;
    if (std::find(reserved.begin(), reserved.end(), name.text) != reserved.end()) {
      emitter_.report(diag::ReservedName, name.text).at(name.range);
      return false;
    }
    const auto [at, is_new] = taken.try_emplace(name.text, name.range, what);
    if (is_new) return true;
    emitter_.report(diag::NameHides, name.text, at->second.second)
        .at(name.range)
        .label(at->second.first, "declared here");
    return false;
  };
  for (const syntax::ModelItem& item : decl.items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    const auto* metric = std::get_if<syntax::MetricDecl>(&item.node);
    if (task != nullptr && add(task->name, "a task")) tasks_.emplace(task->name.text, task->name.range);
    if (metric != nullptr && add(metric->name, "a metric")) metrics_.emplace(metric->name.text, metric->name.range);
    const auto* stmt = std::get_if<syntax::Stmt>(&item.node);
    if (stmt == nullptr) continue;
    const auto* layer = std::get_if<syntax::LayerStmt>(&stmt->node);
    const auto* param = std::get_if<syntax::ParamStmt>(&stmt->node);
    if (layer != nullptr && add(layer->name.name, "a layer")) declare(layer->name.name, LocalKind::layer);
    if (param != nullptr && add(param->name.name, "a parameter")) {
      declare(param->name.name, param->state ? LocalKind::state : LocalKind::param);
    }
  }
}

void BodyChecker::model(const syntax::ModelDecl& decl) {
  locals_.push();
  declare_members(decl);
  for (const syntax::ModelItem& item : decl.items) {
    if (const char* word = unsupported_word(item)) unsupported(diag::UnsupportedStatement, word, item.range);
    if (const auto* stmt = std::get_if<syntax::Stmt>(&item.node)) model_statement(*stmt);
    const auto* wrap = std::get_if<syntax::WrapStmt>(&item.node);
    if (wrap != nullptr && wrap->with) value(*wrap->with);
  }
  locals_.close_variables();
  bool has_train = false;
  for (const syntax::ModelItem& item : decl.items) {
    if (const auto* node = std::get_if<syntax::TaskDecl>(&item.node)) task(*node);
    if (std::holds_alternative<syntax::TrainBlock>(item.node)) {
      if (has_train) emitter_.report(diag::DoubledSetting, "train").at(item.range);
      has_train = true;
    }
  }
  for (const syntax::ModelItem& item : decl.items) {  // `require` may speak of everything
    const auto* stmt = std::get_if<syntax::Stmt>(&item.node);
    if (stmt != nullptr && std::holds_alternative<syntax::RequireStmt>(stmt->node)) statement(*stmt);
  }
  locals_.pop();
}

void BodyChecker::model_statement(const syntax::Stmt& stmt) {
  if (std::holds_alternative<syntax::RequireStmt>(stmt.node)) return;
  if (const auto* layer = std::get_if<syntax::LayerStmt>(&stmt.node)) return layer_value(*layer);
  if (const auto* param = std::get_if<syntax::ParamStmt>(&stmt.node)) {
    return param_value(*param);
  }
  const auto* assign = std::get_if<syntax::AssignStmt>(&stmt.node);
  if (assign == nullptr) return statement(stmt);
  const Local* local = locals_.find(assign->name.text);
  if (local != nullptr && local->kind == LocalKind::variable) return value(*assign->value);
  const std::string& name = assign->name.text;
  if (!name.empty() && local == nullptr && name != "balance" && !nearest(name, std::vector<std::string>{"balance"})) {
    const std::vector<std::string>& trained = train_settings();
    const bool of_training = std::find(trained.begin(), trained.end(), name) != trained.end();
    if (const std::string said = syntax::advice(syntax::PhrasePlace::model, name); of_training || !said.empty()) {
      emitter_.report(diag::UnknownSetting, "a model", name)
          .at(assign->name.range)
          .help(help_for_setting(syntax::PhrasePlace::model, name, {"balance"}, text_of(assign->value, emitter_)));
      return;
    }
    emitter_.report(diag::UnknownSetting, "a model", name)
        .at(assign->name.range)
        .help("a layer is declared: `shared " + name + " = ...`, or `private` with a copy for each task; `let " + name +
              " = ...` names a value");
    value(*assign->value);
    return declare(name, assign->name.range, LocalKind::layer);  // its uses are no mistakes of their own
  }
  setting(*assign, {"balance"}, "a model");
  if (assign->name.text == "balance") balance(*assign->value);
}

namespace {
// Of a method that is known and needs what is not there.
std::string help_for_later(const std::string& name, const std::vector<std::string>& known) {
  const std::string half = name == "imtl" ? "`imtl_l` is its half that weighs losses; " : "";
  return half + "it needs the gradients of each task; from losses there are " + join(known, ", ", " and ");
}
}  // namespace

void BodyChecker::balance(const syntax::Expr& expr) {
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  const syntax::Expr& callee = call ? *call->callee : expr;
  const auto* name = std::get_if<NameExpr>(&callee.node);
  if (name == nullptr) {
    const bool broken = std::holds_alternative<syntax::ErrorExpr>(expr.node);
    if (!broken) emitter_.report(diag::WrongForm, "balance", "balance = uncertainty()").at(expr.range);
    return;
  }
  const Found* found = file_.find(unit_, name->name);
  if (found == nullptr || found->kind != DeclKind::balancer) {
    const std::vector<std::string> known = file_.visible(unit_, {DeclKind::balancer});
    const std::vector<std::string>& later = balancing_methods();
    if (std::find(later.begin(), later.end(), name->name) != later.end())
      return unsupported(diag::UnsupportedBalancing, name->name, expr.range, help_for_later(name->name, known));
    std::vector<std::string> all = known;
    all.insert(all.end(), later.begin(), later.end());
    const std::optional<std::string> near = nearest(name->name, all);
    emitter_.report(diag::UnknownChoice, "balance", name->name)
        .at(callee.range)
        .help(near ? "did you mean `" + *near + "`?" : "there are " + join(known, ", ", " and "));
    return;
  }
  facts_.uses.insert(found->decl);
  for (const syntax::Parameter& input : found->as<syntax::BalancerDecl>().inputs) {
    if (input.name.text == "gram")
      return unsupported(diag::UnsupportedBalancing, name->name, expr.range,
                         "it reads `gram`, products of the tasks' gradients; what reads `losses` alone is there");
  }
  if (call == nullptr) return;
  for (const syntax::Argument& argument : call->arguments) value(*argument.value);
}

// The source of a `predicts` or `when`, after checking that it has the column.
const Found* BodyChecker::predicted(const syntax::ColumnRef& ref, bool must_be_bool) {
  const Found* found = file_.find(unit_, ref.source.text);
  if (ref.source.text.empty()) return nullptr;
  if (found == nullptr || found->kind != DeclKind::data) {
    const std::optional<std::string> near = nearest(ref.source.text, file_.visible(unit_, {DeclKind::data}));
    std::string help = near ? "did you mean `" + *near + "`?" : "";
    for (const std::string& source : file_.visible(unit_, {DeclKind::data})) {
      const bool column = ref.column.text.empty() && file_.column(source, ref.source.text);
      if (column) help = "a column is written with its source: `" + source + "." + ref.source.text + "`";
    }
    emitter_.report(diag::UnknownSource, ref.source.text).at(ref.source.range).help(help);
    return nullptr;
  }
  facts_.uses.insert(found->decl);
  const auto& data = found->as<syntax::DataDecl>();
  const syntax::ColumnDecl* column = nullptr;
  std::vector<std::string> columns;
  for (const syntax::ColumnDecl& candidate : data.columns) {
    columns.push_back(candidate.name.text);
    if (candidate.name.text == ref.column.text) column = &candidate;
  }
  if (ref.column.text.empty()) {
    emitter_.report(diag::ColumnMissing, ref.source.text)
        .at(ref.range)
        .help("write `" + ref.source.text + ".COLUMN`; its columns are " + join(columns, ", ", " and "));
    return nullptr;
  }
  if (column == nullptr) {
    report_unknown_column(data, ref.column, emitter_);
    return nullptr;
  }
  const std::string& type = column->type.name.text;
  if (must_be_bool) {
    if (type != "bool" && !column->type.error) {
      emitter_.report(diag::WhenNotBool, source_of(ref.range), source_of(column->type.range))
          .at(ref.range)
          .label(column->range, "declared here")
          .help("make a `bool` column of it: `column(...) |> is(...)`");
    }
    return found;
  }
  if (type == "token" || type == "span" || type == "index") {
    unsupported(diag::UnsupportedTarget, source_of(column->type.range), ref.range);
  } else if (type == "category") {
    emitter_.report(diag::CategoryTarget, source_of(ref.range))
        .at(ref.range)
        .label(column->range, "declared here")
        .help("a `category` is an input; declare the column as `label`");
  }
  return found;
}

void BodyChecker::task(const syntax::TaskDecl& decl) {
  task_ = &decl;
  const Place outer = place_;
  place_ = Place::task;
  settings_.clear();
  if (decl.predicts) predicted(*decl.predicts, false);
  if (decl.when) {
    predicted(*decl.when, true);
    const bool other =
        decl.predicts && !decl.when->source.text.empty() && decl.when->source.text != decl.predicts->source.text;
    if (other) {
      emitter_.report(diag::WhenOtherSource, decl.when->source.text, decl.predicts->source.text).at(decl.when->range);
    }
  }
  locals_.push();
  body(decl.body);
  locals_.pop();
  if (!settings_.contains("head") && !decl.name.text.empty() && !decl.error) {
    diag::Report report = emitter_.report(diag::TaskWithoutHead, decl.name.text);
    if (decl.body.empty()) {
      std::move(report).at(decl.name.range);
    } else {
      const SourceRange last = decl.body.back().range;
      std::move(report).at({last.file, last.end, last.end}).label(decl.name.range, "");
    }
    std::move(report).help("write `head = ...`: its scores");
  }
  place_ = outer;
  task_ = nullptr;
}

void BodyChecker::task_setting(const syntax::AssignStmt& node) {
  if (!setting(node, task_settings(), "a task")) return;
  const std::string& name = node.name.text;
  if (name == "metric") return;  // a closed table: see task_settings.h
  const auto* word = std::get_if<NameExpr>(&node.value->node);
  if (name == "loss" && word != nullptr && word->name == "none") return;
  in_loss_ = name == "loss" || name == "predict" || name == "weight";
  value(*node.value);
  in_loss_ = false;
}

}  // namespace mtl::sema
