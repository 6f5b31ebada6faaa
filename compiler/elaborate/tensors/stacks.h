// A static dimension in front of ragged ones, f32[3, T, D]. Rows of the graph have their ragged dimensions in front, so
// such a value is kept as its parts, each f32[T, D]: what works on one position or one sequence is mapped over them,
// and what goes over the front dimension itself (`mix`, `sum(over = 0)`, `x[i]`) puts the parts beside each other in
// each row. Nothing is ever moved.
#pragma once
#include <functional>

#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

std::vector<Axis> value_axes(const TensorContext& ctx, const Value& value, const Frame& frame);
Value stack_of(TensorContext& ctx, std::vector<Value> parts, const At& at);
Value each_part(TensorContext& ctx, const std::vector<Value*>& slots, const At& at, const std::function<Value()>& one);
ir::Value beside(TensorContext& ctx, const Value& value, const At& at);
Value apart(TensorContext& ctx, ir::Value rows, const At& at, const IdSetPtr& ids = nullptr);
Value parts_by_ids(TensorContext& ctx, const Value& value, const Tensor& ids, const At& at);
Value binary_stacks(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right, const At& at);

}  // namespace mtl::elaborate
