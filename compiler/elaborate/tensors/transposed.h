// Transposes that have a ragged dimension among the two: f32[D, T] of f32[T, D], and f32[C, Q] of f32[Q, C]. The second
// are rows of pairs; the first stands for the sequence itself where it is a side of a matrix product or scaled, and is
// a stack of its D sequences everywhere else.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

Value as_stack(TensorContext& ctx, const Value& value, const At& at);
std::optional<Value> as_transposed(TensorContext& ctx, const Value& value, const At& at);
Value binary_transposed(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
Value transpose_last(TensorContext& ctx, const Tensor& x, const At& at);
Value matmul_transposed(TensorContext& ctx, const Value& left, const Value& right, const At& at);

}  // namespace mtl::elaborate
