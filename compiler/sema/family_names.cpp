// See family_names.h.
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

// ---- expressions ----

void FamilyExprs::expr(ExprPtr& expr_) {
  if (expr_) expr(*expr_);
}

void FamilyExprs::expr(Expr& expr_) {
  if (auto* node = std::get_if<NameExpr>(&expr_.node)) return name(expr_, std::string(node->name));
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

void FamilyExprs::name(Expr& expr_, const std::string& name) {
  if (contains(scope_.variables, name)) return;
  if (const StaticValue* value = scope_.bound(name)) {
    expr_.node = literal(*value, expr_.range);
    const bool has_literal = !std::holds_alternative<syntax::ErrorExpr>(expr_.node);
    if (!has_literal) scope_.emitter.report(diag::NotStatic, "`" + name + "`").at(expr_.range);
    return;
  }
  const FamilyOf* known = words ? nullptr : scope_.family(name);
  if (known == nullptr) return;
  scope_.needs_index(*known, expr_.range);
  expr_.node = syntax::ErrorExpr{};
}

// A mistake before the dot has been reported, so the member after it adds no report.
void FamilyExprs::member_of(Expr& expr_, syntax::MemberExpr& node) {
  const auto* base = std::get_if<NameExpr>(&node.base->node);
  const FamilyOf* known = base ? scope_.family(base->name) : nullptr;
  if (known != nullptr) {
    scope_.needs_index(*known, node.base->range);
    expr_.node = syntax::ErrorExpr{};
    return;
  }
  expr(node.base);
  if (std::holds_alternative<syntax::ErrorExpr>(node.base->node)) expr_.node = syntax::ErrorExpr{};
}

// "{d}/train.tsv": what is bound is filled in, and the parts around it become one.
void FamilyExprs::text(StringExpr& node) {
  std::vector<StringExpr::Part> parts;
  for (StringExpr::Part& part : node.parts) {
    const StaticValue* value =
        part.is_name && !contains(scope_.variables, part.text) ? scope_.bound(part.text) : nullptr;
    if (value != nullptr) part = {value->is_text() ? value->string() : value->text(), false};
    if (!part.is_name && !parts.empty() && !parts.back().is_name) {
      parts.back().text += part.text;
    } else {
      parts.push_back(std::move(part));
    }
  }
  node.parts = std::move(parts);
}

void FamilyExprs::size(syntax::SizeExpr& node, SourceRange range) {
  if (node.path.empty()) return;
  std::string& first = node.path[0];
  const FamilyOf* known = node.path.size() > 1 ? scope_.data_family(first) : nullptr;
  if (known == nullptr) {
    if (node.member) scope_.emitter.report(diag::NotAFamily, first, *node.member).at(range);
    if (node.member) node.path.clear();
    return;
  }
  if (!node.member) {
    scope_.needs_index(*known, range);
    return node.path.clear();
  }
  const bool quoted = node.member->starts_with('"');
  const Expr index{range, quoted ? decltype(Expr::node)(plain_string(unquoted(*node.member))) : NameExpr{*node.member}};
  const std::optional<std::string> member = scope_.member_name(*known, index);
  if (!member) return node.path.clear();
  first = *member;
  node.member.reset();
}

void FamilyExprs::index(Expr& expr_, syntax::IndexExpr& node) {
  const auto* base = std::get_if<NameExpr>(&node.base->node);
  if (base != nullptr) {
    const FamilyOf* layer = scope_.layer_family(base->name);
    if (layer != nullptr && !node.items.empty()) return layer_index(*layer, expr_, node);
    const bool one = node.items.size() == 1 && node.items[0].kind == syntax::IndexExpr::Item::Kind::at;
    const FamilyOf* known = scope_.bound(base->name) ? nullptr : scope_.family(base->name);
    if (known != nullptr) {
      std::optional<std::string> member;
      if (one) {
        member = scope_.member_name(*known, *node.items[0].value);
      } else {
        scope_.needs_index(*known, expr_.range);
      }
      expr_.node = member ? decltype(Expr::node)(NameExpr{*member}) : syntax::ErrorExpr{};
      return;
    }
    if (const char* kind = scope_.bound(base->name) ? nullptr : scope_.plain_kind(base->name)) {
      const auto* word = one ? std::get_if<NameExpr>(&node.items[0].value->node) : nullptr;
      scope_.emitter.report(diag::NotAFamily, base->name, word ? word->name : "...")
          .at(expr_.range)
          .help("`" + base->name + "` is " + kind + " that stands alone; write it without brackets");
      expr_.node = syntax::ErrorExpr{};
      return;
    }
    if (one && !scope_.bound(base->name) && scope_.misspelled(base->name, node.base->range, diag::UnknownName)) {
      expr_.node = syntax::ErrorExpr{};
      return;
    }
  }
  for (Expr* child : syntax::children(expr_)) expr(*child);
}

// tower[books]: the word is quoted, so that it names no value. In `require`, where paths stand, tower.books.
void FamilyExprs::layer_index(const FamilyOf& layer, Expr& expr_, syntax::IndexExpr& node) {
  for (size_t at = 1; at < node.items.size(); ++at) expr(node.items[at].value);
  syntax::IndexExpr::Item& first = node.items[0];
  const auto* word = first.value ? std::get_if<NameExpr>(&first.value->node) : nullptr;
  const bool open = word != nullptr && contains(scope_.variables, word->name);
  const bool simple = word != nullptr || (first.value && std::holds_alternative<StringExpr>(first.value->node));
  if (!simple || open || first.kind != syntax::IndexExpr::Item::Kind::at) return expr(first.value);
  const std::optional<std::string> wanted = scope_.element(*first.value);
  const bool number = wanted && !wanted->empty() && wanted->find_first_not_of("0123456789") == wanted->npos;
  if (number && std::find(layer.texts.begin(), layer.texts.end(), *wanted) == layer.texts.end())
    return expr(first.value);  // a constant: the place in the array
  if (!wanted || !scope_.position(layer, *wanted, first.range)) {
    expr_.node = syntax::ErrorExpr{};
  } else if (require && node.items.size() == 1) {
    ExprPtr base = std::move(node.base);
    const SourceRange range = first.range;
    expr_.node = syntax::MemberExpr{std::move(base), {member_word(*wanted), range}};
  } else {
    first.value->node = plain_string(*wanted);
  }
}

// A name of a family in a list is all of its members: [sentiment], [sentiment.accuracy].
std::vector<ExprPtr> FamilyExprs::spread(const Expr& item) {
  std::vector<ExprPtr> out;
  if (words) return out;
  Expr copy = syntax::clone(item);
  const NameExpr* root = root_of(copy);
  const FamilyOf* known = root && !scope_.bound(root->name) ? scope_.family(root->name) : nullptr;
  if (known == nullptr) return out;
  for (size_t i = 0; i < known->texts.size(); ++i) {
    if (!scope_.budget.spend(1, item.range, scope_.emitter)) break;
    ExprPtr one = std::make_unique<Expr>(syntax::clone(item));
    root_of(*one)->name = known->member(i);
    out.push_back(std::move(one));
  }
  if (out.empty()) out.push_back(made(item.range, syntax::ErrorExpr{}));
  return out;
}

void FamilyExprs::list(syntax::ListExpr& node) {
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

void FamilyExprs::call(syntax::CallExpr& node) {
  const auto* callee = std::get_if<NameExpr>(&node.callee->node);
  if (callee == nullptr) expr(node.callee);
  std::vector<syntax::Argument> arguments;
  const bool of_metrics = metric && callee != nullptr && callee->name == "mean";
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
bool FamilyExprs::indexes_by(Expr& expr_, const std::set<std::string>& variables) {
  const auto* size = std::get_if<syntax::SizeExpr>(&expr_.node);
  if (size != nullptr && size->member && variables.contains(*size->member)) return true;
  const auto* index = std::get_if<syntax::IndexExpr>(&expr_.node);
  const auto* base = index ? std::get_if<NameExpr>(&index->base->node) : nullptr;
  if (base != nullptr && scope_.family(base->name) != nullptr) {
    for (const syntax::IndexExpr::Item& item : index->items) {
      const auto* word = item.value ? std::get_if<NameExpr>(&item.value->node) : nullptr;
      if (word != nullptr && variables.contains(word->name)) return true;
    }
  }
  const std::vector<Expr*> inside = syntax::children(expr_);
  return std::any_of(inside.begin(), inside.end(), [&](Expr* child) { return indexes_by(*child, variables); });
}

// Writes out [sentiment[d].head for d in domains], as names of members are needed now. False for other generators.
bool FamilyExprs::unroll(Expr& expr_, const syntax::GeneratorExpr& node) {
  std::set<std::string> variables;
  for (const syntax::GeneratorExpr::Clause& clause : node.clauses) variables.insert(clause.variable.text);
  if (!indexes_by(*node.item, variables)) return false;
  syntax::ListExpr out;
  const bool good = unroll_from(node, 0, out);
  expr_.node = good ? decltype(Expr::node)(std::move(out)) : syntax::ErrorExpr{};
  return true;
}

bool FamilyExprs::unroll_from(const syntax::GeneratorExpr& node, size_t clause, syntax::ListExpr& out) {
  if (clause == node.clauses.size()) {
    const SourceRange range = node.item->range;
    if (!scope_.budget.spend(1 + (range.end - range.begin) / 8, range, scope_.emitter)) return false;
    ExprPtr item = syntax::clone(node.item);
    expr(item);
    out.items.push_back(std::move(item));
    return true;
  }
  ExprPtr in = syntax::clone(node.clauses[clause].in);
  expr(in);
  const std::optional<StaticValue> list = scope_.evaluator.evaluate(*in, TopScope(scope_.file, scope_.unit));
  if (!list) return false;
  if (!list->is_list()) {
    scope_.emitter.report(diag::StaticWrongType, "what `for` runs over", list->type_name(), "a list").at(in->range);
    return false;
  }
  for (const StaticValue& value : list->items()) {
    scope_.variable_values.emplace_back(node.clauses[clause].variable.text, value);
    const bool good = unroll_from(node, clause + 1, out);
    scope_.variable_values.pop_back();
    if (!good) return false;
  }
  return true;
}

void FamilyExprs::generator(syntax::GeneratorExpr& node) {
  const size_t outer = scope_.variables.size();
  for (syntax::GeneratorExpr::Clause& clause : node.clauses) {
    expr(clause.in);
    scope_.declares(clause.variable);
    scope_.variables.push_back(clause.variable.text);
  }
  expr(node.item);
  scope_.variables.resize(outer);
}

// A word is looked up in the table of its setting, so a variable that happens to be called `tsv` does not stand for it.
void FamilyExprs::setting(const std::string& name, ExprPtr& value) {
  if (!value) return;
  const bool word = std::holds_alternative<syntax::NameExpr>(value->node);
  if (word && (name == "format" || name == "metric")) return;
  const bool outer = std::exchange(words, words || word);
  expr(value);
  words = outer;
}

}  // namespace mtl::sema
