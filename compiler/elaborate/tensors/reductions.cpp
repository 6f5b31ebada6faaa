// Reductions over dimensions, static and ragged ones alike; softmax and weighted sums.
#include "compiler/elaborate/tensors/reductions.h"

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
ir::Value mean_of(TensorContext& ctx, ir::Value sum, ir::Value count, const At& at);
Tensor softmax_over(TensorContext& ctx, const std::string& what, const Tensor& of, const std::vector<int>& over_all,
                    const At& at);
}  // namespace

ir::Value sum_all(TensorContext& ctx, ir::Value x, const At& at) {
  if (!x.valid()) return {};
  std::vector<Dim> axes;
  for (int i = 0; i < ctx.type(x).rank(); ++i) axes.push_back(i);
  if (!axes.empty()) x = emit(ctx, "sum", {x}, at, {{"axes", axes}, {"keep", false}});
  if (!x.valid() || ctx.type(x).space == types::kUniform) return x;
  return emit(ctx, "segment_sum", {x}, at, {{"to", ir::SpaceRef{types::kUniform}}});
}

namespace {
// The place of one dimension among those of `of`, as `over` names or numbers it; `name` is what messages call it.
std::optional<int> axis_over(TensorContext& ctx, const Tensor& of, const Value& value, std::string& name,
                             const At& at) {
  const std::vector<Axis> all = axes(ctx, of.node, at.frame);
  const auto* ragged = std::get_if<RaggedDim>(&value.v);
  const StaticValue* known = value.as_static();
  const bool is_size = known && known->as_dim();
  std::vector<int> places;
  if (value.poisoned()) return std::nullopt;
  if (ragged) {
    name = ctx.spaces()[ragged->space].dim;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].ragged && ctx.spaces().same_dim(*all[i].ragged, ragged->space)) places.push_back(static_cast<int>(i));
    }
  } else if (known && !value.dimension && known->is_int()) {
    const int64_t number = std::get<int64_t>(known->value), rank = static_cast<int64_t>(all.size());
    name = std::to_string(number);
    if (number >= -rank && number < rank) places.push_back(static_cast<int>(number < 0 ? number + rank : number));
  } else if (is_size) {  // a dimension of the signature that is static in this call
    // The name as it is written, if it is one: the number alone is not what the user wrote.
    const std::string written = text_at(ctx, value.range);
    name = (value.dimension && is_dimension_name(written) ? written + " = " : "") + known->text();
    const int front = static_cast<int>(all.size()) - ctx.type(of.node).rank();
    for (const int place : axes_named(ctx, of, value.dimension, *known->as_dim())) places.push_back(front + place);
  } else {
    ctx.report(at, diag::NotADimension, known ? known->text() : value.kind());
    return std::nullopt;
  }
  if (places.size() == 1) return places[0];
  diag::Report made = ctx.report(at, places.empty() ? diag::NoSuchDimension : diag::DimensionTwice, name,
                                 shape_text(ctx, of.node, at.frame));
  if (places.empty() && name == std::to_string(all.size()))
    std::move(made).help("there is no dimension for the batch, so the first one is 0");
  if (places.empty() && is_size) std::move(made).note(other_names(ctx, of, *known->as_dim(), at.frame));
  return std::nullopt;
}
}  // namespace

std::optional<std::vector<int>> over_axes(TensorContext& ctx, const Tensor& of, const Value* over, const At& at,
                                          bool reduces) {
  const std::vector<Axis> all = axes(ctx, of.node, at.frame);
  std::vector<int> found;
  std::vector<Value> wanted;
  const bool listed =
      over && (std::holds_alternative<ListPtr>(over->v) || (over->as_static() && over->as_static()->is_list()));
  if (listed) {
    auto each = items(ctx, *over, at);
    if (!each) return std::nullopt;
    wanted = std::move(*each);
  } else if (over) {
    wanted.push_back(*over);
  }
  for (const Value& value : wanted) {
    std::string name;
    const auto place = axis_over(ctx, of, value, name, at);
    if (!place) return std::nullopt;
    if (std::find(found.begin(), found.end(), *place) != found.end()) {
      ctx.report(at, diag::OverTwice, name, shape_text(ctx, of.node, at.frame));
      return std::nullopt;
    }
    found.push_back(*place);
  }
  if (!over) {
    for (size_t i = 0; i < all.size(); ++i) found.push_back(static_cast<int>(i));
  }
  std::sort(found.begin(), found.end());
  // A nested ragged dimension has to go before the one that it is nested in.
  const int ragged = static_cast<int>(all.size()) - ctx.type(of.node).rank();
  const int taken =
      static_cast<int>(std::count_if(found.begin(), found.end(), [&](int axis) { return axis < ragged; }));
  for (int axis : found) {
    if (!reduces || axis >= ragged || axis >= ragged - taken) continue;
    ctx.report(at, diag::NestedFirst, axis_text(ctx, all[ragged - 1]), axis_text(ctx, all[axis]));
    return std::nullopt;
  }
  return found;
}

