// Broadcasting and axes for shape rules. See infer_util.h.
#include "compiler/ops/infer_util.h"

#include <algorithm>

#include "support/base/text.h"

namespace mtl::ops {

ShapeError shape_error(int operand, std::string message, std::string help) {
  ShapeError error;
  error.operand = operand;
  error.message = std::move(message);
  error.help = std::move(help);
  return error;
}

std::string not_equal(const Dim& a, const Dim& b) {
  return a.text() + " is not " + b.text();
}

namespace {

std::string operand_name(const InferContext& context, int i) {
  if (context.operands.size() == 2) return i == 0 ? "left" : "right";
  return "operand " + std::to_string(i + 1);
}

}  // namespace

ShapeError disagreement(const InferContext& context, int left, int right, const std::string& why) {
  ShapeError error = shape_error(left, "");
  error.other_operand = right;
  error.message = operand_name(context, left) + " is " + source_text(context.operands[left], context.spaces) + ", " +
                  operand_name(context, right) + " is " + source_text(context.operands[right], context.spaces) + ": " +
                  why;
  return error;
}

namespace {

std::string different_rows(const InferContext& context, SpaceId a, SpaceId b) {
  const auto describe = [&](SpaceId id) {
    const types::Space& space = context.spaces[id];
    if (space.fixed) return "rows of " + space.fixed->text();
    return space.dim.empty() ? "examples of `" + space.source + "`" : "positions of `" + space.name + "`";
  };
  return describe(a) + " are not " + describe(b);
}

}  // namespace

Result<SpaceId, ShapeError> join_spaces(const InferContext& context) {
  SpaceId space = types::kUniform;
  int holder = 0;
  for (size_t i = 0; i < context.operands.size(); ++i) {
    const SpaceId other = context.operands[i].space;
    const std::optional<SpaceId> joined = context.spaces.join(space, other);
    if (!joined) {
      return disagreement(context, holder, static_cast<int>(i), different_rows(context, space, other));
    }
    if (*joined != space) holder = static_cast<int>(i);
    space = *joined;
  }
  return space;
}

Result<Type, ShapeError> broadcast_types(const InferContext& context, size_t first) {
  Result<SpaceId, ShapeError> space = join_spaces(context);
  if (!space) return space.error();
  Type result = context.operands[first];
  result.space = *space;
  // Which operand a dim of the result came from, for the error.
  std::vector<int> holders(result.dims.size(), static_cast<int>(first));
  for (size_t i = first + 1; i < context.operands.size(); ++i) {
    const std::vector<Dim>& dims = context.operands[i].dims;
    while (result.dims.size() < dims.size()) {
      const size_t missing = dims.size() - result.dims.size();
      result.dims.insert(result.dims.begin(), dims[missing - 1]);
      holders.insert(holders.begin(), static_cast<int>(i));
    }
    for (size_t j = 0; j < dims.size(); ++j) {
      const size_t at = result.dims.size() - dims.size() + j;
      Dim& have = result.dims[at];
      if (dims[j] == have || dims[j] == Dim(1)) continue;
      if (have == Dim(1)) {
        have = dims[j];
        holders[at] = static_cast<int>(i);
      } else if (!can_equal(have, dims[j])) {
        return disagreement(context, holders[at], static_cast<int>(i), not_equal(have, dims[j]));
      } else {
        have = known(have, dims[j]);
      }
    }
  }
  return result;
}

Result<int, ShapeError> resolve_axis(int64_t axis, int rank) {
  const int64_t resolved = axis < 0 ? axis + rank : axis;
  if (resolved < 0 || resolved >= rank) {
    return shape_error(0, "there is no dimension " + std::to_string(axis) + " in " + count_of(rank, "dimension"));
  }
  return static_cast<int>(resolved);
}

Result<std::vector<int>, ShapeError> resolve_axes(const Attrs& attrs, int rank) {
  std::vector<int> axes;
  if (const auto* listed = find_attr<std::vector<Dim>>(attrs, "axes")) {
    for (const Dim& axis : *listed) {
      Result<int, ShapeError> resolved = resolve_axis(axis.value(), rank);
      if (!resolved) return resolved.error();
      axes.push_back(*resolved);
    }
    std::sort(axes.begin(), axes.end());
    axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  return axes;
}

Result<int, ShapeError> resolve_axis_attr(const Attrs& attrs, int rank, int64_t otherwise) {
  return resolve_axis(attr_int(attrs, "axis", otherwise), rank);
}

int axis_of(const Attrs& attrs, int rank, int64_t otherwise) {
  return *resolve_axis_attr(attrs, rank, otherwise);
}

std::vector<int> axes_of(const Attrs& attrs, int rank) {
  return *resolve_axes(attrs, rank);
}

std::optional<ShapeError> need_number(const InferContext& context, int operand) {
  const Type& type = context.operands[operand];
  if (is_number(type.dtype)) return std::nullopt;
  return shape_error(operand, source_text(type, context.spaces) + " holds ids, and numbers are needed here");
}

std::optional<ShapeError> need_ids(const InferContext& context, int operand) {
  const Type& type = context.operands[operand];
  if (type.dtype == DType::i32) return std::nullopt;
  return shape_error(operand, source_text(type, context.spaces) + " holds numbers, and ids are needed here");
}

std::optional<ShapeError> need_uniform(const InferContext& context, int operand, const char* what) {
  const Type& type = context.operands[operand];
  if (type.space == types::kUniform) return std::nullopt;
  return shape_error(operand, std::string(what) + " has to be the same for all rows, and is " +
                                  source_text(type, context.spaces) + " of `" + context.spaces[type.space].name + "`");
}

InferResult infer_same(const InferContext& context) {
  return Types{context.operands[0]};
}

InferResult infer_same_number(const InferContext& context) {
  if (auto error = need_number(context, 0)) return *error;
  Type result = context.operands[0];
  result.dtype = DType::f32;
  return Types{result};
}

}  // namespace mtl::ops
