// Ragged dimensions that follow from others: joined sequences (`Q + C`), parts of them (`x[1..]` of f32[T, D] has
// `T - 1` positions), and what their lengths ask of the data.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

Dim length_of(const TensorContext& ctx, const Axis& axis);
std::optional<Dim> as_length(const TensorContext& ctx, const Value& value);  // of a size or a ragged dimension
Axis axis_of(TensorContext& ctx, SpaceId parent, const Dim& length);         // ragged if a ragged dimension is in it
ir::Value length_value(TensorContext& ctx, SpaceId space, const At& at);     // of a ragged dimension, as a number
// `T + 1`, `Q + C`: a dimension again; nullopt: arithmetic on numbers.
std::optional<Value> length_arithmetic(TensorContext& ctx, syntax::BinaryOp op, const Value& left, const Value& right,
                                       const At& at);
// False after a report: never holds.
bool require_length(TensorContext& ctx, SpaceId parent, const Dim& rest, const At& at);
// A static dimension in front becomes rows.
ir::Value as_rows(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at);
ir::Value move_rows(TensorContext& ctx, ir::Value x, const Dim& skip, bool back, const Dim& length, const At& at);
ir::Value slice_rows(TensorContext& ctx, ir::Value x, const Dim& start, const Dim& stop, const At& at);
ir::Value concat_rows(TensorContext& ctx, const std::vector<ir::Value>& parts, size_t axis, const At& at);

}  // namespace mtl::elaborate
