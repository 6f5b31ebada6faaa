// The catalogue as data: one constant per entry of kinds.def.
#include "compiler/diag/emitter.h"
#include "compiler/diag/kinds/data.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/model.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/diag/kinds/syntax.h"

namespace mtl::diag {

#define MTL_DIAG(name, code, severity, arguments, format) \
  constinit const Kind name{#name, code, Severity::severity, format, arguments};
#include "compiler/diag/kinds.def"
#undef MTL_DIAG

const std::vector<const Kind*>& all_kinds() {
  static const std::vector<const Kind*> kinds{
#define MTL_DIAG(name, code, severity, arguments, format) &name,
#include "compiler/diag/kinds.def"
#undef MTL_DIAG
  };
  return kinds;
}

}  // namespace mtl::diag
