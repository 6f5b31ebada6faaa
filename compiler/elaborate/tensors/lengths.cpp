// Ragged dimensions that follow from others: joined sequences (`Q + C`), parts of them (`x[1..]` of f32[T, D] has
// `T - 1` positions), and what their lengths ask of the data.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using syntax::BinaryOp;

Dim Elaborator::length_of(const Axis& axis) const {
  return axis.ragged ? graph_.spaces.length_of(*axis.ragged) : axis.size;
}

std::optional<Dim> Elaborator::as_length(const Value& value) const {
  if (const auto* ragged = std::get_if<RaggedDim>(&value.v)) return graph_.spaces.length_of(ragged->space);
  return value.as_static() ? value.as_static()->as_dim() : std::nullopt;
}

Axis Elaborator::axis_of(SpaceId parent, const Dim& length) {
  const SpaceId space = spaces().add_length(parent, length);
  return spaces()[space].fixed ? Axis{std::nullopt, length} : Axis{space, {}};
}

// Sums of lengths alone: the product of two of them is no dimension.
std::optional<Value> Elaborator::length_arithmetic(BinaryOp op, const Value& left, const Value& right, const At& at) {
  const auto *a = std::get_if<RaggedDim>(&left.v), *b = std::get_if<RaggedDim>(&right.v);
  if (!a && !b) return std::nullopt;
  const auto x = as_length(left), y = as_length(right);
  if (!x || !y || (a && b && spaces()[a->space].parent != spaces()[b->space].parent)) return std::nullopt;
  Dim length;
  switch (op) {
    case BinaryOp::add:
      length = *x + *y;
      break;
    case BinaryOp::subtract:
      length = *x - *y;
      break;
    case BinaryOp::multiply:
      if (a && b) return std::nullopt;
      length = *x * *y;
      break;
    default:
      return std::nullopt;
  }
  const Axis axis = axis_of(spaces()[(a ? a : b)->space].parent, length);
  if (axis.ragged) return Value{RaggedDim{*axis.ragged}, at.range};
  return Value{StaticValue{axis.size}, at.range};
}

ir::Value Elaborator::length_value(SpaceId space, const At& at) {
  if (!spaces()[space].length) return emit("length", {}, at, {{"space", ir::SpaceRef{space}}});
  // Not the rows of a space: as a number, `T - 5` may well be below 0.
  const Dim length = *spaces()[space].length;
  const SpaceId parent = spaces()[space].parent;
  ir::Value sum;
  for (const auto& [atoms, coefficient] : length.terms()) {
    ir::Value term = constant(static_cast<double>(coefficient), at);
    for (const std::string& atom : atoms) {
      const auto part = spaces().ragged_child(parent, atom);  // a symbol has no value yet, and nothing runs
      if (part) term = emit("mul", {term, emit("length", {}, at, {{"space", ir::SpaceRef{*part}}})}, at);
    }
    sum = sum.valid() ? emit("add", {sum, term}, at) : term;
  }
  return sum;
}

// Where the data has the dimensions of a length over `parent`: those of pairs are asked for once, where they are copied
// from. nullopt: some are there, some here.
std::optional<SpaceId> Elaborator::rows_of_data(SpaceId parent, const Dim& length) {
  std::optional<SpaceId> found;
  for (const auto& [atoms, coefficient] : length.terms()) {
    for (const std::string& atom : atoms) {
      const auto part = spaces().ragged_child(parent, atom);
      if (!part) continue;  // a symbol
      const SpaceId own = spaces()[spaces()[*part].copies.value_or(*part)].parent;
      if (found && *found != own) return std::nullopt;
      found = own;
    }
  }
  return found ? found : parent;
}

// `rest` has to be at least 0 in every example.
bool Elaborator::require_length(SpaceId parent, const Dim& rest, const At& at) {
  if (auto known = rest.constant()) {
    if (*known >= 0) return true;
    report(at, diag::NegativeLength, -*known);
    return false;
  }
  const bool always = std::all_of(rest.terms().begin(), rest.terms().end(), [](const auto& t) { return t.second > 0; });
  if (always || current_task_ < 0) return true;
  const auto asked = rows_of_data(parent, rest);
  if (!asked) {
    report(at, diag::NotSupportedYet, "a part whose length `" + rest.text() + "` is of two levels");
    return false;
  }
  std::string note;
  const LengthRule rule{spaces()[*asked].name, rest, user_range(at.frame, at.range, note)};
  std::vector<LengthRule>& rules = tasks_[current_task_].info.lengths;
  if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
  return true;
}

ir::Value Elaborator::as_rows(ir::Value x, SpaceId parent, const At& at) {
  const types::Space& space = spaces()[type(x).space];
  if (space.parent == parent && !space.dim.empty()) return x;
  return emit("map_in", {to_space(x, parent, at)}, at, {{"count", int64_t{1}}});
}

