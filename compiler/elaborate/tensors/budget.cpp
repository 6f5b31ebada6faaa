// How much a program may run: a million statements, loops and mapped parts unrolled.
#include "compiler/elaborate/tensors/budget.h"

#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
constexpr int64_t kStatementBudget = 1'000'000;
}

bool spend_statement(TensorContext& ctx, SourceRange range, Frame& frame) {
  if (ctx.budget.exceeded) return false;
  if (++ctx.budget.statements <= kStatementBudget) return true;
  ctx.budget.exceeded = true;
  ctx.report({frame, range}, diag::TooManyStatements, frame.title);
  return false;
}

}  // namespace mtl::elaborate
