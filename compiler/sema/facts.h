// What the name checks learn about one declaration: what it refers to, and what in it is not supported yet. The latter
// is reported only if the chosen model reaches the declaration.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/sema/checked.h"
#include "support/diag/emitter.h"

namespace mtl::sema {

struct Unsupported {
  const diag::Kind* kind = nullptr;  // takes one argument
  std::string what;
  SourceRange range;
  std::string help;
};

struct DeclFacts {
  std::set<const syntax::Decl*> uses;
  std::vector<Unsupported> unsupported;
};

using Facts = std::map<const syntax::Decl*, DeclFacts>;

}  // namespace mtl::sema
