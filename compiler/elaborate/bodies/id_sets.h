// Which set the ids of a column, a vocabulary or a size belong to; constants become ids of the set that a call is
// about.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

std::optional<StaticValue> size_of_column(BodyContext& ctx, const std::string& source, const std::string& column,
                                          Frame& frame);
IdSetPtr set_of_column(BodyContext& ctx, const std::string& source, const syntax::ColumnDecl& column);
// `K` of f32[K, D] is the set of a table that is given there.
void declare_ids(BodyContext& ctx, const syntax::TypeExpr& declared, Tensor& tensor, Frame& frame);
// A constant is an id of whatever set `K` is: by the other inputs, else by the other calls of the layer, which
// size_of_others() asks for once the body needs `K`.
// Of `K`, `|en|`, `|d.tag|`; null: a size like any other.
bool settle_constants(BodyContext& ctx, const std::vector<syntax::Parameter>& inputs, std::vector<Value>& values,
                      Frame& callee, const At& at);
IdSetPtr set_of_size(BodyContext& ctx, const syntax::Expr& size, Frame& frame);
Value size_of_others(BodyContext& ctx, const std::string& name, const At& at);
std::optional<StaticValue> target_size(BodyContext& ctx, const TaskState& task);

}  // namespace mtl::elaborate
