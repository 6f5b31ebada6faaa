// See family_scope.h.
#include "compiler/sema/family_scope.h"

#include <algorithm>

#include "compiler/sema/names.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::Expr;
using syntax::NameExpr;

const std::vector<std::string>& meant_in_tasks() {
  static const std::vector<std::string> names{"head", "target", "previous", "task", "batch"};
  return names;
}

// The constants, and in front of them the variables of families.
class BoundScope : public TopScope {
 public:
  explicit BoundScope(const FamilyScope& scope) : TopScope(scope.file, scope.unit), scope_(scope) {}
  std::optional<StaticValue> lookup(const std::string& name) const override {
    const StaticValue* value = scope_.bound(name);
    return value ? std::optional(*value) : TopScope::lookup(name);
  }

 private:
  const FamilyScope& scope_;
};

}  // namespace

const StaticValue* FamilyScope::bound(const std::string& name) const {
  for (auto at = variable_values.rbegin(); at != variable_values.rend(); ++at) {
    if (at->first == name) return &at->second;
  }
  return nullptr;
}

const FamilyOf* FamilyScope::data_family(const std::string& name) const {
  const Found* found = file.find(unit, name);
  const auto known = found ? sources.find(found->decl) : sources.end();
  return known == sources.end() ? nullptr : &known->second;
}

// A family of tasks or of sources.
const FamilyOf* FamilyScope::family(const std::string& name) const {
  if (const auto task = tasks.find(name); task != tasks.end()) return &task->second;
  return contains(locals, name) || contains(variables, name) ? nullptr : data_family(name);
}

const FamilyOf* FamilyScope::layer_family(const std::string& name) const {
  const auto layer = layers.find(name);
  return layer == layers.end() ? nullptr : &layer->second;
}

// "a task", "a data source" if `name` is one that stands alone.
const char* FamilyScope::plain_kind(const std::string& name) const {
  if (contains(locals, name) || contains(variables, name) || contains(meant_in_tasks(), name)) return nullptr;
  if (plain_tasks.contains(name)) return "a task";
  const Found* found = file.find(unit, name);
  return found != nullptr && found->kind == DeclKind::data ? "a data source" : nullptr;
}

// The element that an index names: a static name in scope means its value, any other word itself. nullopt after a
// report.
std::optional<std::string> FamilyScope::element(const Expr& index) {
  if (std::holds_alternative<syntax::ErrorExpr>(index.node)) return std::nullopt;
  std::optional<StaticValue> value;
  if (const auto* word = std::get_if<NameExpr>(&index.node)) {
    const Found* found = file.find(unit, word->name);
    if (const StaticValue* known = bound(word->name)) {
      value = *known;
    } else if (contains(variables, word->name)) {
      emitter.report(diag::NotStatic, "`" + word->name + "`").at(index.range);
      return std::nullopt;
    } else if (found == nullptr || found->kind != DeclKind::constant) {
      return word->name;
    }
  }
  if (!value) value = evaluator.evaluate(index, BoundScope(*this));
  if (!value) return std::nullopt;
  std::optional<std::string> text = member_text(*value);
  if (!text) emitter.report(diag::FamilyElement, value->text()).at(index.range);
  return text;
}

std::optional<size_t> FamilyScope::position(const FamilyOf& family, const std::string& element, SourceRange range) {
  const auto at = std::find(family.texts.begin(), family.texts.end(), element);
  if (at != family.texts.end()) return static_cast<size_t>(at - family.texts.begin());
  if (family.broken) return std::nullopt;
  const std::optional<std::string> near = nearest(element, family.texts);
  emitter.report(diag::NoFamilyMember, family.name.text, element)
      .at(range)
      .label(family.name.range, "declared here")
      .help(near ? "did you mean `" + *near + "`?"
                 : "its members are " + excerpt(join(family.texts, ", ", " and "), 200));
  return std::nullopt;
}

std::optional<std::string> FamilyScope::member_name(const FamilyOf& family, const Expr& index) {
  const std::optional<std::string> wanted = element(index);
  const std::optional<size_t> at = wanted ? position(family, *wanted, index.range) : std::nullopt;
  return at ? std::optional(family.member(*at)) : std::nullopt;
}

void FamilyScope::needs_index(const FamilyOf& family, SourceRange range) {
  if (family.broken) return;
  const bool task = family.kind == FamilyOf::Kind::task;
  emitter.report(diag::FamilyNeedsIndex, family.name.text, count_of(family.texts.size(), "member"))
      .at(range)
      .label(family.name.range, "declared here")
      .help("write `" + family.written(0) + "` for one of them" +
            (task ? ", `[" + family.name.text + "]` for a list of all, or `mean(" + family.name.text +
                        ".METRIC)` in a metric"
                  : ", or `" + family.name.text + "[d]` in a family over the same list"));
}

// True after a report: nothing has this name, and a family has one like it.
bool FamilyScope::misspelled(const std::string& name, SourceRange range, const diag::Kind& kind) {
  if (contains(locals, name) || contains(variables, name) || contains(meant_in_tasks(), name) ||
      plain_tasks.contains(name) || file.find(unit, name) != nullptr)
    return false;
  std::vector<std::string> families;
  for (const auto& [decl, family] : sources) families.push_back(family.name.text);
  for (const auto& [task, family] : tasks) families.push_back(task);
  const std::optional<std::string> near = nearest(name, families);
  if (near) emitter.report(kind, name).at(range).help("did you mean `" + *near + "`?");
  return near.has_value();
}

// A name that a family has, or the variable of the family around it, is taken.
void FamilyScope::declares(const syntax::Name& name) {
  const auto task = tasks.find(name.text);
  const bool is_variable = bound(name.text) != nullptr;
  if (task == tasks.end() && !is_variable) return;
  diag::Report report =
      emitter.report(diag::NameHides, name.text, is_variable ? "the variable of a family" : "a family of tasks");
  std::move(report).at(name.range).label(is_variable ? SourceRange{} : task->second.name.range, "declared here");
}

}  // namespace mtl::sema
