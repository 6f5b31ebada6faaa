// Calls: arguments to parameters, for modules (static ones), functions and primitives. A call that lacks its first
// input is the layer that awaits it.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value call(BodyContext& ctx, const Value& callee, std::vector<Argument> arguments, const void* where, const At& at);
Value call_expr(BodyContext& ctx, const syntax::CallExpr& node, const syntax::Expr& expr, Frame& frame);
// The arguments of a call, evaluated in order.
std::vector<Argument> arguments_of(BodyContext& ctx, const syntax::CallExpr& node, Frame& frame);
Value describe_layer(BodyContext& ctx, const sema::Found& found, std::vector<Argument> arguments, const At& at);
Value call_function(BodyContext& ctx, const sema::Found& found, std::vector<Argument> arguments, const At& at);
Value call_static(BodyContext& ctx, const std::string& function, const std::vector<Argument>& arguments, const At& at);
// Arguments in the order of `names`; a parameter without one is empty. False after a report.
bool bind_arguments(BodyContext& ctx, const std::vector<std::string>& names, size_t skip,
                    std::vector<Argument> arguments, const std::string& callee,
                    std::vector<std::optional<Argument>>& out, const At& at);
Value static_argument(BodyContext& ctx, const syntax::Parameter& parameter, Value value, const At& at,
                      const std::string& help = {});

}  // namespace mtl::elaborate
