// What fingers that know other languages and libraries type, and what is written here instead: phrases.def.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::syntax {

enum class PhrasePlace : uint8_t {
  value,     // a name, or what stands behind the last point: `Linear` of `nn.Linear(32, 3)`
  member,    // behind a value: `view` of `x.view(-1)`
  argument,  // the name of an argument: `dim = 1`
  type,      // `x: Tensor`
  task,      // settings
  train,
  model,
  data,
  vocab,
  declaration,  // the first word of a declaration; or two
  statement,    // the first word of a statement in a model, a task or a body
};

struct Phrase {
  PhrasePlace place;
  std::string_view seen, advice, mistake, repair;
};

// All rows, for tests.
const std::vector<Phrase>& phrases();
// What to write instead of `seen`; empty if the table does not have it. Settings of training are known in tasks, models
// and at the top level too, with a word about where they belong. `value`: what the user gives the setting, as it is
// written; it takes the place of the row's own value where that is the same before and after the repair.
std::string advice(PhrasePlace place, std::string_view seen, std::string_view value = {});

}  // namespace mtl::syntax
