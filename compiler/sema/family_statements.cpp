// See family_statements.h.
#include "compiler/sema/family_statements.h"

#include <algorithm>

#include "compiler/sema/names.h"
#include "compiler/syntax/clone.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {

using syntax::ExprPtr;
using syntax::ModelItem;
using syntax::Pattern;

// ---- declarations ----

void FamilyStatements::declaration(syntax::Decl& decl) {
  const auto callable = [&](auto& node) {
    if constexpr (requires { node.statics; }) parameters(node.statics);
    parameters(node.inputs);
    if constexpr (requires { node.result; }) result(node.result);
    body(node.body);
  };
  if (auto* source = std::get_if<syntax::DataDecl>(&decl.node)) return data(*source);
  if (auto* node = std::get_if<syntax::ModuleDecl>(&decl.node)) return callable(*node);
  if (auto* node = std::get_if<syntax::FunctionDecl>(&decl.node)) return callable(*node);
  if (auto* node = std::get_if<syntax::CriterionDecl>(&decl.node)) return callable(*node);
  if (auto* node = std::get_if<syntax::BalancerDecl>(&decl.node)) return callable(*node);
  if (auto* node = std::get_if<syntax::ModelDecl>(&decl.node)) return model(*node);
}

void FamilyStatements::member(syntax::DataDecl& decl, const syntax::Name& variable, const StaticValue& element) {
  scope_.variable_values.emplace_back(variable.text, element);
  data(decl);
  scope_.variable_values.pop_back();
}

void FamilyStatements::data(syntax::DataDecl& decl) {
  exprs_.words = true;
  for (syntax::Setting& one : decl.settings) exprs_.setting(one.name.text, one.value);
  for (syntax::ColumnDecl& column : decl.columns) {
    type(column.type);
    exprs_.expr(column.binding);
  }
  exprs_.words = false;
}

// ---- models ----

void FamilyStatements::collect_layer(const syntax::LayerStmt& stmt) {
  if (stmt.name.indices.empty()) return;
  const syntax::DeclName::Index& index = stmt.name.indices[0];
  if (!index.variable || !index.count) return;
  diag::Emitter quiet(scope_.emitter.sources());  // said where the layer is made
  StaticBudget budget;
  const std::optional<StaticValue> list =
      StaticEvaluator(quiet, budget).evaluate(*index.count, TopScope(scope_.file, scope_.unit));
  if (!list || !list->is_list() || list->items().empty()) return;
  FamilyOf made{FamilyOf::Kind::layer, stmt.name.name, list->items(), {}, false};
  for (const StaticValue& item : list->items()) {
    if (!item.is_text()) return;
    made.texts.push_back(item.string());
  }
  scope_.layers.emplace(stmt.name.name.text, std::move(made));
}

// What the model declares, in front of what refers to it.
void FamilyStatements::collect(const syntax::ModelDecl& decl) {
  for (const ModelItem& item : decl.items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task == nullptr) continue;
    if (!task->family) {
      scope_.plain_tasks.insert(task->name.text);
    } else if (const auto known = scope_.tasks.find(task->name.text); known != scope_.tasks.end()) {
      scope_.emitter.report(diag::NameHides, task->name.text, "a family of tasks")
          .at(task->name.range)
          .label(known->second.name.range, "declared here");
    } else {
      FamilyOf made = read_family(scope_.file, scope_.unit, FamilyOf::Kind::task, task->name, *task->family,
                                  scope_.evaluator, scope_.emitter);
      scope_.tasks.emplace(task->name.text, std::move(made));
    }
  }
  for (const ModelItem& item : decl.items) {
    const auto* metric = std::get_if<syntax::MetricDecl>(&item.node);
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    const auto* stmt = std::get_if<syntax::Stmt>(&item.node);
    if (metric != nullptr) scope_.declares(metric->name);
    if (task != nullptr && !task->family) scope_.declares(task->name);
    if (stmt == nullptr) continue;
    if (const auto* layer = std::get_if<syntax::LayerStmt>(&stmt->node)) {
      scope_.declares(layer->name.name);
      scope_.locals.push_back(layer->name.name.text);
      collect_layer(*layer);
    }
    const auto* param = std::get_if<syntax::ParamStmt>(&stmt->node);
    const auto* let = std::get_if<syntax::LetStmt>(&stmt->node);
    const auto* var = std::get_if<syntax::VarStmt>(&stmt->node);
    if (param != nullptr) scope_.locals.push_back(param->name.name.text);
    if (let != nullptr) scope_.locals.push_back(let->name.text);
    if (var != nullptr) scope_.locals.push_back(var->name.text);
  }
}

