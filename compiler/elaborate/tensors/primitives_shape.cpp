// Shapes: reshape, flatten, transpose, stack, concat, pad, and values made from sizes. A ragged dimension is part of
// who the rows are: sequences are joined and cut by the row moves of lengths.cpp.
#include <algorithm>

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/joins.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/positions.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
std::vector<Dim> fixed_of(const std::vector<Axis>& axes) {
  std::vector<Dim> dims;
  for (const Axis& axis : axes) {
    if (!axis.ragged) dims.push_back(axis.size);
  }
  return dims;
}
}  // namespace

struct Primitives::Shapes {
  static Value reshape(Call& c) {
    ir::Value x = tensor(c, "x");
    auto wanted = dims(c, "shape");
    if (!x.valid() || !wanted) return Value{};
    std::vector<Axis> all = axes(c.ctx, x, c.at.frame);
    const size_t ragged = all.size() - c.ctx.type(x).rank();
    const auto same = [&](const Axis& a, const Axis& b) {
      return a.ragged && b.ragged && c.ctx.spaces().same_dim(*a.ragged, *b.ragged);
    };
    const bool kept = ragged <= wanted->size() && std::equal(all.begin(), all.begin() + ragged, wanted->begin(), same);
    const std::vector<Dim> fixed = fixed_of(*wanted);
    if (!kept || fixed.size() + ragged != wanted->size()) {
      c.ctx.report(c.at, diag::ReshapeRagged, axes_text(c.ctx, *wanted), shape_text(c.ctx, x, c.at.frame));
      return Value{};
    }
    return result(emit(c.ctx, "reshape", {x}, c.at, {{"dims", fixed}}), c, set_of(c, "x"),
                  shape_names(*c.find("shape")));
  }
  static Value flatten(Call& c) {
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    const std::vector<Axis> all = axes(c.ctx, x, c.at.frame);
    const int64_t rank = static_cast<int64_t>(all.size()), ragged = rank - c.ctx.type(x).rank();
    auto from = integer(c, "from", 0), to = integer(c, "to", rank);
    if (!from || !to) return Value{};
    if (*from < 0 || *to > rank || *from > *to) {
      c.ctx.report(c.at, diag::NoSuchDimension, *from < 0 || *from > rank ? *from : *to,
                   shape_text(c.ctx, x, c.at.frame));
      return Value{};
    }
    if (*from < ragged) {
      c.ctx.report(c.at, diag::FlattenRagged, axis_text(c.ctx, all[*from]), shape_text(c.ctx, x, c.at.frame))
          .help("`flatten(x, from = " + std::to_string(ragged) + ")` keeps the ragged dimensions");
      return Value{};
    }
    const std::vector<Dim> old = c.ctx.type(x).dims;
    std::vector<Dim> fresh(old.begin(), old.begin() + (*from - ragged));
    fresh.push_back(types::product({old.begin() + (*from - ragged), old.begin() + (*to - ragged)}));
    fresh.insert(fresh.end(), old.begin() + (*to - ragged), old.end());
    DimNames known = names(c, "x");
    known.erase(known.begin() + (*from - ragged), known.begin() + (*to - ragged));
    known.insert(known.begin() + (*from - ragged), std::set<DimName>{});
    return result(emit(c.ctx, "reshape", {x}, c.at, {{"dims", fresh}}), c, set_of(c, "x"), std::move(known));
  }
  static Value transpose(Call& c) {
    const Value* given = c.find("order");
    if (const auto* back = std::get_if<Transposed>(&c.find("x")->v); back && !given)
      return Value{back->sequence, c.at.range};
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    const int rank = c.ctx.type(x).rank();
    const int ragged = static_cast<int>(axes(c.ctx, x, c.at.frame).size()) - rank;
    if (!given && ragged > 0 && rank < 2) return transpose_last(c.ctx, {x, set_of(c, "x"), nullptr}, c.at);
    std::vector<Dim> order;
    if (given) {
      auto listed = items(c.ctx, *given, c.at_argument("order"));
      if (!listed) return Value{};
      for (size_t i = 0; i < listed->size(); ++i) {
        auto place = elaborate::integer(c.ctx, (*listed)[i], c.at_argument("order"), "`order`");
        if (!place) return Value{};
        if (static_cast<int>(i) < ragged && *place == static_cast<int64_t>(i)) continue;
        order.push_back(*place - ragged);
      }
    } else {
      for (int i = 0; i < rank; ++i) order.push_back(i);
      if (rank >= 2) std::swap(order[rank - 1], order[rank - 2]);
    }
    if (rank < 2) {
      c.ctx.report(c.at, diag::NotSupportedYet, "`transpose` of " + shape_text(c.ctx, x, c.at.frame));
      return Value{};
    }
    ir::Value turned = emit(c.ctx, "transpose", {x}, c.at, {{"perm", order}});
    if (!turned.valid()) return Value{};
    const DimNames known = names(c, "x");
    DimNames in_order;
    for (const Dim& place : order) in_order.push_back(known[static_cast<size_t>(place.value())]);
    return result(turned, c, set_of(c, "x"), std::move(in_order));
  }
  static Value stack(Call& c) {
    auto listed = items(c.ctx, *c.find("values"), c.at_argument("values"));
    if (!listed) return Value{};
    if (listed->empty()) {
      c.ctx.report(c.at, diag::EmptyArray, "stack");
      return Value{};
    }
    return stack_of(c.ctx, std::move(*listed), c.at);
  }
  static Value concat(Call& c) {
    std::vector<Tensor> parts;
    std::vector<Argument> given = c.values;
    if (given.size() == 1 && !given[0].value.tensor()) {  // a list
      auto listed = items(c.ctx, given[0].value, c.at);
      if (!listed) return Value{};
      std::vector<Argument> each;
      for (Value& item : *listed) each.push_back({"", std::move(item), given[0].range});
      given = std::move(each);
    }
    IdSetPtr set = given.empty() ? nullptr : set_of(given.front().value);
    for (const Argument& part : given) {
      const Tensor* known = part.value.tensor();
      parts.push_back({to_tensor(c.ctx, part.value, {c.at.frame, part.range}), nullptr, nullptr,
                       known ? dim_names(c.ctx, *known) : DimNames{}});
      auto joint = join_sets(c.ctx, set, set_of(part.value), c.at);
      if (!joint) return Value{};
      set = *joint;
    }
    ir::Value joined = elaborate::concat(c.ctx, parts, c.find("over"), c.at);
    std::vector<const Value*> each;
    for (const Argument& part : given) each.push_back(&part.value);
    return result(joined, c, set, joined_names(c.ctx, joined, each));
  }
  static Value pad(Call& c) {
    ir::Value x = tensor(c, "x");
    auto before = integer(c, "before", 0), after = integer(c, "after", 0);
    if (!x.valid() || !before || !after) return Value{};
    for (const auto& [name, count] : {std::pair("before", *before), std::pair("after", *after)}) {
      if (count >= 0) continue;
      c.ctx.report(c.at_argument(name), diag::NegativePadding, count).help("`x[..., 1..]` leaves out the first");
      return Value{};
    }
    const int ragged = static_cast<int>(axes(c.ctx, x, c.at.frame).size()) - c.ctx.type(x).rank();
    int64_t axis = c.ctx.type(x).rank() - 1;
    if (c.find("over")) {
      auto found = over_axes(c.ctx, {x, nullptr, nullptr, names(c, "x")}, c.find("over"), c.at, false);
      if (!found || found->size() != 1) return Value{};
      axis = found->front() - ragged;
    }
    DimNames known = names(c, "x");
    if (axis < 0) {
      const int place = static_cast<int>(axis) + ragged;
      const auto of_inner = [&](ir::Value rows) {
        const Dim length = c.ctx.spaces().length_of(c.ctx.type(rows).space) + Dim(*before) + Dim(*after);
        return move_rows(c.ctx, rows, Dim(*before), true, length, c.at);
      };
      const bool outer = is_outer_of_pairs(c.ctx, x, place, c.at);
      if (!outer && !innermost(c.ctx, x, place, "`pad`", c.at)) return Value{};
      ir::Value padded = outer ? move_outer(c.ctx, x, "`pad`", c.at, of_inner) : of_inner(x);
      return result(padded, c, set_of(c, "x"), std::move(known));
    }
    known[static_cast<size_t>(axis)].clear();
    return result(emit(c.ctx, "pad", {x}, c.at, {{"axis", axis}, {"before", *before}, {"after", *after}}), c,
                  set_of(c, "x"), std::move(known));
  }
  static Value one_hot(Call& c) {
    const Value* given = c.find("ids");
    ir::Value ids;
    IdSetPtr set = set_of(*given);
    if (const StaticValue* known = given->as_static(); known && known->as_int()) {
      auto constant = constant_id(c.ctx, *known->as_int(), c.at_argument("ids"));
      if (!constant) return Value{};
      ids = constant->node;
      set = constant->ids;
    } else {
      ids = tensor(c, "ids");
    }
    const Value* classes = c.find("classes");
    auto size = classes->as_static() ? classes->as_static()->as_dim() : std::nullopt;
    if (!size) {
      c.ctx.report(c.at_argument("classes"), diag::NotAnInt, "`classes`", classes->kind());
      return Value{};
    }
    if (!at_least_one(c.ctx, *size, c.at_argument("classes"))) return Value{};
    // Places in a sequence have no bound of their own: those behind the last class have none.
    if (set && !set->ragged && !ids_fit(c.ctx, set, *size, "`classes`", c.at_argument("ids"))) return Value{};
    DimNames known = names(c, "ids");
    known.emplace_back();
    if (classes->dimension) known.back().insert(*classes->dimension);
    const ir::Value made = emit(c.ctx, "one_hot", {ids}, c.at, {{"classes", std::vector<Dim>{*size}}});
    if (set && made.valid()) c.ctx.nodes.hot[made] = {{set->key, 0}};
    return result(made, c, nullptr, std::move(known));
  }
  static Value full(Call& c) {
    auto wanted = dims(c, "shape");
    return wanted ? filled(c, *wanted, shape_names(*c.find("shape"))) : Value{};
  }
  // A fixed dimension in front of ragged ones: the parts of a stack.
  static Value filled_parts(Call& c, const std::vector<Axis>& wanted, DimNames known) {
    constexpr int64_t kMostParts = 1000;
    const auto count = wanted.front().size.constant();
    if (wanted.front().ragged || !count || *count > kMostParts) {
      c.ctx.report(c.at, diag::NotSupportedYet, "`full` of a fixed dimension between ragged ones");
      return Value{};
    }
    if (!known.empty()) known.erase(known.begin());
    const Value part = filled(c, {wanted.begin() + 1, wanted.end()}, std::move(known));
    return part.poisoned() ? Value{} : stack_of(c.ctx, std::vector<Value>(static_cast<size_t>(*count), part), c.at);
  }
  static Value filled(Call& c, const std::vector<Axis>& wanted, DimNames known) {
    const auto is_ragged = [](const Axis& axis) { return axis.ragged.has_value(); };
    const auto behind = std::find_if_not(wanted.begin(), wanted.end(), is_ragged);
    if (std::any_of(behind, wanted.end(), is_ragged)) return filled_parts(c, wanted, std::move(known));
    const Value* value = c.find("value");
    const bool id = value->as_static() && std::holds_alternative<int64_t>(value->as_static()->value);
    ir::Value node;
    IdSetPtr set = set_of(*value);
    if (id) {
      auto constant = constant_id(c.ctx, std::get<int64_t>(value->as_static()->value), c.at_argument("value"));
      if (!constant) return Value{};
      node = constant->node;
      set = constant->ids;
    } else {
      node = tensor(c, "value");
    }
    const std::vector<Dim> fixed = fixed_of(wanted);
    if (!fixed.empty() && node.valid()) {
      node = with_rank(c.ctx, node, static_cast<int>(fixed.size()), c.at);
      node = emit(c.ctx, "broadcast", {node}, c.at, {{"dims", fixed}});
    }
    std::optional<SpaceId> rows;
    for (const Axis& axis : wanted) {
      if (!axis.ragged) continue;
      const types::Space space = c.ctx.spaces()[*axis.ragged];
      if (space.length && !require_length(c.ctx, space.parent, *space.length, c.at)) return Value{};
      if (rows && !c.ctx.spaces().is_ancestor(space.parent, *rows)) {
        c.ctx.report(c.at, diag::NotSupportedYet, "`full` over sequences of different rows");
        return Value{};
      }
      // Behind another one it is nested there: its own, or a copy for each position.
      rows = rows ? c.ctx.spaces().add_copies(*rows, *axis.ragged) : *axis.ragged;
    }
    if (rows) node = to_space(c.ctx, node, *rows, c.at);
    return result(node, c, set, std::move(known));
  }
  static Value positions(Call& c) {
    const Value* value = c.find("dimension");
    auto set = std::make_shared<IdSet>();
    set->text = "`positions`";
    if (const auto* ragged = std::get_if<RaggedDim>(&value->v)) {
      set->ragged = ragged->space;
      const types::Space& space = c.ctx.spaces()[ragged->space];
      if (space.length && !require_length(c.ctx, space.parent, *space.length, c.at)) return Value{};
      return result(emit(c.ctx, "position", {}, c.at, {{"space", ir::SpaceRef{ragged->space}}}), c, set);
    }
    auto size = value->as_static() ? value->as_static()->as_dim() : std::nullopt;
    if (!size) {
      c.ctx.report(c.at, diag::NotADimension, value->kind());
      return Value{};
    }
    set->size = *size;
    ir::Value count = emit(c.ctx, "iota", {}, c.at, {{"dims", std::vector<Dim>{*size}}, {"axis", int64_t{0}}});
    DimNames known(1);
    if (value->dimension) known.back().insert(*value->dimension);
    return result(emit(c.ctx, "to_i32", {count}, c.at), c, set, std::move(known));
  }
};

const Primitives::Table& Primitives::shapes() {
  using P = Shapes;
  static const Table table = {{"reshape", P::reshape}, {"flatten", P::flatten}, {"transpose", P::transpose},
                              {"stack", P::stack},     {"concat", P::concat},   {"pad", P::pad},
                              {"one_hot", P::one_hot}, {"full", P::full},       {"positions", P::positions}};
  return table;
}

}  // namespace mtl::elaborate
