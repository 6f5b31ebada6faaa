// The names of static dimensions. A signature's `A` is bound to a size, and two dimensions of one size are still two:
// so a value carries, for each of its static dimensions, the names that signatures matched it by, operations hand them
// on, and `over = A` means the dimension that has the name. Where an operation loses sight of a dimension (a product
// with a weight, `reshape` to plain numbers) nothing is known of it, and it answers to every name of its size.
#include "compiler/elaborate/tensors/dim_names.h"

#include <algorithm>

#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using Kind = syntax::TypeExpr::DimItem::Kind;

DimNames dim_names(const TensorContext& ctx, const Tensor& tensor) {
  DimNames names = tensor.dims;
  if (!tensor.node.valid()) return names;
  const auto rank = static_cast<size_t>(ctx.type(tensor.node).rank());
  if (names.size() > rank) names.erase(names.begin(), names.end() - static_cast<std::ptrdiff_t>(rank));
  names.insert(names.begin(), rank - names.size(), {});
  return names;
}

DimNames dim_names(const TensorContext& ctx, const Value& value) {
  return value.tensor() ? dim_names(ctx, *value.tensor()) : DimNames{};
}

DimNames shape_names(const Value& shape) {
  DimNames names;
  if (const auto* list = std::get_if<ListPtr>(&shape.v)) {
    for (const Value& item : **list) {
      if (std::holds_alternative<RaggedDim>(item.v)) continue;
      names.emplace_back();
      if (item.dimension) names.back().insert(*item.dimension);
    }
  }
  return names;
}

DimNames joined_names(const TensorContext& ctx, ir::Value result, const std::vector<const Value*>& operands) {
  DimNames joined(result.valid() ? ctx.type(result).dims.size() : 0);
  for (const Value* operand : operands) {
    const Tensor* tensor = operand ? operand->tensor() : nullptr;
    if (!tensor) continue;
    const DimNames names = dim_names(ctx, *tensor);
    const std::vector<Dim>& dims = ctx.type(tensor->node).dims;
    for (size_t i = 1; i <= std::min(joined.size(), names.size()); ++i) {
      // One of another size was repeated, or is a part of what was joined.
      if (dims[dims.size() - i] == ctx.type(result).dims[joined.size() - i])
        joined[joined.size() - i].insert(names[names.size() - i].begin(), names[names.size() - i].end());
    }
  }
  return joined;
}

DimNames names_without(const TensorContext& ctx, const Tensor& of, const std::vector<int>& axes, const Frame& frame) {
  DimNames names = dim_names(ctx, of);
  const int ragged = static_cast<int>(elaborate::axes(ctx, of.node, frame).size() - names.size());
  DimNames rest;
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), static_cast<int>(i) + ragged) == axes.end()) rest.push_back(names[i]);
  }
  return rest;
}

// a @ b: the dimensions of `a` without its last, then those of `b` without the one that is contracted.
DimNames product_names(const TensorContext& ctx, const Value& a, const Value& b, const Frame& frame) {
  if (!a.tensor() || !b.tensor()) return {};
  DimNames left = dim_names(ctx, a), right = dim_names(ctx, b);
  const size_t right_axes = axes(ctx, b.tensor()->node, frame).size();
  const bool vector_left = axes(ctx, a.tensor()->node, frame).size() == 1;
  if (!left.empty()) left.pop_back();
  if (right_axes == 1 || right.empty()) return left;
  if (vector_left) {
    if (right.size() >= 2) right.erase(right.end() - 2);
    return right;
  }
  left.push_back(right.back());
  return left;
}

// "Only from a missing dimension or a literal 1": false after a report.
bool may_repeat(TensorContext& ctx, const Value& left, const Value& right, const std::string& what, const At& at) {
  const std::vector<Axis> a = value_axes(ctx, left, at.frame), b = value_axes(ctx, right, at.frame);
  const DimNames of_a = dim_names(ctx, left), of_b = dim_names(ctx, right);
  const auto no_literal = [&](const std::vector<Axis>& axes, const DimNames& names, size_t i) {
    if (i > names.size() || axes[axes.size() - i].ragged || axes[axes.size() - i].size != Dim(1)) return false;
    const std::set<DimName>& known = names[names.size() - i];
    const auto own = known.lower_bound({at.frame.id, 0});  // a name of this signature that was solved to 1
    return known.count(kHappensToBeOne) > 0 || (own != known.end() && own->call == at.frame.id);
  };
  for (size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    const Axis &x = a[a.size() - i], &y = b[b.size() - i];
    const auto longer = [](const Axis& axis) { return axis.ragged || axis.size.constant().value_or(1) != 1; };
    if (!(no_literal(a, of_a, i) && longer(y)) && !(no_literal(b, of_b, i) && longer(x))) continue;
    ctx.report(at, diag::ShapeMismatch, what,
               "left is " + value_text(ctx, left, at.frame) + ", right is " + value_text(ctx, right, at.frame) + ": " +
                   axis_text(ctx, x) + " is not " + axis_text(ctx, y))
        .note("a dimension is repeated where it is missing or written `1`, not where its size happens to be 1");
    return false;
  }
  return true;
}

std::string other_names(const TensorContext& ctx, const Tensor& x, const Dim& size, const Frame& frame) {
  const std::vector<Dim>& dims = ctx.type(x.node).dims;
  const DimNames names = dim_names(ctx, x);
  for (const auto& scope : frame.scopes) {
    for (const auto& [name, binding] : scope) {
      for (size_t i = 0; binding.value.dimension && i < dims.size(); ++i) {
        if (dims[i] == size && names[i].count(*binding.value.dimension))
          return "the " + size.text() + " in it is `" + name + "`";
      }
    }
  }
  return "";
}

std::vector<int> axes_named(const TensorContext& ctx, const Tensor& x, const std::optional<DimName>& name,
                            const Dim& size) {
  const std::vector<Dim>& dims = ctx.type(x.node).dims;
  const DimNames names = dim_names(ctx, x);
  std::vector<int> named, of_size;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (name && names[i].count(*name)) named.push_back(static_cast<int>(i));
    const auto other = name ? names[i].lower_bound({name->call, 0}) : names[i].end();
    const bool has_other_name = other != names[i].end() && other->call == name->call;
    if (!has_other_name && dims[i] == size) of_size.push_back(static_cast<int>(i));
  }
  return named.empty() ? of_size : named;
}

}  // namespace mtl::elaborate
