// Rows of pairs: a sequence that is given whole to each position of another. Its rows are copied into a space of their
// own below those positions (types/type.h), where they are a nested dimension like any other.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

ir::Value copy_rows(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at);
ir::Value copy_pairs(TensorContext& ctx, ir::Value x, SpaceId parent, const At& at);
bool meet(TensorContext& ctx, ir::Value& a, ir::Value& b, const At& at);
std::optional<SpaceId> turned(TensorContext& ctx, SpaceId pairs);
std::optional<ir::Value> swapped(TensorContext& ctx, ir::Value x, const At& at);
std::optional<std::vector<int>> reduced_axes(TensorContext& ctx, Tensor& of, const Value* over, const At& at);

ir::Value matmul_pairs(TensorContext& ctx, ir::Value a, ir::Value b, const At& at);
ir::Value concat_outer(TensorContext& ctx, std::vector<ir::Value> parts, const At& at);
bool is_outer_of_pairs(const TensorContext& ctx, ir::Value x, int axis, const At& at);
// What `moves` makes of an inner dimension, of the outer one of pairs: it is the inner one meanwhile. Invalid after a
// report.
ir::Value move_outer(TensorContext& ctx, ir::Value pairs, const std::string& what, const At& at,
                     const std::function<ir::Value(ir::Value)>& moves);

}  // namespace mtl::elaborate
