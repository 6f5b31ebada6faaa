// Arithmetic, comparisons and `@` on tensors, under the language's rule for broadcasting: the dimensions that a body
// sees are aligned at the right, a ragged one never meets another, and only a missing dimension or a literal 1 repeats.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

Value binary_values(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
ir::Value binary(TensorContext& ctx, const std::string& op, ir::Value a, ir::Value b, const At& at);
bool align(TensorContext& ctx, ir::Value& a, ir::Value& b, const std::string& what, const At& at);
ir::Value matmul(TensorContext& ctx, ir::Value a, ir::Value b, const At& at);
ir::Value matmul_rows(TensorContext& ctx, ir::Value a, ir::Value b, const At& at);
ir::Value transposed(TensorContext& ctx, ir::Value matrix, const At& at);

}  // namespace mtl::elaborate
