// Stacks as inputs: matched with a type, or mapped over their parts.
#include "compiler/elaborate/bodies/mapped_stacks.h"

#include "compiler/elaborate/bodies/signature.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

bool match_stack(BodyContext& ctx, const syntax::Parameter& parameter, const Value& value, Frame& callee,
                 Signature& signature, const At& at) {
  const std::vector<Axis> all = value_axes(ctx, value, at.frame);
  const auto& dims = parameter.type.dims;
  const bool open = !dims.empty() && dims.front().kind == syntax::TypeExpr::DimItem::Kind::rest;
  const size_t count = dims.size() - (open ? 1 : 0);
  std::string why;
  bool good = all.size() >= count && (parameter.type.name.text == "f32" || parameter.type.name.text == "bool");
  for (size_t i = 1; good && i <= count; ++i)
    good = match_axis(ctx, dims[dims.size() - i], all[all.size() - i], why, callee, true);
  const std::vector<Axis> front(all.begin(), all.end() - static_cast<std::ptrdiff_t>(good ? count : all.size()));
  if (good && open && signature.rest) good = *signature.rest == front;
  if (good && open) signature.rest = front;
  if (!good)
    ctx.report(at, diag::InputMismatch, parameter.name.text, signature.callee, type_text(ctx, parameter.type),
               value_text(ctx, value, at.frame) + (why.empty() ? "" : ": " + why));
  return good;
}

// Inputs that are stacks and have more dimensions than their type: the call runs on each of their parts.
std::vector<Value*> stacks_to_map(const BodyContext& ctx, const std::vector<syntax::Parameter>& inputs,
                                  std::vector<std::optional<Argument>>& bound, const Frame& frame) {
  std::vector<Value*> slots;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!bound[i] || !stack_in(bound[i]->value)) continue;
    const auto& dims = inputs[i].type.dims;
    const bool open = !dims.empty() && dims.front().kind == syntax::TypeExpr::DimItem::Kind::rest;
    if (!open && value_axes(ctx, bound[i]->value, frame).size() > dims.size()) slots.push_back(&bound[i]->value);
  }
  return slots;
}

}  // namespace mtl::elaborate
