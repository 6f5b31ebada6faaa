// Reductions and what goes over a dimension: sums, extremes, softmax, edges. Static dimensions are ops of one row;
// ragged ones sum, compare or pick the rows of a segment. Dimensions count from the written shape, `over =` takes
// names and numbers, and without it a reduction is over all dimensions that the body sees.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/primitives.h"

namespace mtl::elaborate {

// The place of one dimension among those of `of`, as `over` names or numbers it; `name` is what messages call it.
std::optional<int> Elaborator::axis_over(const Tensor& of, const Value& value, std::string& name, const At& at) {
  const std::vector<Axis> all = axes(of.node, at.frame);
  const auto* ragged = std::get_if<RaggedDim>(&value.v);
  const StaticValue* known = value.as_static();
  const bool is_size = known && known->as_dim();
  std::vector<int> places;
  if (value.poisoned()) return std::nullopt;
  if (ragged) {
    name = spaces()[ragged->space].dim;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].ragged && spaces().same_dim(*all[i].ragged, ragged->space)) places.push_back(static_cast<int>(i));
    }
  } else if (known && !value.dimension && known->is_int()) {
    const int64_t number = std::get<int64_t>(known->value), rank = static_cast<int64_t>(all.size());
    name = std::to_string(number);
    if (number >= -rank && number < rank) places.push_back(static_cast<int>(number < 0 ? number + rank : number));
  } else if (is_size) {  // a dimension of the signature that is static in this call
    // The name as it is written, if it is one: the number alone is not what the user wrote.
    const std::string written = text_at(value.range);
    name = (value.dimension && is_dimension_name(written) ? written + " = " : "") + known->text();
    const int front = static_cast<int>(all.size()) - type(of.node).rank();
    for (const int place : axes_named(of, value.dimension, *known->as_dim())) places.push_back(front + place);
  } else {
    report(at, diag::NotADimension, known ? known->text() : value.kind());
    return std::nullopt;
  }
  if (places.size() == 1) return places[0];
  diag::Report made =
      report(at, places.empty() ? diag::NoSuchDimension : diag::DimensionTwice, name, shape_text(of.node, at.frame));
  if (places.empty() && name == std::to_string(all.size()))
    std::move(made).help("there is no dimension for the batch, so the first one is 0");
  if (places.empty() && is_size) std::move(made).note(other_names(of, *known->as_dim(), at.frame));
  return std::nullopt;
}

std::optional<std::vector<int>> Elaborator::over_axes(const Tensor& of, const Value* over, const At& at, bool reduces) {
  const std::vector<Axis> all = axes(of.node, at.frame);
  std::vector<int> found;
  std::vector<Value> wanted;
  const bool listed =
      over && (std::holds_alternative<ListPtr>(over->v) || (over->as_static() && over->as_static()->is_list()));
  if (listed) {
    auto each = items(*over, at);
    if (!each) return std::nullopt;
    wanted = std::move(*each);
  } else if (over) {
    wanted.push_back(*over);
  }
  for (const Value& value : wanted) {
    std::string name;
    const auto place = axis_over(of, value, name, at);
    if (!place) return std::nullopt;
    if (std::find(found.begin(), found.end(), *place) != found.end()) {
      report(at, diag::OverTwice, name, shape_text(of.node, at.frame));
      return std::nullopt;
    }
    found.push_back(*place);
  }
  if (!over) {
    for (size_t i = 0; i < all.size(); ++i) found.push_back(static_cast<int>(i));
  }
  std::sort(found.begin(), found.end());
  // A nested ragged dimension has to go before the one that it is nested in.
  const int ragged = static_cast<int>(all.size()) - type(of.node).rank();
  const int taken =
      static_cast<int>(std::count_if(found.begin(), found.end(), [&](int axis) { return axis < ragged; }));
  for (int axis : found) {
    if (!reduces || axis >= ragged || axis >= ragged - taken) continue;
    report(at, diag::NestedFirst, axis_text(all[ragged - 1]), axis_text(all[axis]));
    return std::nullopt;
  }
  return found;
}

