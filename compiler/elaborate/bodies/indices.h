// Indices: positions, slices, and rows by ids.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value index_tensor(BodyContext& ctx, const Tensor& tensor, std::span<const syntax::IndexExpr::Item> items,
                   const At& at);
Value index_transposed(BodyContext& ctx, const Value& value, std::span<const syntax::IndexExpr::Item> items,
                       const At& at);
Value index_stack(BodyContext& ctx, const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at);

}  // namespace mtl::elaborate