ir::Value reduce_ragged(TensorContext& ctx, const std::string& what, ir::Value x, SpaceId space, const At& at) {
  const SpaceId parent = ctx.spaces()[space].parent;
  const ir::Attrs to = {{"to", ir::SpaceRef{parent}}};
  if (what == "sum") return emit(ctx, "segment_sum", {x}, at, to);
  if (what == "mean") {
    ir::Value sum = emit(ctx, "segment_sum", {x}, at, to);
    ir::Value length = emit(ctx, "length", {}, at, {{"space", ir::SpaceRef{space}}});
    return mean_of(ctx, sum, length, at);
  }
  if (what == "max") return emit(ctx, "segment_max", {x}, at, to);
  if (what == "min") return emit(ctx, "segment_min", {x}, at, to);
  MTL_CHECK(what == "prod", "a reduction over rows");
  return emit(ctx, "segment_prod", {x}, at, to);
}

namespace {
// The mean of no positions is 0, as is their sum.
ir::Value mean_of(TensorContext& ctx, ir::Value sum, ir::Value count, const At& at) {
  if (!sum.valid() || !count.valid()) return {};
  count = emit(ctx, "max", {count, constant(ctx, 1, at)}, at);
  return emit(ctx, "div", {sum, with_rank(ctx, count, ctx.type(sum).rank(), at)}, at);
}

ir::Value reduce_axes(TensorContext& ctx, const std::string& what, ir::Value x, std::vector<int> axes, const At& at) {
  const std::vector<Axis> all = elaborate::axes(ctx, x, at.frame);
  const int ragged = static_cast<int>(all.size()) - ctx.type(x).rank();
  std::vector<Dim> fixed;
  std::vector<SpaceId> rows;
  for (int axis : axes) {
    if (axis < ragged) {
      rows.push_back(*all[axis].ragged);
    } else {
      fixed.push_back(axis - ragged);
    }
  }
  if (!fixed.empty()) x = emit(ctx, what, {x}, at, {{"axes", fixed}, {"keep", false}});
  for (auto space = rows.rbegin(); space != rows.rend() && x.valid(); ++space) {
    // The mean over two ragged dimensions is that over all their positions, not a mean of means.
    if (what == "mean" && rows.size() > 1) break;
    x = reduce_ragged(ctx, what, x, *space, at);
  }
  if (what == "mean" && rows.size() > 1 && x.valid()) {
    const ir::Attrs to = {{"to", ir::SpaceRef{ctx.spaces()[rows.front()].parent}}};
    ir::Value ones = to_space(ctx, constant(ctx, 1, at), rows.back(), at);
    ir::Value count = emit(ctx, "segment_sum", {ones}, at, to);
    ir::Value sum = emit(ctx, "segment_sum", {x}, at, to);
    x = mean_of(ctx, sum, count, at);
  }
  return x;
}

// Puts the static dimensions that were reduced back, as literal ones.
ir::Value with_reduced(TensorContext& ctx, ir::Value reduced, ir::Value x, const std::vector<int>& axes, const At& at) {
  if (!reduced.valid()) return {};
  std::vector<Dim> dims = ctx.type(x).dims;
  const int ragged = static_cast<int>(elaborate::axes(ctx, x, at.frame).size()) - ctx.type(x).rank();
  for (int axis : axes) {
    if (axis >= ragged) dims[axis - ragged] = 1;
  }
  return emit(ctx, "reshape", {reduced}, at, {{"dims", dims}});
}

// Of a sum of squares: at 0, where the slope of the root is infinite, the norm's gradient is 0.
ir::Value root(TensorContext& ctx, ir::Value sum, const At& at) {
  const ir::Value zero = constant(ctx, 0, at), is_zero = emit(ctx, "eq", {sum, zero}, at);
  const ir::Value positive = emit(ctx, "where", {is_zero, constant(ctx, 1, at), sum}, at);
  return emit(ctx, "where", {is_zero, zero, emit(ctx, "sqrt", {positive}, at)}, at);
}
}  // namespace

