// The catalogue as data: one constant per entry of kinds.def.
#include "support/diag/emitter.h"
#include "support/diag/kinds/data.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/model.h"
#include "support/diag/kinds/sema.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::diag {

#define MTL_DIAG(name, code, severity, arguments, format) \
  constinit const Kind name{#name, code, Severity::severity, format, arguments};
#include "support/diag/kinds.def"
#undef MTL_DIAG

const std::vector<const Kind*>& all_kinds() {
  static const std::vector<const Kind*> kinds{
#define MTL_DIAG(name, code, severity, arguments, format) &name,
#include "support/diag/kinds.def"
#undef MTL_DIAG
  };
  return kinds;
}

}  // namespace mtl::diag
