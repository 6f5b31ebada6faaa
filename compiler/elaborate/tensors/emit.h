// Nodes: the one door through which the graph grows.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

// The first result; invalid after a report, and silently if an operand is invalid.
std::vector<ir::Value> emit_all(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& operands,
                                ir::Attrs attrs, const At& at);
ir::Value emit(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& operands, const At& at,
               ir::Attrs attrs = {});
bool at_least_one(TensorContext& ctx, const Dim& size, const At& at);
ir::Value with_rank(TensorContext& ctx, ir::Value value, int rank, const At& at);  // literal 1 in front
ir::Value to_space(TensorContext& ctx, ir::Value value, SpaceId space, const At& at);
ir::Value as_numbers(TensorContext& ctx, ir::Value value, const At& at);  // f32
// False after a report, and silently if it is invalid: ids, and truth values, which count in `+`, `*` and sums alone.
bool need_numbers(TensorContext& ctx, ir::Value value, const At& at, const std::string& what);

}  // namespace mtl::elaborate
