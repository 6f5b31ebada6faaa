// Models: tasks, statements about paths, the train block.
#include <algorithm>

#include "compiler/syntax/tree_builder.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

// What names a member of a family; null after a report.
ExprPtr family_member(ExprPtr made, diag::Emitter& emitter) {
  const auto* quoted = std::get_if<StringExpr>(&made->node);
  const bool plain = quoted != nullptr && std::none_of(quoted->parts.begin(), quoted->parts.end(),
                                                       [](const StringExpr::Part& part) { return part.is_name; });
  if (plain || std::holds_alternative<NameExpr>(made->node) || std::holds_alternative<IntExpr>(made->node)) return made;
  if (!std::holds_alternative<ErrorExpr>(made->node)) emitter.report(diag::FamilyMember).at(made->range);
  return nullptr;
}

// What stands in the brackets of `batch[news]` and of `batch[review[books]]`.
void source_of_setting(ExprPtr made, TrainSetting& out, diag::Emitter& emitter) {
  out.source = Name{"", made->range};
  if (auto* word = std::get_if<NameExpr>(&made->node)) {
    out.source->text = word->name;
    return;
  }
  auto* indexed = std::get_if<IndexExpr>(&made->node);
  auto* family = indexed ? std::get_if<NameExpr>(&indexed->base->node) : nullptr;
  if (family != nullptr && indexed->items.size() == 1 && indexed->items[0].kind == IndexExpr::Item::Kind::at) {
    out.source->text = family->name;
    out.source->range = indexed->base->range;
    out.member = family_member(std::move(indexed->items[0].value), emitter);
    return;
  }
  out.source.reset();
  if (!std::holds_alternative<ErrorExpr>(made->node)) emitter.report(diag::FamilyMember).at(made->range);
}

}  // namespace

ModelDecl TreeBuilder::model_decl(Tok::ModelDeclContext* context) {
  ModelDecl out;
  out.name = name(context->name());
  for (Tok::ModelItemContext* entry : context->modelItem()) {
    if (std::optional<ModelItem> made = model_item(entry)) out.items.push_back(std::move(*made));
  }
  return out;
}

std::optional<ModelItem> TreeBuilder::model_item(Tok::ModelItemContext* context) {
  ModelItem out;
  out.range = range(context);
  if (auto* statement = context->stmt()) {
    Stmt made = stmt(statement, Home::model);
    out.doc = made.doc;
    out.node = std::move(made);
    return out;
  }
  out.doc = doc(context);
  if (auto* task = context->taskDecl()) {
    out.node = task_decl(task);
  } else if (auto* metric = context->metricDecl()) {
    out.node = MetricDecl{name(metric->name()), expr(metric->expr())};
  } else if (auto* tie = context->tieStmt()) {
    out.node = TieStmt{pattern(tie->pattern(0)), pattern(tie->pattern(1))};
  } else if (auto* load = context->loadStmt()) {
    out.node = load_stmt(load);
  } else if (auto* freeze = context->freezeStmt()) {
    out.node = freeze_stmt(freeze);
  } else if (auto* wrap = context->wrapStmt()) {
    out.node = WrapStmt{pattern(wrap->pattern()), expr(wrap->expr())};
  } else if (auto* project = context->projectStmt()) {
    out.node = ProjectStmt{pattern(project->pattern()), expr(project->expr())};
  } else if (auto* train = context->trainBlock()) {
    out.node = train_block(train);
  } else {
    return std::nullopt;
  }
  return out;
}

TaskDecl TreeBuilder::task_decl(Tok::TaskDeclContext* context) {
  TaskDecl out;
  out.name = name(context->name());
  out.family = family(context->family());
  out.predicts = column(context->column(0));
  out.when = column(context->column(1));
  states_.clear();
  out.body = body(context->body(), Home::task);
  out.error = broken(context) || broken(context->body());
  return out;
}