ir::Value Elaborator::move_rows(ir::Value x, const Dim& skip, bool back, const Dim& length, const At& at) {
  if (!x.valid()) return {};
  const SpaceId parent = spaces()[type(x).space].parent;
  const SpaceId to = spaces().add_length(parent, length);
  ir::Value moved =
      emit("move_rows", {x}, at, {{"to", ir::SpaceRef{to}}, {"skip", std::vector<Dim>{skip}}, {"back", back}});
  if (!moved.valid() || !spaces()[to].fixed) return moved;
  return emit("map_out", {moved}, at, {{"count", int64_t{1}}});
}

// Positions `start` to `stop` of the innermost ragged dimension.
ir::Value Elaborator::slice_rows(ir::Value x, const Dim& start, const Dim& stop, const At& at) {
  const SpaceId space = type(x).space, parent = spaces()[space].parent;
  const Dim length = spaces().length_of(space);
  for (const Dim& rest : {start, stop - start, length - stop}) {
    if (!require_length(parent, rest, at)) return {};
  }
  if (start == Dim(0) && stop == length) return x;
  if ((stop - start).constant() && !at_least_one(stop - start, at)) return {};
  return move_rows(x, start, false, stop - start, at);
}

// Some parts may have a static dimension where others have a ragged one.
ir::Value Elaborator::concat_rows(const std::vector<ir::Value>& parts, size_t axis, const At& at) {
  std::vector<Axis> front;
  std::optional<SpaceId> parent;
  const auto refuse = [&](size_t i) {
    report(at, diag::ShapeMismatch, "`concat`",
           "the first is " + shape_text(parts[0], at.frame) + ", another is " + shape_text(parts[i], at.frame));
    return ir::Value{};
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::vector<Axis> all = axes(parts[i], at.frame);
    if (all.size() <= axis) return refuse(i);
    if (axis + 1 < all.size() && all[axis + 1].ragged) {
      report(at, diag::NotSupportedYet, "`concat` over a dimension in which another is nested");
      return {};
    }
    if (i == 0) front.assign(all.begin(), all.begin() + axis);
    if (!std::equal(front.begin(), front.end(), all.begin())) return refuse(i);
    const std::vector<Axis> first = axes(parts[0], at.frame);
    const bool alike = std::equal(all.begin() + axis + 1, all.end(), first.begin() + axis + 1, first.end(),
                                  [](const Axis& a, const Axis& b) {
                                    return a.ragged == b.ragged && a.size.equals(b.size) != types::Answer::no;
                                  });
    if (!alike) return refuse(i);
    if (!all[axis].ragged) continue;
    const SpaceId above = spaces()[*all[axis].ragged].parent;
    if (parent && *parent != above) return refuse(i);
    parent = above;
  }
  std::vector<ir::Value> rows;
  for (ir::Value part : parts) rows.push_back(as_rows(part, *parent, at));
  return emit("concat_rows", rows, at);
}

// `Q + C` in a signature where one of the two is not known yet: what remains of the dimension that is given.
bool Elaborator::solve_dimension(const syntax::Expr& wanted, const Axis& given, Frame& callee) {
  const auto* sum = std::get_if<syntax::BinaryExpr>(&wanted.node);
  if (!sum || (sum->op != BinaryOp::add && sum->op != BinaryOp::subtract)) return false;
  const auto unknown = [&](const syntax::ExprPtr& side) -> const std::string* {
    const auto* name = side ? std::get_if<syntax::NameExpr>(&side->node) : nullptr;
    return name && is_dimension_name(name->name) && !callee.find(name->name) ? &name->name : nullptr;
  };
  const std::string *left = unknown(sum->left), *right = unknown(sum->right);
  if ((left != nullptr) == (right != nullptr)) return false;
  const Value other = evaluate(left ? *sum->right : *sum->left, callee);
  const auto known = as_length(other);
  const auto* ragged = std::get_if<RaggedDim>(&other.v);
  if (!known || (!ragged && !given.ragged && given.size.constant().value_or(1) < 1)) return false;
  const bool minus = sum->op == BinaryOp::subtract;
  const Dim length = left ? (minus ? length_of(given) + *known : length_of(given) - *known)
                          : (minus ? *known - length_of(given) : length_of(given) - *known);
  const SpaceId parent = given.ragged ? spaces()[*given.ragged].parent
                         : ragged     ? spaces()[ragged->space].parent
                                      : types::kUniform;
  const Axis found = given.ragged || ragged ? axis_of(parent, length) : Axis{std::nullopt, length};
  Value bound = found.ragged
                    ? Value{RaggedDim{*found.ragged}}
                    : Value{found.size.constant() ? StaticValue{*found.size.constant()} : StaticValue{found.size}};
  bound.dimension = callee.fresh_dimension();
  callee.bind(left ? *left : *right, std::move(bound));
  return true;
}

}  // namespace mtl::elaborate