void FamilyStatements::model(syntax::ModelDecl& decl) {
  collect(decl);
  std::vector<ModelItem> items;
  for (ModelItem& one : decl.items) item(std::move(one), items);
  decl.items = std::move(items);
}

void FamilyStatements::item(ModelItem one, std::vector<ModelItem>& out) {
  const auto each_target = [&](auto make) {  // a statement about a family is one about each member
    for (Pattern& target : patterns(std::move(std::get<decltype(make(Pattern{}))>(one.node).target)))
      out.push_back({one.range, one.doc, make(std::move(target))});
  };
  if (auto* task_ = std::get_if<syntax::TaskDecl>(&one.node)) {
    if (task_->family) return task_family(one, out);
    task(*task_);
  } else if (auto* metric = std::get_if<syntax::MetricDecl>(&one.node)) {
    exprs_.metric = true;
    exprs_.expr(metric->value);
    exprs_.metric = false;
  } else if (auto* freeze = std::get_if<syntax::FreezeStmt>(&one.node)) {
    exprs_.expr(freeze->limit);
    const std::vector<Pattern> except = patterns(std::move(freeze->except));
    return each_target([&](Pattern target) {
      return syntax::FreezeStmt{std::move(target), syntax::clone(except), freeze->until, syntax::clone(freeze->limit)};
    });
  } else if (auto* load = std::get_if<syntax::LoadStmt>(&one.node)) {
    const std::vector<Pattern> except = patterns(std::move(load->except));
    return each_target([&](Pattern target) {
      return syntax::LoadStmt{std::move(target), load->file, syntax::clone(except), syntax::clone(load->settings),
                              load->renames};
    });
  } else if (auto* wrap = std::get_if<syntax::WrapStmt>(&one.node)) {
    exprs_.expr(wrap->with);
    return each_target([&](Pattern target) { return syntax::WrapStmt{std::move(target), syntax::clone(wrap->with)}; });
  } else if (auto* project = std::get_if<syntax::ProjectStmt>(&one.node)) {
    exprs_.expr(project->onto);
    return each_target([&](Pattern target) {
      return syntax::ProjectStmt{std::move(target), syntax::clone(project->onto)};
    });
  } else if (auto* tie = std::get_if<syntax::TieStmt>(&one.node)) {
    std::vector<Pattern> left = patterns(std::move(tie->left)), right = patterns(std::move(tie->right));
    for (Pattern& a : left) {
      for (const Pattern& b : right)
        out.push_back({one.range, one.doc, syntax::TieStmt{syntax::clone(a), syntax::clone(b)}});
    }
    return;
  } else if (auto* block = std::get_if<syntax::TrainBlock>(&one.node)) {
    train(*block);
  } else if (auto* stmt = std::get_if<syntax::Stmt>(&one.node)) {
    statement(*stmt);
  }
  out.push_back(std::move(one));
}

// One task for each element; each says of itself what the family says.
void FamilyStatements::task_family(const ModelItem& item, std::vector<ModelItem>& out) {
  const auto& decl = std::get<syntax::TaskDecl>(item.node);
  const FamilyOf& family = scope_.tasks.at(decl.name.text);
  if (family.name.range.begin != decl.name.range.begin) return;  // a second one of this name: reported
  const syntax::Name& variable = decl.family->variable;
  if (contains(scope_.locals, variable.text)) {
    scope_.emitter.report(diag::NameHides, variable.text, "a name of the model").at(variable.range);
    return;
  }
  scope_.emitter.once_in(item.range);
  for (size_t i = 0; i < family.texts.size(); ++i) {
    if (!scope_.budget.spend(1 + (item.range.end - item.range.begin) / 8, decl.family->in->range, scope_.emitter))
      return;
    syntax::TaskDecl made = syntax::clone(decl);
    made.family.reset();
    made.name.text = family.member(i);
    scope_.variable_values.emplace_back(variable.text, family.elements[i]);
    task(made);
    scope_.variable_values.pop_back();
    out.push_back({item.range, item.doc, std::move(made)});
  }
}

void FamilyStatements::task(syntax::TaskDecl& decl) {
  column(decl.predicts);
  column(decl.when);
  body(decl.body);
}

