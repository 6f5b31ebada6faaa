// Reads paths such as `task.f1` and `flags.f1["too dear"]`.
#include "compiler/sema/metric_path.h"

namespace mtl::sema {

using syntax::MemberExpr;

MetricPath metric_path(const syntax::Expr& expr) {
  const auto* member = std::get_if<MemberExpr>(&expr.node);
  const auto* index = std::get_if<syntax::IndexExpr>(&expr.node);
  if (index != nullptr && index->items.size() == 1 && index->items[0].value) {
    const syntax::Expr& at = *index->items[0].value;
    const auto* text = std::get_if<syntax::StringExpr>(&at.node);
    const auto* number = std::get_if<syntax::IntExpr>(&at.node);
    const bool plain = text != nullptr && text->parts.size() == 1 && !text->parts[0].is_name;
    if (plain || number != nullptr)
      return {std::get_if<MemberExpr>(&index->base->node), plain ? text->parts[0].text : std::to_string(number->value)};
  }
  const auto* metric = member ? std::get_if<MemberExpr>(&member->base->node) : nullptr;
  return metric ? MetricPath{metric, member->member.text} : MetricPath{member, ""};
}

}  // namespace mtl::sema
