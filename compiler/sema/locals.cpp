// Declaring names of a body; see locals.h.
#include "compiler/sema/locals.h"

#include "support/diag/kinds/sema.h"

namespace mtl::sema {

const char* local_kind_name(LocalKind kind) {
  switch (kind) {
    case LocalKind::static_value:
      return "a static value";
    case LocalKind::input:
      return "an input";
    case LocalKind::dimension:
      return "a dimension";
    case LocalKind::layer:
      return "a layer";
    case LocalKind::param:
      return "a parameter";
    case LocalKind::state:
      return "a state";
    case LocalKind::value:
      return "a `let`";
    case LocalKind::variable:
      return "a `var`";
    case LocalKind::model_variable:
      return "a `var` of the model, which its own statements replace";
  }
  return "a name";
}

void Locals::declare(Local local, diag::Emitter& emitter) {
  if (const Local* old = find(local.name)) {
    emitter.report(diag::NameHides, local.name, local_kind_name(old->kind))
        .at(local.range)
        .label(old->range, "declared here");
    return;
  }
  all_.push_back(std::move(local));
}

}  // namespace mtl::sema
