// References in expressions. See family_names.h.
#include "compiler/sema/family_names.h"

#include <algorithm>

#include "compiler/sema/names.h"
#include "compiler/syntax/clone.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::Expr;
using syntax::ExprPtr;
using syntax::NameExpr;
using syntax::StringExpr;

StringExpr plain_string(std::string text) {
  return {{{std::move(text), false}}};
}

ExprPtr made(SourceRange range, decltype(Expr::node) node) {
  return std::make_unique<Expr>(Expr{range, std::move(node)});
}

// A value as a literal; an error node of what has no literal.
decltype(Expr::node) literal(const StaticValue& value, SourceRange range) {
  if (value.is_int()) return syntax::IntExpr{*value.as_int()};
  if (value.is_bool()) return syntax::BoolExpr{std::get<bool>(value.value)};
  if (value.is_text()) return plain_string(value.string());
  if (const auto* number = std::get_if<double>(&value.value)) return syntax::FloatExpr{*number};
  if (const auto* share = std::get_if<Fraction>(&value.value)) return syntax::PercentExpr{share->value};
  if (!value.is_list()) return syntax::ErrorExpr{};
  syntax::ListExpr list;
  for (const StaticValue& item : value.items()) list.items.push_back(made(range, literal(item, range)));
  return list;
}

const std::vector<std::string>& meant_in_tasks() {
  static const std::vector<std::string> names{"head", "target", "previous", "task", "batch"};
  return names;
}

// What a chain of members and columns begins with: `sentiment` of sentiment.accuracy["x"]; null behind other forms.
NameExpr* root_of(Expr& expr) {
  Expr* at = &expr;
  bool has_member = false;
  while (true) {
    if (auto* member = std::get_if<syntax::MemberExpr>(&at->node)) {
      at = member->base.get();
      has_member = true;
    } else if (auto* index = std::get_if<syntax::IndexExpr>(&at->node);
               index != nullptr && !std::holds_alternative<NameExpr>(index->base->node)) {
      at = index->base.get();
    } else {
      return has_member || at == &expr ? std::get_if<NameExpr>(&at->node) : nullptr;
    }
  }
}

// `"sci-fi"` in a size, as it is written.
std::string unquoted(const std::string& text) {
  if (text.size() < 2 || text.front() != '"') return text;
  std::string out;
  for (size_t at = 1; at + 1 < text.size(); ++at) {
    const bool escaped = text[at] == '\\' || (text[at] == '{' && text[at + 1] == '{');
    out += text[escaped ? ++at : at];
  }
  return out;
}

}  // namespace

// ---- what names mean ----

const StaticValue* FamilyNames::bound(const std::string& name) const {
  for (auto at = bound_.rbegin(); at != bound_.rend(); ++at) {
    if (at->first == name) return &at->second;
  }
  return nullptr;
}

const FamilyOf* FamilyNames::data_family(const std::string& name) const {
  const Found* found = file_.find(unit_, name);
  const auto known = found ? sources_.find(found->decl) : sources_.end();
  return known == sources_.end() ? nullptr : &known->second;
}

// A family of tasks or of sources.
const FamilyOf* FamilyNames::family(const std::string& name) const {
  if (const auto task = tasks_.find(name); task != tasks_.end()) return &task->second;
  return contains(locals_, name) || contains(variables_, name) ? nullptr : data_family(name);
}

const FamilyOf* FamilyNames::layer_family(const std::string& name) const {
  const auto layer = layers_.find(name);
  return layer == layers_.end() ? nullptr : &layer->second;
}

// "a task", "a data source" if `name` is one that stands alone.
const char* FamilyNames::plain_kind(const std::string& name) const {
  if (contains(locals_, name) || contains(variables_, name) || contains(meant_in_tasks(), name)) return nullptr;
  if (plain_tasks_.contains(name)) return "a task";
  const Found* found = file_.find(unit_, name);
  return found != nullptr && found->kind == DeclKind::data ? "a data source" : nullptr;
}

// What stands in the brackets: a static name in scope is its value, any other word is itself. nullopt after a report.
std::optional<std::string> FamilyNames::element(const Expr& index) {
  if (std::holds_alternative<syntax::ErrorExpr>(index.node)) return std::nullopt;
  std::optional<StaticValue> value;
  if (const auto* word = std::get_if<NameExpr>(&index.node)) {
    const Found* found = file_.find(unit_, word->name);
    if (const StaticValue* known = bound(word->name)) {
      value = *known;
    } else if (contains(variables_, word->name)) {
      emitter_.report(diag::NotStatic, "`" + word->name + "`").at(index.range);
      return std::nullopt;
    } else if (found == nullptr || found->kind != DeclKind::constant) {
      return word->name;
    }
  }
  if (!value) {
    Expr computed = syntax::clone(index);
    expr(computed);
    value = evaluator_.evaluate(computed, TopScope(file_, unit_));
  }
  if (!value) return std::nullopt;
  std::optional<std::string> text = member_text(*value);
  if (!text) emitter_.report(diag::FamilyElement, value->text()).at(index.range);
  return text;
}