ir::Value Elaborator::reduce_ragged(const std::string& what, ir::Value x, SpaceId space, const At& at) {
  const SpaceId parent = spaces()[space].parent;
  const ir::Attrs to = {{"to", ir::SpaceRef{parent}}};
  if (what == "sum") return emit("segment_sum", {x}, at, to);
  if (what == "mean") {
    ir::Value sum = emit("segment_sum", {x}, at, to);
    ir::Value length = emit("length", {}, at, {{"space", ir::SpaceRef{space}}});
    return mean_of(sum, length, at);
  }
  if (what == "max") return emit("segment_max", {x}, at, to);
  if (what == "min") return emit("segment_min", {x}, at, to);
  MTL_CHECK(what == "prod", "a reduction over rows");
  return emit("segment_prod", {x}, at, to);
}

// The mean of no positions is 0, as is their sum.
ir::Value Elaborator::mean_of(ir::Value sum, ir::Value count, const At& at) {
  if (!sum.valid() || !count.valid()) return {};
  count = emit("max", {count, constant(1, at)}, at);
  return emit("div", {sum, with_rank(count, type(sum).rank(), at)}, at);
}

ir::Value Elaborator::reduce_axes(const std::string& what, ir::Value x, std::vector<int> axes, const At& at) {
  const std::vector<Axis> all = this->axes(x, at.frame);
  const int ragged = static_cast<int>(all.size()) - type(x).rank();
  std::vector<Dim> fixed;
  std::vector<SpaceId> rows;
  for (int axis : axes) {
    if (axis < ragged) {
      rows.push_back(*all[axis].ragged);
    } else {
      fixed.push_back(axis - ragged);
    }
  }
  if (!fixed.empty()) x = emit(what, {x}, at, {{"axes", fixed}, {"keep", false}});
  for (auto space = rows.rbegin(); space != rows.rend() && x.valid(); ++space) {
    // The mean over two ragged dimensions is that over all their positions, not a mean of means.
    if (what == "mean" && rows.size() > 1) break;
    x = reduce_ragged(what, x, *space, at);
  }
  if (what == "mean" && rows.size() > 1 && x.valid()) {
    const ir::Attrs to = {{"to", ir::SpaceRef{spaces()[rows.front()].parent}}};
    ir::Value ones = to_space(constant(1, at), rows.back(), at);
    ir::Value count = emit("segment_sum", {ones}, at, to);
    ir::Value sum = emit("segment_sum", {x}, at, to);
    x = mean_of(sum, count, at);
  }
  return x;
}

// Puts the static dimensions that were reduced back, as literal ones.
ir::Value Elaborator::with_reduced(ir::Value reduced, ir::Value x, const std::vector<int>& axes, const At& at) {
  if (!reduced.valid()) return {};
  std::vector<Dim> dims = type(x).dims;
  const int ragged = static_cast<int>(this->axes(x, at.frame).size()) - type(x).rank();
  for (int axis : axes) {
    if (axis >= ragged) dims[axis - ragged] = 1;
  }
  return emit("reshape", {reduced}, at, {{"dims", dims}});
}

// Of a sum of squares: at 0, where the slope of the root is infinite, the norm's gradient is 0.
ir::Value Elaborator::root(ir::Value sum, const At& at) {
  const ir::Value zero = constant(0, at), is_zero = emit("eq", {sum, zero}, at);
  const ir::Value positive = emit("where", {is_zero, constant(1, at), sum}, at);
  return emit("where", {is_zero, zero, emit("sqrt", {positive}, at)}, at);
}

