// Bodies: declarations bind names, `for` and `if` are unrolled, `return` ends.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

// False: stop (returned, or an error that makes the rest pointless).
bool run_body(BodyContext& ctx, const syntax::Body& body, Frame& frame);
bool run_statement(BodyContext& ctx, const syntax::Stmt& stmt, Frame& frame);

}  // namespace mtl::elaborate
