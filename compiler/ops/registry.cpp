// The table of ops, from ops.def. A line without its OpDef does not link.
#include "compiler/ops/registry.h"

#include <algorithm>

namespace mtl::ops {

const std::vector<const OpDef*>& all_ops() {
  static const std::vector<const OpDef*> ops = {
#define MTL_OP(name) &op_##name,
#include "compiler/ops/ops.def"
#undef MTL_OP
  };
  return ops;
}

const OpDef* find_op(std::string_view name) {
  static const std::vector<const OpDef*> by_name = [] {
    std::vector<const OpDef*> sorted = all_ops();
    std::sort(sorted.begin(), sorted.end(),
              [](const OpDef* a, const OpDef* b) { return std::string_view(a->name) < b->name; });
    return sorted;
  }();
  const auto at = std::lower_bound(by_name.begin(), by_name.end(), name,
                                   [](const OpDef* op, std::string_view wanted) { return op->name < wanted; });
  return at != by_name.end() && (*at)->name == name ? *at : nullptr;
}

}  // namespace mtl::ops