Tensor Elaborator::reduce(const std::string& what, const Tensor& of, const Value* over, const At& at) {
  ir::Value x = of.node;
  if (!x.valid()) return {};
  const bool counts = what != "norm" && what != "variance" && type(x).dtype == types::DType::boolean;
  if (!counts && !need_numbers(x, at, "`" + what + "`")) return {};
  Tensor numbers = of;
  numbers.node = as_numbers(x, at);
  auto axes = reduced_axes(numbers, over, at);
  if (!axes) return {};
  x = numbers.node;
  const DimNames rest = names_without(numbers, *axes, at.frame);
  const auto result = [&](ir::Value reduced) { return Tensor{reduced, nullptr, nullptr, rest}; };
  if (what == "norm") return result(root(reduce_axes("sum", emit("square", {x}, at), *axes, at), at));
  if (what == "variance") {
    ir::Value mean = reduce_axes("mean", x, *axes, at);
    if (!mean.valid()) return {};
    mean = with_reduced(mean, x, *axes, at);
    return result(reduce_axes("mean", emit("square", {emit("sub", {x, mean}, at)}, at), *axes, at));
  }
  return result(reduce_axes(what, x, *axes, at));
}

Tensor Elaborator::softmax(const std::string& what, const Tensor& of, const Value* over, const At& at) {
  ir::Value x = of.node;
  if (!x.valid()) return {};
  if (!need_numbers(x, at, "`" + what + "`")) return {};
  Tensor numbers = of;
  numbers.node = as_numbers(x, at);
  const std::vector<Axis> all = axes(x, at.frame);
  if (all.empty()) {
    report(at, diag::NeedsDimension, what, shape_text(x, at.frame));
    return {};
  }
  if (!over) return softmax_over(what, numbers, {static_cast<int>(all.size()) - 1}, at);
  Tensor turned = numbers;
  auto found = reduced_axes(turned, over, at);
  if (!found) return {};
  Tensor y = softmax_over(what, turned, *found, at);
  if (turned.node != numbers.node && what != "logsumexp" && y.node.valid()) y.node = *swapped(y.node, at);
  return y;
}

Tensor Elaborator::softmax_over(const std::string& what, const Tensor& of, const std::vector<int>& over_all,
                                const At& at) {
  ir::Value x = of.node;
  const int ragged = static_cast<int>(axes(x, at.frame).size()) - type(x).rank();
  const DimNames rest = what == "logsumexp" ? names_without(of, over_all, at.frame) : dim_names(of);
  const auto result = [&](ir::Value made) { return Tensor{made, nullptr, nullptr, rest}; };
  if (over_all.size() == 1 && over_all[0] >= ragged) {
    return result(emit(what, {x}, at, {{"axis", static_cast<int64_t>(over_all[0] - ragged)}}));
  }
  // The greatest is taken off for the sake of exp alone: no gradient goes through it.
  ir::Value greatest = emit("stop_gradient", {reduce_axes("max", x, over_all, at)}, at);
  ir::Value shifted = emit("sub", {x, with_reduced(greatest, x, over_all, at)}, at);
  ir::Value powers = emit("exp", {shifted}, at);
  ir::Value total = reduce_axes("sum", powers, over_all, at);
  if (what == "softmax") return result(emit("div", {powers, with_reduced(total, x, over_all, at)}, at));
  ir::Value log_total = emit("log", {total}, at);
  if (what == "logsumexp") return result(emit("add", {log_total, greatest}, at));
  return result(emit("sub", {shifted, with_reduced(log_total, x, over_all, at)}, at));
}