// review[d].label: the source becomes the name of the member. A source without a name is silent later.
void FamilyStatements::column(std::optional<syntax::ColumnRef>& ref) {
  if (!ref || ref->source.text.empty()) return;
  const FamilyOf* known = scope_.data_family(ref->source.text);
  if (known == nullptr && ref->member) {
    const auto* word = std::get_if<syntax::NameExpr>(&ref->member->node);
    const char* kind = scope_.plain_kind(ref->source.text);
    if (kind == nullptr && scope_.misspelled(ref->source.text, ref->source.range, diag::UnknownSource))
      ref->source.text.clear();
    if (kind == nullptr) return ref->member.reset();  // an unknown source, said later
    scope_.emitter.report(diag::NotAFamily, ref->source.text, word ? word->name : "...")
        .at(ref->range)
        .help("`" + ref->source.text + "` is " + kind + " that stands alone; write it without brackets");
    ref->source.text.clear();
    return;
  }
  if (known == nullptr) return;
  std::optional<std::string> member;
  if (ref->member) {
    member = scope_.member_name(*known, *ref->member);
  } else {
    scope_.needs_index(*known, ref->source.range);
  }
  ref->source.text = member.value_or("");
  ref->member.reset();
}

void FamilyStatements::train(syntax::TrainBlock& block) {
  std::vector<syntax::TrainSetting> settings;
  exprs_.metric = true;
  for (syntax::TrainSetting& one : block.settings) {
    exprs_.setting(one.name.text, one.value);
    const FamilyOf* known = one.source ? scope_.data_family(one.source->text) : nullptr;
    if (known == nullptr) {
      const auto* word = one.member ? std::get_if<syntax::NameExpr>(&one.member->node) : nullptr;
      if (one.member) {
        scope_.emitter.report(diag::NotAFamily, one.source->text, word ? word->name : "...").at(one.source->range);
      } else {
        settings.push_back(std::move(one));
      }
    } else if (one.member) {
      const std::optional<std::string> member = scope_.member_name(*known, *one.member);
      if (!member) continue;
      one.source->text = *member;
      one.member.reset();
      settings.push_back(std::move(one));
    } else {
      for (size_t i = 0; i < known->texts.size(); ++i)
        settings.push_back({one.name, syntax::Name{known->member(i), one.source->range}, nullptr,
                            syntax::clone(one.value), one.range});
    }
  }
  exprs_.metric = false;
  block.settings = std::move(settings);
  std::vector<syntax::TrainGroup> groups;
  for (syntax::TrainGroup& group : block.groups) {
    for (Pattern& target : patterns(std::move(group.target)))
      groups.push_back({std::move(target), syntax::clone(group.settings), group.range});
  }
  block.groups = std::move(groups);
}

// ---- paths ----

std::vector<Pattern> FamilyStatements::patterns(std::vector<Pattern> all) {
  std::vector<Pattern> out;
  for (Pattern& one : all) {
    for (Pattern& made : patterns(std::move(one))) out.push_back(std::move(made));
  }
  return out;
}

// The names that `name[index]` stands for in a path; nothing after a report. `index` is taken.
std::vector<std::string> FamilyStatements::segment_names(const std::string& name, ExprPtr& index, SourceRange range) {
  const auto task = scope_.tasks.find(name);
  if (task == scope_.tasks.end()) return {name};
  const FamilyOf& family = task->second;
  std::vector<std::string> names;
  if (!index) {
    for (size_t i = 0; i < family.texts.size() && scope_.budget.spend(1, range, scope_.emitter); ++i)
      names.push_back(family.member(i));
    return names;
  }
  if (const std::optional<std::string> member = scope_.member_name(family, *index)) names.push_back(*member);
  index.reset();
  return names;
}

std::vector<Pattern> FamilyStatements::patterns(Pattern pattern) {
  std::vector<Pattern> out;
  out.emplace_back().range = pattern.range;
  for (size_t at = 0; at < pattern.segments.size(); ++at) {
    syntax::PatternSegment& segment = pattern.segments[at];
    std::vector<std::string> texts{segment.text}, of_task{""};
    if (at == 0) texts = segment_names(segment.text, segment.index, pattern.range);
    if (segment.task) {
      const bool plain = segment.task_member && !scope_.tasks.contains(segment.task->text);
      if (plain) scope_.emitter.report(diag::NotAFamily, segment.task->text, "...").at(segment.task->range);
      of_task = segment_names(segment.task->text, segment.task_member, segment.task->range);
      if (plain) return {};
    }
    std::string word;  // behind tower[books] a segment of its own
    const FamilyOf* layer = at == 0 && segment.index ? scope_.layer_family(segment.text) : nullptr;
    const auto* number = segment.index ? std::get_if<syntax::IntExpr>(&segment.index->node) : nullptr;
    if (layer != nullptr && number == nullptr) {
      const std::optional<std::string> wanted = scope_.element(*segment.index);
      if (!wanted || !scope_.position(*layer, *wanted, segment.index->range)) return {};
      word = member_word(*wanted);
      segment.index.reset();
    }
    std::vector<Pattern> longer;
    for (const Pattern& begin : out) {
      for (const std::string& text : texts) {
        for (const std::string& task : of_task) {
          if (!scope_.budget.spend(1, pattern.range, scope_.emitter)) return {};
          Pattern& made = longer.emplace_back(syntax::clone(begin));
          made.segments.push_back({text, syntax::clone(segment.index), segment.task, nullptr});
          if (segment.task) made.segments.back().task->text = task;
          if (!word.empty()) made.segments.push_back({word, nullptr, std::nullopt, nullptr});
        }
      }
    }
    out = std::move(longer);
  }
  return out;
}