std::optional<size_t> FamilyNames::position(const FamilyOf& family, const std::string& element, SourceRange range) {
  const auto at = std::find(family.texts.begin(), family.texts.end(), element);
  if (at != family.texts.end()) return static_cast<size_t>(at - family.texts.begin());
  if (family.broken) return std::nullopt;
  const std::optional<std::string> near = nearest(element, family.texts);
  emitter_.report(diag::NoFamilyMember, family.name.text, element)
      .at(range)
      .label(family.name.range, "declared here")
      .help(near ? "did you mean `" + *near + "`?"
                 : "its members are " + excerpt(join(family.texts, ", ", " and "), 200));
  return std::nullopt;
}

std::optional<std::string> FamilyNames::member_name(const FamilyOf& family, const Expr& index) {
  const std::optional<std::string> wanted = element(index);
  const std::optional<size_t> at = wanted ? position(family, *wanted, index.range) : std::nullopt;
  return at ? std::optional(family.member(*at)) : std::nullopt;
}

void FamilyNames::needs_index(const FamilyOf& family, SourceRange range) {
  if (family.broken) return;
  const bool task = family.kind == FamilyOf::Kind::task;
  emitter_.report(diag::FamilyNeedsIndex, family.name.text, count_of(family.texts.size(), "member"))
      .at(range)
      .label(family.name.range, "declared here")
      .help("write `" + family.written(0) + "` for one of them" +
            (task ? ", `[" + family.name.text + "]` for a list of all, or `mean(" + family.name.text +
                        ".METRIC)` in a metric"
                  : ", or `" + family.name.text + "[d]` in a family over the same list"));
}

// ---- expressions ----

void FamilyNames::expr(ExprPtr& expr_) {
  if (expr_) expr(*expr_);
}

void FamilyNames::expr(Expr& expr_) {
  if (auto* node = std::get_if<NameExpr>(&expr_.node)) return name(expr_, node->name);
  if (auto* node = std::get_if<StringExpr>(&expr_.node)) return text(*node);
  if (auto* node = std::get_if<syntax::SizeExpr>(&expr_.node)) return size(*node, expr_.range);
  if (auto* node = std::get_if<syntax::IndexExpr>(&expr_.node)) return index(expr_, *node);
  if (auto* node = std::get_if<syntax::ListExpr>(&expr_.node)) return list(*node);
  if (auto* node = std::get_if<syntax::CallExpr>(&expr_.node)) return call(*node);
  if (auto* node = std::get_if<syntax::MemberExpr>(&expr_.node)) return member_of(expr_, *node);
  if (auto* node = std::get_if<syntax::GeneratorExpr>(&expr_.node)) {
    if (!unroll(expr_, *node)) generator(*node);
    return;
  }
  for (Expr* child : syntax::children(expr_)) expr(*child);
}

void FamilyNames::name(Expr& expr_, const std::string& name) {
  if (contains(variables_, name)) return;
  if (const StaticValue* value = bound(name)) {
    expr_.node = literal(*value, expr_.range);
    return;
  }
  const FamilyOf* known = in_words_ ? nullptr : family(name);
  if (known == nullptr) return;
  needs_index(*known, expr_.range);
  expr_.node = syntax::ErrorExpr{};
}

// What is wrong in front of the dot was reported, so what stands behind it is silent.
void FamilyNames::member_of(Expr& expr_, syntax::MemberExpr& node) {
  const auto* base = std::get_if<NameExpr>(&node.base->node);
  const FamilyOf* known = base ? family(base->name) : nullptr;
  if (known != nullptr) {
    needs_index(*known, node.base->range);
    expr_.node = syntax::ErrorExpr{};
    return;
  }
  expr(node.base);
  if (std::holds_alternative<syntax::ErrorExpr>(node.base->node)) expr_.node = syntax::ErrorExpr{};
}

// True after a report: nothing has this name, and a family has one like it.
bool FamilyNames::misspelled(const std::string& name, SourceRange range, const diag::Kind& kind) {
  if (contains(locals_, name) || contains(variables_, name) || contains(meant_in_tasks(), name) ||
      plain_tasks_.contains(name) || file_.find(unit_, name) != nullptr)
    return false;
  std::vector<std::string> families;
  for (const auto& [decl, family] : sources_) families.push_back(family.name.text);
  for (const auto& [task, family] : tasks_) families.push_back(task);
  const std::optional<std::string> near = nearest(name, families);
  if (near) emitter_.report(kind, name).at(range).help("did you mean `" + *near + "`?");
  return near.has_value();
}

