// The names of static dimensions. A signature's `A` is bound to a size, and two dimensions of one size are still two:
// so a value carries, for each of its static dimensions, the names that signatures matched it by, operations hand them
// on, and `over = A` means the dimension that has the name. Where an operation loses sight of a dimension (a product
// with a weight, `reshape` to plain numbers) nothing is known of it, and it answers to every name of its size.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

DimNames dim_names(const TensorContext& ctx, const Tensor& tensor);  // one entry for each static dimension
DimNames dim_names(const TensorContext& ctx, const Value& value);    // none of what is no tensor
DimNames shape_names(const Value& shape);                            // of a list of sizes, `[A, 3]`
// Of what operands are broadcast or joined to.
DimNames joined_names(const TensorContext& ctx, ir::Value result, const std::vector<const Value*>& operands);
// Of what is reduced over `axes`.
DimNames names_without(const TensorContext& ctx, const Tensor& of, const std::vector<int>& axes, const Frame& frame);
DimNames product_names(const TensorContext& ctx, const Value& a, const Value& b, const Frame& frame);
bool may_repeat(TensorContext& ctx, const Value& left, const Value& right, const std::string& what, const At& at);
// "the 8 in it is `B`", of dimensions that are as long but are others; empty if there are none.
std::string other_names(const TensorContext& ctx, const Tensor& x, const Dim& size, const Frame& frame);
// The places among the static dimensions of `x` that a name, or the size alone, means.
std::vector<int> axes_named(const TensorContext& ctx, const Tensor& x, const std::optional<DimName>& name,
                            const Dim& size);

}  // namespace mtl::elaborate
