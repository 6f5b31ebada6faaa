// Bodies: declarations bind names, `for` and `if` are unrolled, `return` ends.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

// False: stop (returned, or an error that makes the rest pointless).
bool run_body(BodyContext& ctx, const syntax::Body& body, Frame& frame);
bool run_statement(BodyContext& ctx, const syntax::Stmt& stmt, Frame& frame);
void declare_layer(BodyContext& ctx, const syntax::LayerStmt& stmt, SourceRange range, Frame& frame);
LayerPtr declare_array(BodyContext& ctx, const syntax::LayerStmt& stmt, size_t index, const PlacePtr& place,
                       Frame& frame);
LayerPtr declare_one(BodyContext& ctx, const syntax::LayerStmt& stmt, const PlacePtr& place, Frame& frame);
void declare_param(BodyContext& ctx, const syntax::ParamStmt& stmt, SourceRange range, Frame& frame);
bool run_for(BodyContext& ctx, const syntax::ForStmt& stmt, SourceRange range, Frame& frame);
bool run_if(BodyContext& ctx, const syntax::IfStmt& stmt, Frame& frame);
void run_return(BodyContext& ctx, const syntax::ReturnStmt& stmt, SourceRange range, Frame& frame);
void run_let(BodyContext& ctx, const syntax::LetStmt& stmt, Frame& frame);
void run_update(BodyContext& ctx, const syntax::UpdateStmt& stmt, Frame& frame);
bool run_require(BodyContext& ctx, const syntax::RequireStmt& stmt, Frame& frame);
void say_failed(BodyContext& ctx, const syntax::Expr& condition, Frame& frame);

}  // namespace mtl::elaborate
