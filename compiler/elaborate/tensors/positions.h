// Positions, slices, and rows by ids of a tensor whose indices are known values.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

bool innermost(TensorContext& ctx, ir::Value x, int axis, const std::string& what, const At& at);
Value slice_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& from, const Value& to, const At& at);
Value index_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& index, const At& at, bool& dropped);

}  // namespace mtl::elaborate
