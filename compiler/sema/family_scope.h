// What names mean where families are written out: the families in reach, and what hides them. See families.h.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/sema/families.h"

namespace mtl::sema {

using FamiliesByDecl = std::map<const syntax::Decl*, FamilyOf>;

// How much may be written out: copies of declarations, elements of lists, nodes of generators.
class FamilyBudget {
 public:
  static constexpr int64_t kMembers = 256;     // of one family; checks of tasks look at all of them for each
  static constexpr int64_t kCopies = 100'000;  // in all: of eight bytes of text, or of one element of a list
  // False after a report.
  bool spend(int64_t count, SourceRange range, diag::Emitter& emitter);

 private:
  int64_t left_ = kCopies;
};

// The members of `name[... in ...]`; a broken one after a report.
FamilyOf read_family(const CheckedFile& file, UnitId unit, FamilyOf::Kind kind, const syntax::Name& name,
                     const syntax::Family& family, StaticEvaluator& evaluator, diag::Emitter& emitter);

struct FamilyScope {
  const CheckedFile& file;
  UnitId unit;
  const FamiliesByDecl& sources;
  FamilyBudget& budget;
  StaticEvaluator& evaluator;
  diag::Emitter& emitter;
  std::map<std::string, FamilyOf> tasks = {}, layers = {};  // of the model
  std::set<std::string> plain_tasks = {};
  std::vector<std::string> locals = {};     // what hides a source
  std::vector<std::string> variables = {};  // of `for` and the like: they have no value yet
  std::vector<std::pair<std::string, StaticValue>> variable_values = {};  // of the families around

  const StaticValue* bound(const std::string& name) const;
  const FamilyOf* data_family(const std::string& name) const;
  const FamilyOf* family(const std::string& name) const;
  const FamilyOf* layer_family(const std::string& name) const;
  const char* plain_kind(const std::string& name) const;
  std::optional<std::string> element(const syntax::Expr& index);
  std::optional<size_t> position(const FamilyOf& family, const std::string& element, SourceRange range);
  std::optional<std::string> member_name(const FamilyOf& family, const syntax::Expr& index);
  // Reports.
  void needs_index(const FamilyOf& family, SourceRange range);
  bool misspelled(const std::string& name, SourceRange range, const diag::Kind& kind);
  void declares(const syntax::Name& name);
};

}  // namespace mtl::sema