// mix(w, v): the last dimension of w with the first of v. One vector of weights is a weighted sum; a matrix gives
// one such sum for each of its rows.
ir::Value Elaborator::mix(ir::Value weights, ir::Value values, const At& at) {
  if (!weights.valid() || !values.valid()) return {};
  const std::vector<Axis> w = axes(weights, at.frame), v = axes(values, at.frame);
  const auto fail = [&](const std::string& why) {
    report(
        at, diag::ShapeMismatch, "`mix`",
        "weights are " + shape_text(weights, at.frame) + ", values are " + shape_text(values, at.frame) + ": " + why);
    return ir::Value{};
  };
  if (w.empty() || v.empty()) return fail("both need a dimension");
  const bool rows = w.size() > 1 && w.back().ragged && v.front().ragged && (v.size() == 1 || !v[1].ragged);
  if (rows && spaces().same_dim(*w.back().ragged, *v.front().ragged)) return matmul_rows(weights, values, at);
  if (w.back() != v.front()) {
    const bool open =
        !w.back().ragged && !v.front().ragged && w.back().size.equals(v.front().size) != types::Answer::no;
    if (!open) return fail(axis_text(w.back()) + " is not " + axis_text(v.front()));
  }
  if (w.size() == 1) {
    std::vector<Dim> dims = type(values).dims;
    if (v.front().ragged) {
      if (v.size() > 1 && v[1].ragged) return fail("a nested ragged dimension stands in the way");
      for (Dim& dim : dims) dim = 1;
      ir::Value product = emit("mul", {emit("reshape", {weights}, at, {{"dims", dims}}), values}, at);
      return reduce_ragged("sum", product, *v.front().ragged, at);
    }
    for (size_t i = 1; i < dims.size(); ++i) dims[i] = 1;
    ir::Value product = emit("mul", {emit("reshape", {weights}, at, {{"dims", dims}}), values}, at);
    return emit("sum", {product}, at, {{"axes", std::vector<Dim>{0}}, {"keep", false}});
  }
  if (w.back().ragged) {
    report(at, diag::NotSupportedYet, "`mix` with weights " + shape_text(weights, at.frame));
    return {};
  }
  return mix_rows(weights, values, at);
}

// In each row: the last of the weights' own dimensions with the first of the values'.
ir::Value Elaborator::mix_rows(ir::Value weights, ir::Value values, const At& at) {
  std::vector<Dim> dims = type(weights).dims, rest(type(values).dims.begin() + 1, type(values).dims.end());
  const Dim inner = dims.back();
  dims.pop_back();
  ir::Value a = emit("reshape", {weights}, at, {{"dims", std::vector<Dim>{types::product(dims), inner}}});
  ir::Value b = emit("reshape", {values}, at, {{"dims", std::vector<Dim>{inner, types::product(rest)}}});
  if (auto rows = spaces().join(type(a).space, type(b).space); rows && type(b).space != types::kUniform) {
    a = to_space(a, *rows, at), b = to_space(b, *rows, at);
  }
  ir::Value product = emit("matmul", {a, b}, at, {{"transpose_a", false}, {"transpose_b", false}});
  dims.insert(dims.end(), rest.begin(), rest.end());
  return emit("reshape", {product}, at, {{"dims", dims}});
}

namespace {
using Call = PrimitiveCall;
}

