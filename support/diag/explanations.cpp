// The table of explanations, from explanations.def.
#include "support/diag/explanations.h"

#include "support/diag/kinds/data.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/model.h"
#include "support/diag/kinds/sema.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::diag {

std::span<const Explanation> explanations() {
  static constexpr Explanation all[] = {
#define MTL_EXPLANATION(kind, text, place, mistake, repair) {&kind, text, place, mistake, repair},
#include "support/diag/explanations.def"
#undef MTL_EXPLANATION
  };
  return all;
}

const Explanation* explanation(const Kind& kind) {
  for (const Explanation& each : explanations())
    if (each.kind == &kind) return &each;
  return nullptr;
}

}  // namespace mtl::diag