Tensor reduce(TensorContext& ctx, const std::string& what, const Tensor& of, const Value* over, const At& at) {
  ir::Value x = of.node;
  if (!x.valid()) return {};
  const bool counts = what != "norm" && what != "variance" && ctx.type(x).dtype == types::DType::boolean;
  if (!counts && !need_numbers(ctx, x, at, "`" + what + "`")) return {};
  Tensor numbers = of;
  numbers.node = as_numbers(ctx, x, at);
  auto axes = reduced_axes(ctx, numbers, over, at);
  if (!axes) return {};
  x = numbers.node;
  const DimNames rest = names_without(ctx, numbers, *axes, at.frame);
  const auto result = [&](ir::Value reduced) { return Tensor{reduced, nullptr, nullptr, rest}; };
  if (what == "norm") return result(root(ctx, reduce_axes(ctx, "sum", emit(ctx, "square", {x}, at), *axes, at), at));
  if (what == "variance") {
    ir::Value mean = reduce_axes(ctx, "mean", x, *axes, at);
    if (!mean.valid()) return {};
    mean = with_reduced(ctx, mean, x, *axes, at);
    return result(reduce_axes(ctx, "mean", emit(ctx, "square", {emit(ctx, "sub", {x, mean}, at)}, at), *axes, at));
  }
  return result(reduce_axes(ctx, what, x, *axes, at));
}

Tensor softmax(TensorContext& ctx, const std::string& what, const Tensor& of, const Value* over, const At& at) {
  ir::Value x = of.node;
  if (!x.valid()) return {};
  if (!need_numbers(ctx, x, at, "`" + what + "`")) return {};
  Tensor numbers = of;
  numbers.node = as_numbers(ctx, x, at);
  const std::vector<Axis> all = axes(ctx, x, at.frame);
  if (all.empty()) {
    ctx.report(at, diag::NeedsDimension, what, shape_text(ctx, x, at.frame));
    return {};
  }
  if (!over) return softmax_over(ctx, what, numbers, {static_cast<int>(all.size()) - 1}, at);
  Tensor turned = numbers;
  auto found = reduced_axes(ctx, turned, over, at);
  if (!found) return {};
  Tensor y = softmax_over(ctx, what, turned, *found, at);
  if (turned.node != numbers.node && what != "logsumexp" && y.node.valid()) y.node = *swapped(ctx, y.node, at);
  return y;
}

namespace {
Tensor softmax_over(TensorContext& ctx, const std::string& what, const Tensor& of, const std::vector<int>& over_all,
                    const At& at) {
  ir::Value x = of.node;
  const int ragged = static_cast<int>(axes(ctx, x, at.frame).size()) - ctx.type(x).rank();
  const DimNames rest = what == "logsumexp" ? names_without(ctx, of, over_all, at.frame) : dim_names(ctx, of);
  const auto result = [&](ir::Value made) { return Tensor{made, nullptr, nullptr, rest}; };
  if (over_all.size() == 1 && over_all[0] >= ragged) {
    return result(emit(ctx, what, {x}, at, {{"axis", static_cast<int64_t>(over_all[0] - ragged)}}));
  }
  // The greatest is taken off for the sake of exp alone: no gradient goes through it.
  ir::Value greatest = emit(ctx, "stop_gradient", {reduce_axes(ctx, "max", x, over_all, at)}, at);
  ir::Value shifted = emit(ctx, "sub", {x, with_reduced(ctx, greatest, x, over_all, at)}, at);
  ir::Value powers = emit(ctx, "exp", {shifted}, at);
  ir::Value total = reduce_axes(ctx, "sum", powers, over_all, at);
  if (what == "softmax") return result(emit(ctx, "div", {powers, with_reduced(ctx, total, x, over_all, at)}, at));
  ir::Value log_total = emit(ctx, "log", {total}, at);
  if (what == "logsumexp") return result(emit(ctx, "add", {log_total, greatest}, at));
  return result(emit(ctx, "sub", {shifted, with_reduced(ctx, log_total, x, over_all, at)}, at));
}
}  // namespace

