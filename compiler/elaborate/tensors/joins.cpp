// Tensors put together: `stack` makes a dimension in front, `concat` makes one longer.
#include "compiler/elaborate/tensors/joins.h"

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

ir::Value stack(TensorContext& ctx, std::vector<ir::Value> parts, const At& at) {
  for (ir::Value part : parts) {
    if (!part.valid()) return {};
    if (ragged_below(ctx, ctx.type(part).space, at.frame.base).empty()) continue;
    ctx.report(at, diag::NotATensor, "a list of sequences").help("`stack([...])` makes one value of them");
    return {};
  }
  return emit(ctx, "stack", parts, at, {{"axis", int64_t{0}}});
}

namespace {
void report_unlike(TensorContext& ctx, ir::Value first, ir::Value other, const At& at, const std::string& help) {
  ctx.report(at, diag::ShapeMismatch, "`concat`",
             "the first is " + shape_text(ctx, first, at.frame) + ", another is " + shape_text(ctx, other, at.frame))
      .help(help);
}
}  // namespace

ir::Value concat(TensorContext& ctx, const std::vector<Tensor>& given, const Value* over, const At& at) {
  int rank = 0;
  std::vector<ir::Value> parts;
  for (const Tensor& part : given) {
    if (!part.node.valid()) return {};
    rank = std::max(rank, ctx.type(part.node).rank());
    parts.push_back(part.node);
  }
  if (parts.empty()) {
    ctx.report(at, diag::EmptyArray, "concat");
    return {};
  }
  const auto holds_ids = [&](ir::Value part) { return ctx.type(part).dtype == types::DType::i32; };
  for (ir::Value part : parts) {
    if (holds_ids(part) == holds_ids(parts[0])) continue;
    report_unlike(ctx, parts[0], part, at, "ids and numbers do not mix: `embed(width)` makes a vector of each id");
    return {};
  }
  if (over) {
    auto found = over_axes(ctx, given[0], over, at, false);
    if (!found) return {};
    const auto axis = static_cast<size_t>(found->size() == 1 ? found->front() : 0);
    const bool ragged = std::any_of(parts.begin(), parts.end(), [&](ir::Value part) {
      const std::vector<Axis> all = axes(ctx, part, at.frame);
      return axis < all.size() && all[axis].ragged;
    });
    const bool outer = std::any_of(parts.begin(), parts.end(), [&](ir::Value part) {
      return is_outer_of_pairs(ctx, part, static_cast<int>(axis), at);
    });
    if (outer) return concat_outer(ctx, parts, at);
    if (ragged) return concat_rows(ctx, parts, axis, at);
  }
  std::vector<Axis> front;  // the ragged dimensions, which have to be the same
  for (size_t i = 0; i < parts.size(); ++i) {
    // f32 and f32[1] stand for each other here: a number for each position is one feature.
    if (rank <= 1 && ctx.type(parts[i]).rank() == 0)
      parts[i] = emit(ctx, "reshape", {parts[i]}, at, {{"dims", std::vector<Dim>{1}}});
    if (!parts[i].valid()) return {};
    const std::vector<Axis> all = axes(ctx, parts[i], at.frame);
    const std::vector<Axis> ragged(all.begin(), all.end() - ctx.type(parts[i]).rank());
    if (i == 0) front = ragged;
    if (ragged != front) {
      // Those that differ in the last of them alone can stand behind each other.
      const bool joins = !over && !front.empty() && front.size() == ragged.size() &&
                         std::equal(front.begin(), front.end() - 1, ragged.begin());
      report_unlike(ctx, given[0].node, given[i].node, at,
                    joins ? "`over = " + std::to_string(front.size() - 1) +
                                "` puts one sequence behind the other; else pool over the ragged dimension"
                          : "a module joins them at each position: `module join()(a: f32[A], b: f32[B]) -> f32[A + "
                            "B]`; or pool what is ragged: `mean(x, over = T)`");
      return {};
    }
  }
  int64_t axis = ctx.type(parts[0]).rank() - 1;
  if (over) {
    auto found = over_axes(ctx, {parts[0], nullptr, nullptr, given[0].dims}, over, at, false);
    if (!found) return {};
    if (found->size() != 1) {
      ctx.report(at, diag::NotADimension, "a list");
      return {};
    }
    axis = found->front() - static_cast<int64_t>(front.size());
  }
  return emit(ctx, "concat", parts, at, {{"axis", axis}});
}

}  // namespace mtl::elaborate
