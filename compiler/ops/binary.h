// The two-operand shape rule and samples, shared with the reductions that go by the same names (min, max).
#pragma once
#include "compiler/ops/op.h"

namespace mtl::ops {

InferResult infer_arithmetic(const InferContext& context);
std::vector<Sample> samples_arithmetic(const Spaces& spaces, Domain domain);

}  // namespace mtl::ops
