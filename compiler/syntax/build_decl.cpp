// Declarations at the top level, but for models (build_model.cpp).
#include "compiler/syntax/tree_builder.h"

namespace mtl::syntax {

File TreeBuilder::file(Tok::FileContext* tree) {
  File out;
  out.file = file_;
  if (!tree) return out;
  for (Tok::ItemContext* context : tree->item()) {
    if (std::optional<Decl> decl = item(context)) out.decls.push_back(std::move(*decl));
  }
  return out;
}

std::optional<Decl> TreeBuilder::item(Tok::ItemContext* context) {
  Decl out;
  out.range = range(context);
  out.doc = doc(context);
  states_.clear();
  if (auto* use = context->useDecl()) {
    out.node = use_decl(use);
  } else if (auto* constant = context->constDecl()) {
    out.node = const_decl(constant);
  } else if (auto* vocab = context->vocabDecl()) {
    out.node = vocab_decl(vocab);
  } else if (auto* data = context->dataDecl()) {
    out.node = data_decl(data);
  } else if (auto* module = context->moduleDecl()) {
    out.node = module_decl(module);
  } else if (auto* function = context->functionDecl()) {
    out.node = function_decl(function);
  } else if (auto* criterion = context->criterionDecl()) {
    out.node = criterion_decl(criterion);
  } else if (auto* balancer = context->balancerDecl()) {
    out.node = balancer_decl(balancer);
  } else if (auto* model = context->modelDecl()) {
    out.node = model_decl(model);
  } else if (auto* sweep = context->sweepDecl()) {
    out.node = sweep_decl(sweep);
  } else {
    return std::nullopt;  // reported by the parser
  }
  return out;
}

UseDecl TreeBuilder::use_decl(Tok::UseDeclContext* context) {
  UseDecl out{names(context->name()), {}};
  if (context->STRING()) out.file = plain_string(context->STRING());
  return out;
}

ConstDecl TreeBuilder::const_decl(Tok::ConstDeclContext* context) {
  return {name(context->name()), expr(context->expr())};
}

VocabDecl TreeBuilder::vocab_decl(Tok::VocabDeclContext* context) {
  return {name(context->name()), settings(context->settings())};
}

SweepDecl TreeBuilder::sweep_decl(Tok::SweepDeclContext* context) {
  return {name(context->name()), settings(context->settings())};
}

DataDecl TreeBuilder::data_decl(Tok::DataDeclContext* context) {
  DataDecl out;
  out.name = name(context->name());
  out.family = family(context->family());
  for (Tok::DataItemContext* entry : context->dataItem()) data_item(entry, out);
  return out;
}

void TreeBuilder::data_item(Tok::DataItemContext* context, DataDecl& out) {
  const Name target = name(context->SETTING());
  if (target.text.empty()) return;
  if (context->COLON()) {
    const std::string text = doc(context);
    out.columns.push_back({target, type(context->type()), expr(context->expr()), range(context), text});
  } else {
    out.settings.push_back({target, expr(context->expr()), range(context)});
  }
}

ModuleDecl TreeBuilder::module_decl(Tok::ModuleDeclContext* context) {
  ModuleDecl out;
  out.name = name(context->name());
  out.statics = parameters(context->params(0));
  out.inputs = parameters(context->params(1));
  out.result = result(context->result());
  out.body = body(context->body(), Home::body);
  return out;
}

FunctionDecl TreeBuilder::function_decl(Tok::FunctionDeclContext* context) {
  FunctionDecl out;
  out.name = name(context->name());
  out.inputs = parameters(context->params());
  out.result = result(context->result());
  out.body = body(context->body(), Home::body);
  return out;
}

CriterionDecl TreeBuilder::criterion_decl(Tok::CriterionDeclContext* context) {
  CriterionDecl out;
  out.name = name(context->name());
  out.statics = parameters(context->params(0));
  out.inputs = parameters(context->params(1));
  out.body = body(context->body(), Home::body);
  return out;
}

BalancerDecl TreeBuilder::balancer_decl(Tok::BalancerDeclContext* context) {
  BalancerDecl out;
  out.name = name(context->name());
  out.statics = parameters(context->params(0));
  out.inputs = parameters(context->params(1));
  out.result = result(context->result());
  out.body = body(context->body(), Home::body);
  return out;
}

std::optional<Family> TreeBuilder::family(Tok::FamilyContext* context) {
  if (!context) return std::nullopt;
  Family out{name(context->name()), expr(context->expr())};
  check_small(out.variable, "a family variable");
  return out;
}

std::vector<Setting> TreeBuilder::settings(Tok::SettingsContext* context) {
  std::vector<Setting> out;
  if (!context) return out;
  for (Tok::SettingContext* entry : context->setting()) {
    if (std::optional<Setting> made = setting(entry)) out.push_back(std::move(*made));
  }
  return out;
}

std::optional<Setting> TreeBuilder::setting(Tok::SettingContext* context) {
  const Name target = name(context->SETTING());
  if (target.text.empty()) return std::nullopt;
  return Setting{target, expr(context->expr()), range(context)};
}

std::vector<Parameter> TreeBuilder::parameters(Tok::ParamsContext* context) {
  std::vector<Parameter> out;
  if (!context) return out;
  for (Tok::ParamContext* param : context->param()) {
    Parameter made{name(param->name()), type(param->type()), nullptr};
    if (made.name.text.empty()) continue;
    if (param->expr()) made.default_value = expr(param->expr());
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace mtl::syntax
