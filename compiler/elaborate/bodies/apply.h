// Modules, functions and criteria at work: a frame for the body, the inputs bound to their dimensions, the results.
#pragma once
#include "compiler/elaborate/bodies/signature.h"

namespace mtl::elaborate {

struct Judgement {  // what a criterion says; poisoned parts are missing
  Value loss, predict;
};

Value apply_instance(BodyContext& ctx, const LayerPtr& layer, std::vector<Argument> arguments, const At& at);
Judgement judge(BodyContext& ctx, const LayerPtr& criterion, std::vector<Argument> arguments, const At& at);
Value run_callable(BodyContext& ctx, const std::vector<syntax::Parameter>& inputs,
                   std::vector<std::optional<Argument>> bound, const syntax::Body& body,
                   const std::optional<syntax::ResultType>& result, Frame callee, const std::string& name,
                   const At& at);
const std::set<std::string>& declared_in(BodyContext& ctx, const syntax::Body& body);

}  // namespace mtl::elaborate
