// Signatures: the dimensions of a call, solved by matching right to left, and the mapping over what is left in front.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

struct Signature {  // what is known of one call of a module, function or criterion
  std::string callee;
  std::optional<std::vector<Axis>> rest;  // what `...` stands for
  std::vector<Axis> extra;                // the dimensions that it is mapped over
  std::string extra_of;                   // the input that has them
  DimNames extra_names;                   // of the static ones
  std::vector<bool> mapped;               // by input
  SpaceId space = types::kUniform;        // of results of a mapped call
  int64_t fixed = 0;                      // how many of `extra` are static
};

// `introduces`: an input, whose names are new.
bool match_input(BodyContext& ctx, const syntax::Parameter& parameter, size_t index, Value& value, Frame& callee,
                 Signature& signature, const At& at);
bool match_axis(BodyContext& ctx, const syntax::TypeExpr::DimItem& item, const Axis& axis, std::string& why,
                Frame& callee, bool introduces);
bool map_inputs(BodyContext& ctx, std::vector<Value>& values, Frame& callee, Signature& signature, const At& at);
Value map_result(BodyContext& ctx, Value result, const Signature& signature, const At& at);
bool check_type(BodyContext& ctx, const syntax::TypeExpr& type, const Value& value, Frame& frame,
                const Signature* signature, const diag::Kind& kind, const At& at);
Value check_result(BodyContext& ctx, const std::optional<syntax::ResultType>& result, Value value, Frame& frame,
                   const Signature& signature, const At& at);
std::optional<Axis> dim_of(BodyContext& ctx, const syntax::TypeExpr::DimItem& item, Frame& frame);

}  // namespace mtl::elaborate
