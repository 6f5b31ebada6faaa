// Reductions over dimensions, static and ragged ones alike; softmax and weighted sums.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

Tensor reduce(TensorContext& ctx, const std::string& what, const Tensor& of, const Value* over, const At& at);
ir::Value reduce_ragged(TensorContext& ctx, const std::string& what, ir::Value x, SpaceId space, const At& at);
// `over = T`, `over = 0`, `over = [0, T]`: places in axes(x); nullopt after a report. They go away: a dimension
// before one that is nested in it does not, unless `reduces` is false.
std::optional<std::vector<int>> over_axes(TensorContext& ctx, const Tensor& of, const Value* over, const At& at,
                                          bool reduces = true);
Tensor softmax(TensorContext& ctx, const std::string& what, const Tensor& of, const Value* over, const At& at);
ir::Value mix(TensorContext& ctx, ir::Value weights, ir::Value values, const At& at);
ir::Value mix_rows(TensorContext& ctx, ir::Value weights, ir::Value values, const At& at);
ir::Value sum_all(TensorContext& ctx, ir::Value x, const At& at);

}  // namespace mtl::elaborate