// mix(w, v): the last dimension of w with the first of v. One vector of weights is a weighted sum; a matrix gives
// one such sum for each of its rows.
ir::Value mix(TensorContext& ctx, ir::Value weights, ir::Value values, const At& at) {
  if (!weights.valid() || !values.valid()) return {};
  const std::vector<Axis> w = axes(ctx, weights, at.frame), v = axes(ctx, values, at.frame);
  const auto fail = [&](const std::string& why) {
    ctx.report(at, diag::ShapeMismatch, "`mix`",
               "weights are " + shape_text(ctx, weights, at.frame) + ", values are " +
                   shape_text(ctx, values, at.frame) + ": " + why);
    return ir::Value{};
  };
  if (w.empty() || v.empty()) return fail("both need a dimension");
  const bool rows = w.size() > 1 && w.back().ragged && v.front().ragged && (v.size() == 1 || !v[1].ragged);
  if (rows && ctx.spaces().same_dim(*w.back().ragged, *v.front().ragged)) return matmul_rows(ctx, weights, values, at);
  if (w.back() != v.front()) {
    const bool open =
        !w.back().ragged && !v.front().ragged && w.back().size.equals(v.front().size) != types::Answer::no;
    if (!open) return fail(axis_text(ctx, w.back()) + " is not " + axis_text(ctx, v.front()));
  }
  if (w.size() == 1) {
    std::vector<Dim> dims = ctx.type(values).dims;
    if (v.front().ragged) {
      if (v.size() > 1 && v[1].ragged) return fail("a nested ragged dimension stands in the way");
      for (Dim& dim : dims) dim = 1;
      ir::Value product = emit(ctx, "mul", {emit(ctx, "reshape", {weights}, at, {{"dims", dims}}), values}, at);
      return reduce_ragged(ctx, "sum", product, *v.front().ragged, at);
    }
    for (size_t i = 1; i < dims.size(); ++i) dims[i] = 1;
    ir::Value product = emit(ctx, "mul", {emit(ctx, "reshape", {weights}, at, {{"dims", dims}}), values}, at);
    return emit(ctx, "sum", {product}, at, {{"axes", std::vector<Dim>{0}}, {"keep", false}});
  }
  if (w.back().ragged) {
    ctx.report(at, diag::NotSupportedYet, "`mix` with weights " + shape_text(ctx, weights, at.frame));
    return {};
  }
  return mix_rows(ctx, weights, values, at);
}

// In each row: the last of the weights' own dimensions with the first of the values'.
ir::Value mix_rows(TensorContext& ctx, ir::Value weights, ir::Value values, const At& at) {
  std::vector<Dim> dims = ctx.type(weights).dims, rest(ctx.type(values).dims.begin() + 1, ctx.type(values).dims.end());
  const Dim inner = dims.back();
  dims.pop_back();
  ir::Value a = emit(ctx, "reshape", {weights}, at, {{"dims", std::vector<Dim>{types::product(dims), inner}}});
  ir::Value b = emit(ctx, "reshape", {values}, at, {{"dims", std::vector<Dim>{inner, types::product(rest)}}});
  if (auto rows = ctx.spaces().join(ctx.type(a).space, ctx.type(b).space);
      rows && ctx.type(b).space != types::kUniform) {
    a = to_space(ctx, a, *rows, at), b = to_space(ctx, b, *rows, at);
  }
  ir::Value product = emit(ctx, "matmul", {a, b}, at, {{"transpose_a", false}, {"transpose_b", false}});
  dims.insert(dims.end(), rest.begin(), rest.end());
  return emit(ctx, "reshape", {product}, at, {{"dims", dims}});
}

}  // namespace mtl::elaborate