// "{d}/train.tsv": what is bound is filled in, and the parts around it become one.
void FamilyNames::text(StringExpr& node) {
  std::vector<StringExpr::Part> parts;
  for (StringExpr::Part& part : node.parts) {
    const StaticValue* value = part.is_name && !contains(variables_, part.text) ? bound(part.text) : nullptr;
    if (value != nullptr) part = {value->is_text() ? value->string() : value->text(), false};
    if (!part.is_name && !parts.empty() && !parts.back().is_name) {
      parts.back().text += part.text;
    } else {
      parts.push_back(std::move(part));
    }
  }
  node.parts = std::move(parts);
}

void FamilyNames::size(syntax::SizeExpr& node, SourceRange range) {
  if (node.path.empty()) return;
  std::string& first = node.path[0];
  const FamilyOf* known = node.path.size() > 1 ? data_family(first) : nullptr;
  if (known == nullptr) {
    if (node.member) emitter_.report(diag::NotAFamily, first, *node.member).at(range);
    if (node.member) node.path.clear();
    return;
  }
  if (!node.member) {
    needs_index(*known, range);
    return node.path.clear();
  }
  const bool quoted = node.member->starts_with('"');
  const Expr index{range, quoted ? decltype(Expr::node)(plain_string(unquoted(*node.member))) : NameExpr{*node.member}};
  const std::optional<std::string> member = member_name(*known, index);
  if (!member) return node.path.clear();
  first = *member;
  node.member.reset();
}

void FamilyNames::index(Expr& expr_, syntax::IndexExpr& node) {
  const auto* base = std::get_if<NameExpr>(&node.base->node);
  if (base != nullptr) {
    const FamilyOf* layer = layer_family(base->name);
    if (layer != nullptr && !node.items.empty()) return layer_index(*layer, expr_, node);
    const bool one = node.items.size() == 1 && node.items[0].kind == syntax::IndexExpr::Item::Kind::at;
    const FamilyOf* known = bound(base->name) ? nullptr : family(base->name);
    if (known != nullptr) {
      std::optional<std::string> member;
      if (one) {
        member = member_name(*known, *node.items[0].value);
      } else {
        needs_index(*known, expr_.range);
      }
      expr_.node = member ? decltype(Expr::node)(NameExpr{*member}) : syntax::ErrorExpr{};
      return;
    }
    if (const char* kind = bound(base->name) ? nullptr : plain_kind(base->name)) {
      const auto* word = one ? std::get_if<NameExpr>(&node.items[0].value->node) : nullptr;
      emitter_.report(diag::NotAFamily, base->name, word ? word->name : "...")
          .at(expr_.range)
          .help("`" + base->name + "` is " + kind + " that stands alone; write it without brackets");
      expr_.node = syntax::ErrorExpr{};
      return;
    }
    if (one && !bound(base->name) && misspelled(base->name, node.base->range, diag::UnknownName)) {
      expr_.node = syntax::ErrorExpr{};
      return;
    }
  }
  for (Expr* child : syntax::children(expr_)) expr(*child);
}

// tower[books]: the word is quoted, so that it names no value. In `require`, where paths stand, tower.books.
void FamilyNames::layer_index(const FamilyOf& layer, Expr& expr_, syntax::IndexExpr& node) {
  for (size_t at = 1; at < node.items.size(); ++at) expr(node.items[at].value);
  syntax::IndexExpr::Item& first = node.items[0];
  const auto* word = first.value ? std::get_if<NameExpr>(&first.value->node) : nullptr;
  const bool open = word != nullptr && contains(variables_, word->name);
  const bool simple = word != nullptr || (first.value && std::holds_alternative<StringExpr>(first.value->node));
  if (!simple || open || first.kind != syntax::IndexExpr::Item::Kind::at) return expr(first.value);
  const std::optional<std::string> wanted = element(*first.value);
  const bool number = wanted && !wanted->empty() && wanted->find_first_not_of("0123456789") == wanted->npos;
  if (number && std::find(layer.texts.begin(), layer.texts.end(), *wanted) == layer.texts.end())
    return expr(first.value);  // a constant: the place in the array
  if (!wanted || !position(layer, *wanted, first.range)) {
    expr_.node = syntax::ErrorExpr{};
  } else if (in_require_ && node.items.size() == 1) {
    ExprPtr base = std::move(node.base);
    const SourceRange range = first.range;
    expr_.node = syntax::MemberExpr{std::move(base), {member_word(*wanted), range}};
  } else {
    first.value->node = plain_string(*wanted);
  }
}

