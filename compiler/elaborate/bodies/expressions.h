// An expression to a Value: what is static is computed, what is not becomes nodes, layers stay descriptions until they
// are declared or applied.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value evaluate(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
// What is called: a task's name is no callee, so there it does not hide a function of the same name.
Value evaluate_callee(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
// A list of these: static if all of them are.
Value make_list(BodyContext& ctx, std::vector<Value> items, SourceRange range, Frame& frame);
// With a wanted form; nullopt after a report.
std::optional<bool> condition(BodyContext& ctx, const syntax::Expr& expr, Frame& frame, std::string_view what);

}  // namespace mtl::elaborate
