// What a name means: the body's own names, the model's layers, lets and tasks, the top level, the primitives. And what
// stands behind a point: columns, heads of other tasks, named results, the parameters of a layer.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value name(BodyContext& ctx, const std::string& name, SourceRange range, Frame& frame, bool tasks = true);
Value member(BodyContext& ctx, const syntax::MemberExpr& node, SourceRange range, Frame& frame);
SpaceId space_of_column(BodyContext& ctx, const std::string& source, const syntax::ColumnDecl& column,
                        std::vector<Dim>& fixed);

}  // namespace mtl::elaborate
