// Families: `data review[d in domains] { ... }` and `task sentiment[d in domains] ...` are one declaration for each
// element of a static list. They are written out in the trees before every check, so later phases see plain
// declarations only: `review[books]` is the name of one, also in paths and in the files of a run.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/sema/checked.h"
#include "support/diag/emitter.h"

namespace mtl::sema {

// Writes out every family of `file`, and what refers to one. The constants have to be computed.
void expand_families(CheckedFile& file, diag::Emitter& emitter);

// An element as a part of a name or a path: letters, digits, `_`, `-` and whatever is not ASCII stay, every other byte
// becomes %2E and the like. So names can be cut at dots and brackets, whatever a list holds.
std::string member_word(std::string_view element);
// A string or a whole number that names a member, or nothing.
std::optional<std::string> member_text(const StaticValue& element);

// A family and its members, in the order of its list.
struct FamilyOf {
  enum class Kind : uint8_t { data, task, layer } kind = Kind::data;
  syntax::Name name;
  std::vector<StaticValue> elements;
  std::vector<std::string> texts;  // of the elements
  bool broken = false;             // reported: what refers to it is silent

  std::string member(size_t index) const { return name.text + "[" + member_word(texts[index]) + "]"; }
  std::string written(size_t index) const;  // as in a source: review[books], review["sci-fi"]
};

}  // namespace mtl::sema