// ---- statements ----

void FamilyStatements::body(syntax::Body& body) {
  const size_t outer = scope_.locals.size();
  for (syntax::Stmt& stmt : body) statement(stmt);
  scope_.locals.resize(outer);
}

void FamilyStatements::statement(syntax::Stmt& stmt) {
  struct Visitor {
    FamilyStatements& self;
    void named(const syntax::Name& name) const {
      self.scope_.declares(name);
      self.scope_.locals.push_back(name.text);
    }
    void operator()(syntax::ErrorStmt&) const {}
    void operator()(syntax::PenaltyStmt& node) const { self.exprs_.expr(node.value); }
    void operator()(syntax::MonitorStmt& node) const { self.exprs_.expr(node.value); }
    void operator()(syntax::UpdateStmt& node) const { self.exprs_.expr(node.value); }
    void operator()(syntax::LayerStmt& node) const {
      const size_t outer = self.scope_.variables.size();
      self.decl_name(node.name);
      self.exprs_.expr(node.value);
      self.scope_.variables.resize(outer);
    }
    void operator()(syntax::ParamStmt& node) const {
      const size_t outer = self.scope_.variables.size();
      self.decl_name(node.name);
      self.type(node.type);
      self.exprs_.expr(node.init);
      self.scope_.variables.resize(outer);
    }
    void operator()(syntax::LetStmt& node) const {
      if (node.type) self.type(*node.type);
      self.exprs_.expr(node.value);
      named(node.name);
    }
    void operator()(syntax::VarStmt& node) const {
      self.exprs_.expr(node.value);
      named(node.name);
    }
    void operator()(syntax::AssignStmt& node) const { self.exprs_.setting(node.name.text, node.value); }
    void operator()(syntax::ForStmt& node) const {
      self.exprs_.expr(node.in);
      self.scope_.declares(node.variable);
      self.scope_.variables.push_back(node.variable.text);
      self.body(node.body);
      self.scope_.variables.pop_back();
    }
    void operator()(syntax::IfStmt& node) const {
      for (syntax::IfStmt::Branch& branch : node.branches) {
        self.exprs_.expr(branch.condition);
        self.body(branch.body);
      }
    }
    void operator()(syntax::ReturnStmt& node) const {
      self.exprs_.expr(node.single);
      for (syntax::ReturnStmt::Field& field : node.fields) self.exprs_.expr(field.value);
    }
    void operator()(syntax::RequireStmt& node) const {
      self.exprs_.require = true;
      self.exprs_.expr(node.condition);
      self.exprs_.require = false;
    }
  };
  std::visit(Visitor{*this}, stmt.node);
}

void FamilyStatements::decl_name(syntax::DeclName& name) {
  scope_.declares(name.name);
  scope_.locals.push_back(name.name.text);
  for (syntax::DeclName::Index& index : name.indices) {
    exprs_.expr(index.count);
    if (!index.variable) continue;
    scope_.declares(*index.variable);
    scope_.variables.push_back(index.variable->text);
  }
}

void FamilyStatements::type(syntax::TypeExpr& type) {
  for (ExprPtr& argument : type.arguments) exprs_.expr(argument);
  for (syntax::Argument& one : type.settings) exprs_.expr(one.value);
  for (syntax::TypeExpr::DimItem& item : type.dims) exprs_.expr(item.size);
}

void FamilyStatements::parameters(std::vector<syntax::Parameter>& parameters) {
  for (syntax::Parameter& one : parameters) {
    type(one.type);
    exprs_.expr(one.default_value);
    scope_.locals.push_back(one.name.text);
    scope_.variables.push_back(one.name.text);
  }
}

void FamilyStatements::result(std::optional<syntax::ResultType>& result) {
  if (!result) return;
  if (result->single) type(*result->single);
  for (syntax::ResultType::Field& field : result->fields) type(field.type);
}

}  // namespace mtl::sema
