// What gradients of several rooms share.
#pragma once
#include "compiler/ops/op.h"

namespace mtl::ops {

// The gradient of a product over static dims or over the rows of segments: of the product of the others, where zeros
// are told apart. `sum` and `prod` reduce alike with `attrs`, into what broadcasts against x; p = product of what is
// not 0, z = how many are 0.
//   dx = dy p / x  where z = 0;  dy p  at the only zero;  0 elsewhere.
inline void accumulate_product(GradientContext& g, Value dy, const char* sum, const char* prod, const Attrs& attrs) {
  ir::Builder& b = g.build();
  const Value x = g.operand(0), zero = b.constant(0), one = b.constant(1);
  const Value is_zero = b.must("eq", {x, zero});
  const Value zeros = b.must(sum, {b.must("to_f32", {is_zero})}, attrs);
  const Value filled = b.where(is_zero, one, x);
  const Value rest = b.must(prod, {filled}, attrs);
  const Value if_zero = b.where(b.must("eq", {zeros, one}), rest, zero);
  const Value if_not = b.where(b.must("eq", {zeros, zero}), b.div(rest, filled), zero);
  g.accumulate(0, b.mul(dy, b.where(is_zero, if_zero, if_not)));
}

}  // namespace mtl::ops
