// Statements of bodies, tasks and models.
#include "compiler/syntax/tree_builder.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

Owner owner_of(antlr4::tree::TerminalNode* shared, antlr4::tree::TerminalNode* own) {
  return shared ? Owner::shared : own ? Owner::private_ : Owner::enclosing;
}

}  // namespace

Body TreeBuilder::body(Tok::BodyContext* context, Home home) {
  Body out;
  if (!context) return out;
  bool returned = false, warned = false;
  for (Tok::StmtContext* entry : context->stmt()) {
    Stmt made = stmt(entry, home);
    if (returned && !warned) {
      emitter_.report(diag::AfterReturn).at(made.range);
      warned = true;
    }
    returned = returned || std::holds_alternative<ReturnStmt>(made.node);
    out.push_back(std::move(made));
  }
  return out;
}

Stmt TreeBuilder::stmt(Tok::StmtContext* context, Home home) {
  Stmt out;
  out.range = range(context);
  out.doc = doc(context);
  if (auto* layer = context->layerStmt()) {
    out.node = layer_stmt(layer, home);
  } else if (auto* param = context->paramStmt()) {
    out.node = param_stmt(param, home);
  } else if (auto* let = context->letStmt()) {
    out.node = let_stmt(let);
  } else if (auto* var = context->varStmt()) {
    out.node = VarStmt{name(var->name()), expr(var->expr())};
  } else if (auto* assign = context->assignStmt()) {
    out.node = AssignStmt{name(assign->SETTING()), expr(assign->expr())};
  } else if (auto* loop = context->forStmt()) {
    out.node = for_stmt(loop, home);
  } else if (auto* branch = context->ifStmt()) {
    out.node = if_stmt(branch, home);
  } else if (auto* answer = context->returnStmt()) {
    out.node = return_stmt(answer, home);
  } else if (auto* penalty = context->penaltyStmt()) {
    out.node = PenaltyStmt{expr(penalty->expr())};
  } else if (auto* monitor = context->monitorStmt()) {
    out.node = MonitorStmt{name(monitor->name()), expr(monitor->expr())};
  } else if (auto* update = context->updateStmt()) {
    out.node = update_stmt(update, home);
  } else if (auto* require = context->requireStmt()) {
    out.node = require_stmt(require);
  }
  return out;
}

void TreeBuilder::wrong_place(Context* context, Home home, const std::string& help) {
  const Token& word = token(context->start);
  emitter_.report(diag::WrongPlace, word.text, home == Home::model ? "in a model" : "in a task")
      .at({file_, word.begin, word.end})
      .help(help);
}

// A model's layers say whose they are; a task's are its own.
void TreeBuilder::check_owner(Owner owner, Context* context, const char* bare_word, Home home) {
  const std::string word(bare_word);
  if (home == Home::model && owner == Owner::enclosing) {
    wrong_place(context, home,
                word == "layer" ? "say whose copies it has: `shared` or `private` instead of `layer`"
                                : "say whose copies it has: `shared " + word + "` or `private " + word + "`");
  }
  if (home == Home::task && owner != Owner::enclosing) {
    wrong_place(context, home, "everything in a task is the task's own: write `" + word + "`");
  }
}

LayerStmt TreeBuilder::layer_stmt(Tok::LayerStmtContext* context, Home home) {
  const Owner owner = owner_of(context->SHARED(), context->PRIVATE());
  check_owner(owner, context, "layer", home);
  return {owner, decl_name(context->declName()), expr(context->expr())};
}

ParamStmt TreeBuilder::param_stmt(Tok::ParamStmtContext* context, Home home) {
  const bool state = context->STATE() != nullptr;
  const Owner owner = owner_of(context->SHARED(), context->PRIVATE());
  check_owner(owner, context, state ? "state" : "param", home);
  DeclName named = state ? DeclName{name(context->name()), {}} : decl_name(context->declName());
  ParamStmt out{owner, state, std::move(named), type(context->type()), expr(context->expr())};
  if (state) states_.insert(out.name.name.text);
  return out;
}

LetStmt TreeBuilder::let_stmt(Tok::LetStmtContext* context) {
  return {name(context->name()), optional_type(context->type()), expr(context->expr())};
}

ForStmt TreeBuilder::for_stmt(Tok::ForStmtContext* context, Home home) {
  return {name(context->name()), expr(context->expr()), body(context->body(), home)};
}

IfStmt TreeBuilder::if_stmt(Tok::IfStmtContext* context, Home home) {
  IfStmt out;
  const size_t conditions = context->expr().size(), bodies = context->body().size();
  if (conditions > kMaxBranches) {
    emitter_.report(diag::ElseIfTooLong, kMaxBranches).at(range(context->IF(0)));
    return out;
  }
  for (size_t i = 0; i < conditions; ++i) {
    out.branches.push_back({expr(context->expr(i)), body(context->body(i), home)});
  }
  if (bodies > conditions) out.branches.push_back({nullptr, body(context->body(conditions), home)});
  return out;
}

ReturnStmt TreeBuilder::return_stmt(Tok::ReturnStmtContext* context, Home home) {
  if (home != Home::body) wrong_place(context, home, "it belongs in the body of a module or function");
  ReturnStmt out;
  if (!context->named()) {
    out.single = expr(context->expr());
    return out;
  }
  for (Tok::NamedFieldContext* field : context->named()->namedField()) {
    out.fields.push_back({name(field->name()), expr(field->expr())});
  }
  return out;
}

UpdateStmt TreeBuilder::update_stmt(Tok::UpdateStmtContext* context, Home home) {
  UpdateStmt out{name(context->name()), expr(context->expr())};
  if (home == Home::model) {
    wrong_place(context, home, "an update stands in the module that declares the state");
  } else if (!out.name.text.empty() && !states_.contains(out.name.text)) {
    emitter_.report(diag::UpdateNoState, out.name.text)
        .at(out.name.range)
        .help("declare it with `state " + out.name.text + " : type = value`; a `var` is set without `update`");
  }
  return out;
}

RequireStmt TreeBuilder::require_stmt(Tok::RequireStmtContext* context) {
  in_require_ = true;
  RequireStmt out{expr(context->expr())};
  in_require_ = false;
  return out;
}

DeclName TreeBuilder::decl_name(Tok::DeclNameContext* context) {
  DeclName out;
  if (!context) return out;
  out.name = name(context->name());
  for (Tok::DeclIndexContext* index : context->declIndex()) {
    DeclName::Index made;
    if (index->name()) {
      made.variable = name(index->name());
      check_small(*made.variable, "a loop variable");
    }
    made.count = expr(index->expr());
    out.indices.push_back(std::move(made));
  }
  return out;
}

}  // namespace mtl::syntax
