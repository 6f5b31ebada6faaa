// Metrics as they are named in `stop` and in metrics of the model.
#pragma once
#include <string>

#include "compiler/syntax/ast.h"

namespace mtl::sema {

// intent.accuracy; flags.f1.cheap, flags.f1["too dear"] and flags.f1[0] are those of one column of the target.
struct MetricPath {
  const syntax::MemberExpr* metric = nullptr;  // null: it is none
  std::string column;
};

MetricPath metric_path(const syntax::Expr& expr);

}  // namespace mtl::sema
