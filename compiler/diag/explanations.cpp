#include "compiler/diag/explanations.h"

#include "compiler/diag/kinds/data.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/model.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/diag/kinds/syntax.h"

namespace mtl::diag {

const std::vector<Explanation>& explanations() {
  static const std::vector<Explanation> all{
#define MTL_EXPLANATION(kind, text, place, mistake, repair) {&kind, text, place, mistake, repair},
#include "compiler/diag/explanations.def"
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
