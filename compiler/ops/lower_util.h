// Lowering shared by many ops: strides of dense rows, views, single instructions.
#pragma once
#include <vector>

#include "compiler/ops/evaluate_util.h"
#include "compiler/program/lower_op.h"

namespace mtl::ops {

using program::CallBuilder;
using program::Fn;
using program::Reduce;
using program::RowBuilder;
using program::RowValue;
using program::Shape;

inline std::vector<int64_t> dense_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}
inline int64_t shape_elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}
inline Shape result_shape(const RowBuilder& build, size_t i = 0) {
  return constant_shape(build.node().types[i]);
}

// x repeated to `shape` (right-aligned; missing dims and 1 are repeated).
inline RowValue broadcast_row(RowBuilder& build, RowValue x, const Shape& shape) {
  const Shape from = build.shape(x);
  if (from == shape) return x;
  const std::vector<int64_t> dense = dense_strides(from);
  std::vector<int64_t> strides(shape.size(), 0);
  const size_t extra = shape.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1) strides[extra + i] = dense[i];
  }
  return build.view(x, shape, strides, 0);
}

template <Fn fn>
void lower_unary(RowBuilder& build) {
  build.result(0, build.apply(fn, {build.operand(0)}));
}
template <Fn fn>
void lower_binary(RowBuilder& build) {
  build.result(0, build.apply(fn, {build.operand(0), build.operand(1)}));
}

}  // namespace mtl::ops
