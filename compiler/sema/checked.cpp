// Look-ups in a checked file. See checked.h for the order in which a name is searched.
#include "compiler/sema/checked.h"

#include <algorithm>

#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {

const char* kind_name(DeclKind kind) {
  switch (kind) {
    case DeclKind::constant:
      return "constant";
    case DeclKind::vocab:
      return "vocabulary";
    case DeclKind::data:
      return "data source";
    case DeclKind::module:
      return "module";
    case DeclKind::function:
      return "function";
    case DeclKind::criterion:
      return "criterion";
    case DeclKind::balancer:
      return "balancer";
    case DeclKind::model:
      return "model";
    case DeclKind::sweep:
      return "sweep";
  }
  return "declaration";
}

namespace {

// Nothing refers to a model or a sweep by name, so they hide nothing: a model `bilstm` may use the module `bilstm`.
const Found* find_own(const Unit& unit, std::string_view name) {
  const auto at = unit.own.find(std::string(name));
  if (at == unit.own.end()) return nullptr;
  const bool refers = at->second.kind != DeclKind::model && at->second.kind != DeclKind::sweep;
  return refers ? &at->second : nullptr;
}

std::string last_part(const Unit& unit) {
  if (unit.library) return unit.name.substr(unit.name.rfind('.') + 1);
  const size_t slash = unit.name.rfind('/');
  std::string stem = slash == std::string::npos ? unit.name : unit.name.substr(slash + 1);
  return stem.ends_with(".mtl") ? stem.substr(0, stem.size() - 4) : stem;
}

}  // namespace

const Found* CheckedFile::find(UnitId unit, std::string_view name) const {
  if (const Found* own = find_own(*units[unit], name)) return own;
  const Found* found = nullptr;
  for (const UnitId used : units[unit]->uses) {
    const Found* here = find_own(*units[used], name);
    if (here == nullptr) continue;
    if (found != nullptr) return nullptr;  // two files have it
    found = here;
  }
  if (found != nullptr || !prelude || *prelude == unit) return found;
  return find_own(*units[*prelude], name);
}

const Found* CheckedFile::find_in(UnitId unit, std::string_view file, std::string_view name) const {
  for (const UnitId used : units[unit]->uses) {
    if (last_part(*units[used]) != file) continue;
    if (const Found* found = find_own(*units[used], name)) return found;
  }
  return nullptr;
}

bool CheckedFile::opens(UnitId unit, std::string_view file) const {
  const std::vector<UnitId>& uses = units[unit]->uses;
  return std::any_of(uses.begin(), uses.end(), [&](UnitId used) { return last_part(*units[used]) == file; });
}

std::vector<std::string> CheckedFile::files_with(UnitId unit, std::string_view name) const {
  std::vector<std::string> files;
  for (const UnitId used : units[unit]->uses) {
    if (find_own(*units[used], name) != nullptr) files.push_back(last_part(*units[used]));
  }
  return files;
}

const StaticValue* CheckedFile::constant(UnitId unit, std::string_view name) const {
  const Found* found = find(unit, name);
  if (found == nullptr || found->kind != DeclKind::constant) return nullptr;
  const auto at = consts.find(&found->as<syntax::ConstDecl>());
  return at == consts.end() ? nullptr : &at->second;
}

std::vector<std::string> CheckedFile::visible(UnitId unit, const std::vector<DeclKind>& kinds) const {
  std::vector<UnitId> from{unit};
  from.insert(from.end(), units[unit]->uses.begin(), units[unit]->uses.end());
  if (prelude && *prelude != unit) from.push_back(*prelude);
  std::vector<std::string> names;
  for (const UnitId id : from) {
    for (const auto& [name, found] : units[id]->own) {
      if (std::find(kinds.begin(), kinds.end(), found.kind) != kinds.end()) names.push_back(name);
    }
  }
  return names;
}

const syntax::DataDecl* CheckedFile::source(std::string_view name) const {
  const Found* found = find(0, name);
  return found != nullptr && found->kind == DeclKind::data ? &found->as<syntax::DataDecl>() : nullptr;
}

const syntax::VocabDecl* CheckedFile::vocab(std::string_view name) const {
  const Found* found = find(0, name);
  return found != nullptr && found->kind == DeclKind::vocab ? &found->as<syntax::VocabDecl>() : nullptr;
}

const syntax::ColumnDecl* CheckedFile::column(std::string_view source_name, std::string_view column_name) const {
  const syntax::DataDecl* data = source(source_name);
  if (data == nullptr) return nullptr;
  for (const syntax::ColumnDecl& column : data->columns) {
    if (column.name.text == column_name) return &column;
  }
  return nullptr;
}

const syntax::TaskDecl* CheckedFile::task(std::string_view name) const {
  if (model == nullptr) return nullptr;
  for (const syntax::ModelItem& item : model->items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task != nullptr && task->name.text == name) return task;
  }
  return nullptr;
}

std::optional<StaticValue> TopScope::lookup(const std::string& name) const {
  const StaticValue* value = file_.constant(unit_, name);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<StaticValue> TopScope::size(const syntax::SizeExpr& size) const {
  if (size.path.empty() || size.path.size() > 2 || size.member) return std::nullopt;
  const Found* found = file_.find(unit_, size.path[0]);
  if (found == nullptr) return std::nullopt;
  if (size.path.size() == 1 && found->kind != DeclKind::vocab) return std::nullopt;
  if (size.path.size() == 2 && file_.column(size.path[0], size.path[1]) == nullptr) return std::nullopt;
  const std::string path = join(size.path, ".", ".");
  return StaticValue::size("|" + path + "|", size_of_ ? size_of_(path) : std::nullopt);
}

std::vector<std::string> TopScope::names() const {
  return file_.visible(unit_, {DeclKind::constant});
}

// A constant that is there but has no value was reported where it stands.
bool TopScope::explain_unknown(const std::string& name, SourceRange range, diag::Emitter& emitter) const {
  const Found* found = file_.find(unit_, name);
  if (found == nullptr) return false;
  if (found->kind == DeclKind::constant) return true;
  emitter.report(diag::NotAStaticValue, name, kind_name(found->kind)).at(range);
  return true;
}

}  // namespace mtl::sema