LoadStmt TreeBuilder::load_stmt(Tok::LoadStmtContext* context) {
  LoadStmt out;
  out.target = pattern(context->pattern());
  out.file = plain_string(context->STRING());
  out.except = exceptions(context->exceptions());
  if (!context->loadBlock()) return out;
  for (Tok::LoadItemContext* entry : context->loadBlock()->loadItem()) {
    if (entry->RENAME() && entry->STRING().size() == 2) {
      out.renames.emplace_back(plain_string(entry->STRING(0)), plain_string(entry->STRING(1)));
    } else if (entry->setting()) {
      if (std::optional<Setting> made = setting(entry->setting())) out.settings.push_back(std::move(*made));
    }
  }
  return out;
}

FreezeStmt TreeBuilder::freeze_stmt(Tok::FreezeStmtContext* context) {
  FreezeStmt out;
  out.target = pattern(context->pattern());
  out.except = exceptions(context->exceptions());
  if (!context->UNTIL()) return out;
  out.until = context->EPOCH() ? FreezeStmt::Until::epoch : FreezeStmt::Until::step;
  out.limit = expr(context->expr());
  return out;
}

TrainBlock TreeBuilder::train_block(Tok::TrainBlockContext* context) {
  TrainBlock out;
  for (Tok::TrainItemContext* entry : context->trainItem()) {
    if (auto* group = entry->trainGroup()) {
      out.groups.push_back({pattern(group->pattern()), settings(group->settings()), range(group)});
      continue;
    }
    auto* single = entry->trainSetting();
    if (!single || name(single->SETTING()).text.empty()) continue;
    TrainSetting made;
    made.name = name(single->SETTING());
    made.range = range(single);
    if (single->LBRACK()) source_of_setting(expr(single->expr(0)), made, emitter_);
    made.value = expr(single->expr(single->LBRACK() ? 1 : 0));
    out.settings.push_back(std::move(made));
  }
  return out;
}

std::optional<ColumnRef> TreeBuilder::column(Tok::ColumnContext* context) {
  if (!context) return std::nullopt;
  ColumnRef out;
  out.range = range(context);
  out.source = name(context->name(0));
  out.column = name(context->name(1));
  if (context->expr()) out.member = family_member(expr(context->expr()), emitter_);
  return out;
}

Pattern TreeBuilder::pattern(Tok::PatternContext* context) {
  Pattern out;
  if (!context) return out;
  out.range = range(context);
  for (Tok::SegmentContext* segment : context->segment()) {
    PatternSegment made;
    const std::vector<Tok::NameContext*> parts = segment->name();
    const bool wild = segment->WILD() != nullptr;
    made.text = wild ? std::string(token(segment->WILD()->getSymbol()).text) : name(segment->name(0)).text;
    for (Tok::SegmentIndexContext* index : segment->segmentIndex()) {
      const bool of_task = segment->AT() && token(index->start).begin > token(segment->AT()->getSymbol()).begin;
      (of_task ? made.task_member : made.index) = path_index(index);
    }
    if (segment->AT() && !parts.empty()) made.task = name(parts.back());
    out.segments.push_back(std::move(made));
  }
  return out;
}

// An int, a range of ints, or a static name (of a family: also a string).
ExprPtr TreeBuilder::path_index(Tok::SegmentIndexContext* context) {
  ExprPtr out = expr(context->expr());
  const auto simple = [](const Expr& e) {
    return std::holds_alternative<IntExpr>(e.node) || std::holds_alternative<NameExpr>(e.node) ||
           std::holds_alternative<ErrorExpr>(e.node);
  };
  const auto* range_of = std::get_if<BinaryExpr>(&out->node);
  const bool range_ok =
      range_of && range_of->op == BinaryOp::range && simple(*range_of->left) && simple(*range_of->right);
  if (!simple(*out) && !range_ok && !std::holds_alternative<StringExpr>(out->node)) {
    emitter_.report(diag::PathIndex).at(out->range);
  }
  return out;
}

std::vector<Pattern> TreeBuilder::exceptions(Tok::ExceptionsContext* context) {
  std::vector<Pattern> out;
  if (!context) return out;
  for (Tok::PatternContext* one : context->pattern()) out.push_back(pattern(one));
  return out;
}

}  // namespace mtl::syntax
