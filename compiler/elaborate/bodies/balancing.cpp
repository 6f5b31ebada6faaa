// See balancing.h.
#include "compiler/elaborate/bodies/balancing.h"

#include <utility>

#include "compiler/elaborate/bodies/params.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using namespace syntax;

bool counts_tasks(BodyContext& ctx, const Balancing& balancing, const TypeExpr& type, Frame& frame) {
  const auto is_dimension = [&](const TypeExpr::DimItem& item) {
    const auto* name = item.size ? std::get_if<NameExpr>(&item.size->node) : nullptr;
    return name != nullptr && name->name == balancing.dimension;
  };
  for (size_t i = 1; i < type.dims.size(); ++i) {
    if (!is_dimension(type.dims[i])) continue;
    ctx.report({frame, type.dims[i].range}, diag::TasksBehind, balancing.dimension)
        .help("a parameter or a state that begins with `" + balancing.dimension + "` has a copy for each task");
    return false;
  }
  return !type.dims.empty() && is_dimension(type.dims.front());
}

ir::Value if_present(BodyContext& ctx, ir::Value present, ir::Value value, ir::Value other, const At& at) {
  if (!value.valid() || !other.valid()) return {};
  return emit(ctx, "where", {with_rank(ctx, present, ctx.type(value).rank(), at), value, other}, at);
}

ir::Value part_of_task(BodyContext& ctx, ir::Value stacked, size_t task, const At& at) {
  if (!stacked.valid()) return {};
  const auto start = static_cast<int64_t>(task);
  const ir::Value part =
      emit(ctx, "slice", {stacked}, at, {{"axis", int64_t{0}}, {"start", start}, {"stop", start + 1}});
  const std::vector<Dim>& dims = ctx.type(stacked).dims;
  return emit(ctx, "reshape", {part}, at, {{"dims", std::vector<Dim>(dims.begin() + 1, dims.end())}});
}

Value for_each_task(BodyContext& ctx, const PlacePtr& place, const std::vector<Dim>& dims, const Value& init,
                    bool state, const At& at) {
  Balancing& balancing = *at.frame.balancing;
  std::vector<ir::Value> copies;
  for (size_t i = 0; i < balancing.tasks.size(); ++i) {
    TaskState* outer = std::exchange(at.frame.task, balancing.tasks[i]);
    const Value made = parameter(ctx, place, dims, init, nullptr, state, at);
    at.frame.task = outer;
    if (!made.tensor()) return {};
    ir::Value copy = made.tensor()->node;
    if (!state) copy = if_present(ctx, balancing.present[i], copy, emit(ctx, "stop_gradient", {copy}, at), at);
    copies.push_back(copy);
  }
  const ir::Value stacked = emit(ctx, "stack", copies, at, {{"axis", int64_t{0}}});
  if (!stacked.valid()) return {};
  if (state) balancing.copies.emplace(stacked, std::move(copies));
  return Value{Tensor{stacked, nullptr, nullptr}, at.range};
}

}  // namespace mtl::elaborate
