// Shapes, axes and values in the words of messages.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

std::vector<Axis> axes(const TensorContext& ctx, ir::Value value, const Frame& frame);
std::string shape_text(const TensorContext& ctx, ir::Value value, const Frame& frame, const IdSetPtr& ids = nullptr);
std::string axes_text(const TensorContext& ctx, const std::vector<Axis>& axes);
std::string axis_text(const TensorContext& ctx, const Axis& axis);
std::string value_text(const TensorContext& ctx, const Value& value, const Frame& frame);
// Ragged dimensions of `space` below `base`, outermost first.
std::vector<SpaceId> ragged_below(const TensorContext& ctx, SpaceId space, SpaceId base);
std::vector<std::string> size_notes(const TensorContext& ctx, const std::string& message);

std::string op_text(const std::string& op, const At& at);  // "`+`", "matrix product", the primitive that was called
// "1, 2, 3, 4, 6 and 12 divide 12": of many those next to `near`.
std::string divisors_text(int64_t number, int64_t near);
// A source name with a capital letter: a dimension.
bool is_dimension_name(const std::string& name);
bool is_id_type(const std::string& name);  // `id`, `token`, ..

}  // namespace mtl::elaborate
