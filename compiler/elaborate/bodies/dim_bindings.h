// The names of a signature as dimensions: given to what matched them, solved for, and forgotten when the call ends.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

// Gives the dimensions of `tensor` the names of the type that it was matched with; `all`: one of its own where the
// type has none, so that no other name of the signature means that dimension.
// Of dimensions of size 1: those that the type does not write as `1`.
void name_dimensions(BodyContext& ctx, Tensor& tensor, const std::vector<syntax::TypeExpr::DimItem>& items,
                     Frame& frame, bool all);
void mark_ones(BodyContext& ctx, Value& value, const std::vector<syntax::TypeExpr::DimItem>& items, Frame& frame);
void forget_names(const BodyContext& ctx, Value& value, const Frame& callee);  // those of a call that has ended
bool solve_dimension(BodyContext& ctx, const syntax::Expr& wanted, const Axis& given, Frame& callee);

}  // namespace mtl::elaborate