// A name of a family in a list is all of its members: [sentiment], [sentiment.accuracy].
std::vector<ExprPtr> FamilyNames::spread(const Expr& item) {
  std::vector<ExprPtr> out;
  if (in_words_) return out;
  Expr copy = syntax::clone(item);
  const NameExpr* root = root_of(copy);
  const FamilyOf* known = root && !bound(root->name) ? family(root->name) : nullptr;
  if (known == nullptr) return out;
  for (size_t i = 0; i < known->texts.size(); ++i) {
    if (!budget_.spend(1, item.range, emitter_)) break;
    ExprPtr one = std::make_unique<Expr>(syntax::clone(item));
    root_of(*one)->name = known->member(i);
    out.push_back(std::move(one));
  }
  if (out.empty()) out.push_back(made(item.range, syntax::ErrorExpr{}));
  return out;
}

void FamilyNames::list(syntax::ListExpr& node) {
  std::vector<ExprPtr> items;
  for (ExprPtr& item : node.items) {
    std::vector<ExprPtr> all = spread(*item);
    if (all.empty()) {
      expr(item);
      items.push_back(std::move(item));
    }
    for (ExprPtr& one : all) items.push_back(std::move(one));
  }
  node.items = std::move(items);
}

void FamilyNames::call(syntax::CallExpr& node) {
  const auto* callee = std::get_if<NameExpr>(&node.callee->node);
  if (callee == nullptr) expr(node.callee);
  std::vector<syntax::Argument> arguments;
  const bool of_metrics = in_metric_ && callee != nullptr && callee->name == "mean";
  for (syntax::Argument& argument : node.arguments) {
    std::vector<ExprPtr> all;
    if (of_metrics && !argument.name) all = spread(*argument.value);
    if (all.empty()) {
      expr(argument.value);
      arguments.push_back(std::move(argument));
    }
    for (ExprPtr& one : all) arguments.push_back({std::nullopt, std::move(one)});
  }
  node.arguments = std::move(arguments);
}

// Whether a member is named by one of these variables.
bool FamilyNames::indexes_by(Expr& expr_, const std::set<std::string>& variables) {
  const auto* size = std::get_if<syntax::SizeExpr>(&expr_.node);
  if (size != nullptr && size->member && variables.contains(*size->member)) return true;
  const auto* index = std::get_if<syntax::IndexExpr>(&expr_.node);
  const auto* base = index ? std::get_if<NameExpr>(&index->base->node) : nullptr;
  if (base != nullptr && family(base->name) != nullptr) {
    for (const syntax::IndexExpr::Item& item : index->items) {
      const auto* word = item.value ? std::get_if<NameExpr>(&item.value->node) : nullptr;
      if (word != nullptr && variables.contains(word->name)) return true;
    }
  }
  const std::vector<Expr*> inside = syntax::children(expr_);
  return std::any_of(inside.begin(), inside.end(), [&](Expr* child) { return indexes_by(*child, variables); });
}

// [sentiment[d].head for d in domains] is written out, as the name of a member cannot wait. False: it is no such list.
bool FamilyNames::unroll(Expr& expr_, const syntax::GeneratorExpr& node) {
  std::set<std::string> variables;
  for (const syntax::GeneratorExpr::Clause& clause : node.clauses) variables.insert(clause.variable.text);
  if (!indexes_by(*node.item, variables)) return false;
  syntax::ListExpr out;
  const bool good = unroll_from(node, 0, out);
  expr_.node = good ? decltype(Expr::node)(std::move(out)) : syntax::ErrorExpr{};
  return true;
}

bool FamilyNames::unroll_from(const syntax::GeneratorExpr& node, size_t clause, syntax::ListExpr& out) {
  if (clause == node.clauses.size()) {
    const SourceRange range = node.item->range;
    if (!budget_.spend(1 + (range.end - range.begin) / 8, range, emitter_)) return false;
    ExprPtr item = syntax::clone(node.item);
    expr(item);
    out.items.push_back(std::move(item));
    return true;
  }
  ExprPtr in = syntax::clone(node.clauses[clause].in);
  expr(in);
  const std::optional<StaticValue> list = evaluator_.evaluate(*in, TopScope(file_, unit_));
  if (!list) return false;
  if (!list->is_list()) {
    emitter_.report(diag::StaticWrongType, "what `for` runs over", list->type_name(), "a list").at(in->range);
    return false;
  }
  for (const StaticValue& value : list->items()) {
    bound_.emplace_back(node.clauses[clause].variable.text, value);
    const bool good = unroll_from(node, clause + 1, out);
    bound_.pop_back();
    if (!good) return false;
  }
  return true;
}

void FamilyNames::generator(syntax::GeneratorExpr& node) {
  const size_t outer = variables_.size();
  for (syntax::GeneratorExpr::Clause& clause : node.clauses) {
    expr(clause.in);
    declares(clause.variable);
    variables_.push_back(clause.variable.text);
  }
  expr(node.item);
  variables_.resize(outer);
}

}  // namespace mtl::sema
