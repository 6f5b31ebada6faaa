// What shape rules share: broadcasting, axes, and the words of their errors.
//
// Dims may still be symbols (mtlc check). Two dims disagree only where they can never be equal; what depends on the
// data passes here and is seen again as constants once the data is there.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ops/attrs.h"
#include "compiler/ops/op.h"

namespace mtl::ops {

ShapeError shape_error(int operand, std::string message, std::string help = "");
// "left is f32[T, 26], right is f32[64, 26]: 26 is not 64"
ShapeError disagreement(const InferContext& context, int left, int right, const std::string& why);
// "26 is not 64"
std::string not_equal(const Dim& a, const Dim& b);

inline bool can_equal(const Dim& a, const Dim& b) {
  return a.equals(b) != types::Answer::no;
}
// Of two dims that can be equal: the one that is known.
inline Dim known(const Dim& a, const Dim& b) {
  return a.constant() || !b.constant() ? a : b;
}
// Whether its rows are segments of its parent's: ragged dimensions, and fixed ones that are mapped over.
inline bool is_segmented(const Spaces& spaces, SpaceId space) {
  return space != types::kUniform && (!spaces[space].dim.empty() || spaces[space].fixed);
}
inline bool is_number(DType dtype) {
  return dtype != DType::i32;
}  // booleans are 0 and 1

// The type that operands `first`.. broadcast to, with the dtype of the first: the deepest space of their chain,
// static dims aligned at the right, where a missing dim and a literal 1 are repeated.
Result<Type, ShapeError> broadcast_types(const InferContext& context, size_t first = 0);
// The rows that all operands can be seen on, whatever their dims.
Result<SpaceId, ShapeError> join_spaces(const InferContext& context);

// Axis `axis` (negative: from the end) of a type with `rank` dims; an error if there is none.
Result<int, ShapeError> resolve_axis(int64_t axis, int rank);
// Of attribute `axes`: sorted, without repetition; all axes if it is missing.
Result<std::vector<int>, ShapeError> resolve_axes(const Attrs& attrs, int rank);
// The attribute `axis`, default the last.
Result<int, ShapeError> resolve_axis_attr(const Attrs& attrs, int rank, int64_t otherwise = -1);
// For lowering and gradients, where the shape rule has passed.
int axis_of(const Attrs& attrs, int rank, int64_t otherwise = -1);
std::vector<int> axes_of(const Attrs& attrs, int rank);

// The operand must hold numbers (f32 or bool), ids (i32); nullopt: it does.
std::optional<ShapeError> need_number(const InferContext& context, int operand);
std::optional<ShapeError> need_ids(const InferContext& context, int operand);
std::optional<ShapeError> need_uniform(const InferContext& context, int operand, const char* what);

// Shape rules that many ops share.
InferResult infer_same(const InferContext& context);         // the type of operand 0
InferResult infer_same_number(const InferContext& context);  // the same as f32; operand 0 holds numbers

}  // namespace mtl::ops