struct Primitives::Reductions {
  static bool refuse_per(Call& c) {
    if (!c.find("per")) return false;
    c.e.report(c.at_argument("per"), diag::NotSupportedYet, "`per =`");
    return true;
  }
  static Tensor named(Call& c) {
    ir::Value x = tensor(c, "x");
    return {x, nullptr, nullptr, names(c, "x")};
  }
  static Value result(const Tensor& made, const Call& c) {
    return Primitives::result(made.node, c, made.ids, made.dims);
  }
  static Value reduce(Call& c) {
    if (refuse_per(c)) return Value{};
    return result(c.e.reduce(std::string(c.primitive.name), named(c), c.find("over"), c.at), c);
  }
  static Value extreme(Call& c) {
    if (!c.find("other")) return reduce(c);
    ir::Value x, other;
    IdSetPtr set;
    if (!pair(c, "x", "other", x, other, set)) return Value{};
    ir::Value chosen = c.e.binary(std::string(c.primitive.name), x, other, c.at);
    return result({chosen, set, nullptr, names(chosen, c, {"x", "other"})}, c);
  }
  static Value softmax(Call& c) {
    return result(c.e.softmax(std::string(c.primitive.name), named(c), c.find("over"), c.at), c);
  }
  static Value arg(Call& c) {
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    if (c.e.type(x).dtype == types::DType::i32) {
      c.e.report(c.at, diag::IdsAreNotNumbers, c.e.shape_text(x, c.at.frame)).help("`float(x)` makes numbers of ids");
      return Value{};
    }
    const std::string name(c.primitive.name);
    int axis = static_cast<int>(c.e.axes(x, c.at.frame).size()) - 1;
    if (c.find("over")) {
      Tensor of = named(c);
      auto found = c.e.reduced_axes(of, c.find("over"), c.at);
      if (!found || found->size() != 1) return Value{};
      axis = found->front();
      x = of.node;
    }
    const std::vector<Axis> all = c.e.axes(x, c.at.frame);
    const int ragged = static_cast<int>(all.size()) - c.e.type(x).rank();
    const DimNames rest = c.e.names_without({x, nullptr, nullptr, names(c, "x")}, {axis}, c.at.frame);
    if (axis < 0) {
      c.e.report(c.at, diag::NeedsDimension, name, c.e.shape_text(x, c.at.frame));
      return Value{};
    }
    if (axis >= ragged) {
      const IdSetPtr places = set_of_op(name, c.e.type(x).dims[axis - ragged]);
      return result({c.e.emit(name, {x}, c.at, {{"axis", static_cast<int64_t>(axis - ragged)}}), places, nullptr, rest},
                    c);
    }
    auto set = std::make_shared<IdSet>();
    set->text = "`" + name + "`";
    set->ragged = *all[axis].ragged;
    const SpaceId parent = c.e.spaces()[*set->ragged].parent;
    auto results =
        c.e.emit_all(name == "argmax" ? "segment_max" : "segment_min", {x}, {{"to", ir::SpaceRef{parent}}}, c.at);
    return results.size() == 2 ? result({results[1], set, nullptr, rest}, c) : Value{};
  }
  static Value edge(Call& c) {
    if (refuse_per(c)) return Value{};
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    const Tensor* given = c.find("x")->tensor();
    const std::vector<Axis> all = c.e.axes(x, c.at.frame);
    int axis = 0;
    if (c.find("over")) {
      auto found = c.e.over_axes(named(c), c.find("over"), c.at);
      if (!found || found->size() != 1) return Value{};
      axis = found->front();
    }
    bool dropped = true;
    if (all.empty()) {
      c.e.report(c.at, diag::NeedsDimension, std::string(c.primitive.name), c.e.shape_text(x, c.at.frame));
      return Value{};
    }
    const int64_t place = c.primitive.name == "first" ? 0 : -1;
    return c.e.index_axis(given ? *given : Tensor{x, nullptr, nullptr}, axis, Value{StaticValue{place}, c.at.range},
                          c.at, dropped);
  }
  static Value top_k(Call& c) {
    ir::Value x = tensor(c, "x");
    auto k = integer(c, "k", 1);
    if (!x.valid() || !k || !c.e.at_least_one(*k, c.at_argument("k"))) return Value{};
    if (const std::vector<Axis> all = c.e.axes(x, c.at.frame); !all.empty() && all.back().ragged) {
      c.e.report(c.at, diag::NotSupportedYet, "`top_k` over the ragged dimension `" + c.e.axis_text(all.back()) + "`");
      return Value{};
    }
    auto results = c.e.emit_all("top_k", {x}, {{"k", *k}}, c.at);
    if (results.size() != 2) return Value{};
    Record record;
    const IdSetPtr set = set_of_op("top_k", c.e.type(x).dims.back());
    DimNames known = names(c, "x");
    known.back().clear();
    record.fields.emplace_back("values", Value{Tensor{results[0], nullptr, nullptr, known}, c.at.range});
    record.fields.emplace_back("ids", Value{Tensor{results[1], set, nullptr, known}, c.at.range});
    return Value{std::make_shared<const Record>(std::move(record)), c.at.range};
  }
};

const Primitives::Table& Primitives::reductions() {
  using P = Reductions;
  static const Table table = {{"sum", P::reduce},          {"mean", P::reduce},     {"prod", P::reduce},
                              {"variance", P::reduce},     {"norm", P::reduce},     {"max", P::extreme},
                              {"min", P::extreme},         {"softmax", P::softmax}, {"logsumexp", P::softmax},
                              {"log_softmax", P::softmax}, {"argmax", P::arg},      {"argmin", P::arg},
                              {"first", P::edge},          {"last", P::edge},       {"top_k", P::top_k}};
  return table;
}

}  // namespace mtl::elaborate
