// Where a mistake stands: a user is shown his own line, not the one of the library that it led to.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

std::string text_at(const TensorContext& ctx, SourceRange range);  // as it is written
// The user's places of something that happened in `frame`: itself and the calls around it, innermost first.
std::vector<SourceRange> user_calls(const Frame& frame, SourceRange range);
// The user's place for something that happened in `frame`: the call of the library if it was inside.
SourceRange user_range(const TensorContext& ctx, const Frame& frame, SourceRange range, std::string& note);
bool in_library(const TensorContext& ctx, SourceRange range);
std::string type_text(const TensorContext& ctx, const syntax::TypeExpr& type);

}  // namespace mtl::elaborate
