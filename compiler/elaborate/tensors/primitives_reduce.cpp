// Reductions and what goes over a dimension: sums, extremes, softmax, edges. Static dimensions are ops of one row;
// ragged ones sum, compare or pick the rows of a segment. Dimensions count from the written shape, `over =` takes
// names and numbers, and without it a reduction is over all dimensions that the body sees.
#include <algorithm>

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/positions.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

struct Primitives::Reductions {
  static bool refuse_per(Call& c) {
    if (!c.find("per")) return false;
    c.ctx.report(c.at_argument("per"), diag::NotSupportedYet, "`per =`");
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
    return result(elaborate::reduce(c.ctx, std::string(c.primitive.name), named(c), c.find("over"), c.at), c);
  }
  static Value extreme(Call& c) {
    if (!c.find("other")) return reduce(c);
    ir::Value x, other;
    IdSetPtr set;
    if (!pair(c, "x", "other", x, other, set)) return Value{};
    ir::Value chosen = binary(c.ctx, std::string(c.primitive.name), x, other, c.at);
    return result({chosen, set, nullptr, names(chosen, c, {"x", "other"})}, c);
  }
  static Value softmax(Call& c) {
    return result(elaborate::softmax(c.ctx, std::string(c.primitive.name), named(c), c.find("over"), c.at), c);
  }
  static Value arg(Call& c) {
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    if (c.ctx.type(x).dtype == types::DType::i32) {
      c.ctx.report(c.at, diag::IdsAreNotNumbers, shape_text(c.ctx, x, c.at.frame))
          .help("`float(x)` makes numbers of ids");
      return Value{};
    }
    const std::string name(c.primitive.name);
    int axis = static_cast<int>(axes(c.ctx, x, c.at.frame).size()) - 1;
    if (c.find("over")) {
      Tensor of = named(c);
      auto found = reduced_axes(c.ctx, of, c.find("over"), c.at);
      if (!found || found->size() != 1) return Value{};
      axis = found->front();
      x = of.node;
    }
    const std::vector<Axis> all = axes(c.ctx, x, c.at.frame);
    const int ragged = static_cast<int>(all.size()) - c.ctx.type(x).rank();
    const DimNames rest = names_without(c.ctx, {x, nullptr, nullptr, names(c, "x")}, {axis}, c.at.frame);
    if (axis < 0) {
      c.ctx.report(c.at, diag::NeedsDimension, name, shape_text(c.ctx, x, c.at.frame));
      return Value{};
    }
    if (axis >= ragged) {
      const IdSetPtr places = set_of_op(name, c.ctx.type(x).dims[axis - ragged]);
      return result(
          {emit(c.ctx, name, {x}, c.at, {{"axis", static_cast<int64_t>(axis - ragged)}}), places, nullptr, rest}, c);
    }
    auto set = std::make_shared<IdSet>();
    set->text = "`" + name + "`";
    set->ragged = *all[axis].ragged;
    const SpaceId parent = c.ctx.spaces()[*set->ragged].parent;
    auto results =
        emit_all(c.ctx, name == "argmax" ? "segment_max" : "segment_min", {x}, {{"to", ir::SpaceRef{parent}}}, c.at);
    return results.size() == 2 ? result({results[1], set, nullptr, rest}, c) : Value{};
  }
  static Value edge(Call& c) {
    if (refuse_per(c)) return Value{};
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    const Tensor* given = c.find("x")->tensor();
    const std::vector<Axis> all = axes(c.ctx, x, c.at.frame);
    int axis = 0;
    if (c.find("over")) {
      auto found = over_axes(c.ctx, named(c), c.find("over"), c.at);
      if (!found || found->size() != 1) return Value{};
      axis = found->front();
    }
    bool dropped = true;
    if (all.empty()) {
      c.ctx.report(c.at, diag::NeedsDimension, std::string(c.primitive.name), shape_text(c.ctx, x, c.at.frame));
      return Value{};
    }
    const int64_t place = c.primitive.name == "first" ? 0 : -1;
    return index_axis(c.ctx, given ? *given : Tensor{x, nullptr, nullptr}, axis, Value{StaticValue{place}, c.at.range},
                      c.at, dropped);
  }
  static Value top_k(Call& c) {
    ir::Value x = tensor(c, "x");
    auto k = integer(c, "k", 1);
    if (!x.valid() || !k || !at_least_one(c.ctx, *k, c.at_argument("k"))) return Value{};
    if (const std::vector<Axis> all = axes(c.ctx, x, c.at.frame); !all.empty() && all.back().ragged) {
      c.ctx.report(c.at, diag::NotSupportedYet,
                   "`top_k` over the ragged dimension `" + axis_text(c.ctx, all.back()) + "`");
      return Value{};
    }
    auto results = emit_all(c.ctx, "top_k", {x}, {{"k", *k}}, c.at);
    if (results.size() != 2) return Value{};
    Record record;
    const IdSetPtr set = set_of_op("top_k", c.ctx.type(x).dims.back());
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
