// The names of a signature as dimensions: given to what matched them, solved for, and forgotten when the call ends.
#include "compiler/elaborate/bodies/dim_bindings.h"

#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/words.h"

namespace mtl::elaborate {

using Kind = syntax::TypeExpr::DimItem::Kind;
using syntax::BinaryOp;

void name_dimensions(BodyContext& ctx, Tensor& tensor, const std::vector<syntax::TypeExpr::DimItem>& items,
                     Frame& frame, bool all) {
  tensor.dims = dim_names(ctx, tensor);
  for (size_t i = 1; i <= std::min(items.size(), tensor.dims.size()); ++i) {
    const syntax::TypeExpr::DimItem& item = items[items.size() - i];
    if (item.kind == Kind::rest) return;
    const auto* name = item.size ? std::get_if<syntax::NameExpr>(&item.size->node) : nullptr;
    const Binding* bound = name ? frame.find(name->name) : nullptr;
    std::set<DimName>& known = tensor.dims[tensor.dims.size() - i];
    // What an operation has kept in sight is not called otherwise by a type behind it.
    const auto other = known.lower_bound({frame.id, 0});
    if (bound && bound->value.dimension && (all || other == known.end() || other->call != frame.id)) {
      known.insert(*bound->value.dimension);
    } else if (const auto* number = item.size ? std::get_if<syntax::IntExpr>(&item.size->node) : nullptr;
               all && !(number && number->value == 1)) {  // a literal 1 stays one
      known.insert(frame.fresh_dimension());
    }
  }
}

void mark_ones(BodyContext& ctx, Value& value, const std::vector<syntax::TypeExpr::DimItem>& items, Frame& frame) {
  auto* tensor = std::get_if<Tensor>(&value.v);
  if (!tensor || !tensor->node.valid()) return;
  tensor->dims = dim_names(ctx, *tensor);
  const std::vector<Dim> dims = ctx.type(tensor->node).dims;
  for (size_t i = 1; i <= std::min(items.size(), dims.size()); ++i) {
    const syntax::TypeExpr::DimItem& item = items[items.size() - i];
    if (item.kind == Kind::rest) return;
    if (item.kind != Kind::size || !item.size || dims[dims.size() - i] != Dim(1)) continue;
    const Value size = evaluate(ctx, *item.size, frame);
    if (size.as_static() && !size.literal && !size.dimension) tensor->dims[dims.size() - i].insert(kHappensToBeOne);
  }
}

void forget_names(const BodyContext& ctx, Value& value, const Frame& callee) {
  if (auto* tensor = std::get_if<Tensor>(&value.v)) {
    for (std::set<DimName>& names : tensor->dims) names.erase(names.lower_bound({callee.id, 0}), names.end());
  } else if (auto* record = std::get_if<RecordPtr>(&value.v)) {
    Record kept = **record;
    for (auto& [name, field] : kept.fields) forget_names(ctx, field, callee);
    *record = std::make_shared<const Record>(std::move(kept));
  }
}

// `Q + C` in a signature where one of the two is not known yet: what remains of the dimension that is given.
bool solve_dimension(BodyContext& ctx, const syntax::Expr& wanted, const Axis& given, Frame& callee) {
  const auto* sum = std::get_if<syntax::BinaryExpr>(&wanted.node);
  if (!sum || (sum->op != BinaryOp::add && sum->op != BinaryOp::subtract)) return false;
  const auto unknown = [&](const syntax::ExprPtr& side) -> const std::string* {
    const auto* name = side ? std::get_if<syntax::NameExpr>(&side->node) : nullptr;
    return name && is_dimension_name(name->name) && !callee.find(name->name) ? &name->name : nullptr;
  };
  const std::string *left = unknown(sum->left), *right = unknown(sum->right);
  if ((left != nullptr) == (right != nullptr)) return false;
  const Value other = evaluate(ctx, left ? *sum->right : *sum->left, callee);
  const auto known = as_length(ctx, other);
  const auto* ragged = std::get_if<RaggedDim>(&other.v);
  if (!known || (!ragged && !given.ragged && given.size.constant().value_or(1) < 1)) return false;
  const bool minus = sum->op == BinaryOp::subtract;
  const Dim length = left ? (minus ? length_of(ctx, given) + *known : length_of(ctx, given) - *known)
                          : (minus ? *known - length_of(ctx, given) : length_of(ctx, given) - *known);
  const SpaceId parent = given.ragged ? ctx.spaces()[*given.ragged].parent
                         : ragged     ? ctx.spaces()[ragged->space].parent
                                      : types::kUniform;
  const Axis found = given.ragged || ragged ? axis_of(ctx, parent, length) : Axis{std::nullopt, length};
  Value bound = found.ragged
                    ? Value{RaggedDim{*found.ragged}}
                    : Value{found.size.constant() ? StaticValue{*found.size.constant()} : StaticValue{found.size}};
  bound.dimension = callee.fresh_dimension();
  callee.bind(left ? *left : *right, std::move(bound));
  return true;
}

}  // namespace mtl::elaborate
