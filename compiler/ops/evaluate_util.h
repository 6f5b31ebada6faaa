// What reference evaluations share: reading operands as if they were broadcast already, walking rows and axes. Plain
// loops, nothing clever: this is what everything faster is compared with.
#pragma once
#include <span>
#include <vector>

#include "compiler/ops/attrs.h"
#include "compiler/ops/op.h"
#include "compiler/program/kernel.h"

namespace mtl::ops {

program::Shape constant_shape(const Type& type);  // its static dims
int64_t element_count(const Type& type);
inline int64_t row_count(const EvaluateContext& context, SpaceId space) {
  return context.host_spaces[space].rows;
}
// The row of `ancestor` that row `row` of `space` belongs to.
int64_t ancestor_row(const EvaluateContext& context, SpaceId space, int64_t row, SpaceId ancestor);
// First row and past-the-last row of segment `parent_row` in `space`.
std::pair<int64_t, int64_t> segment(const EvaluateContext& context, SpaceId space, int64_t parent_row);
// Of a segment of a space of pairs: the rows that it copies for row `above` of its parent.
int64_t copied_length(const Spaces& spaces, std::span<const HostSpace> hosts, SpaceId pairs, int64_t above);
// A length over the ragged dimensions below `parent` ("Q + C"), in its row `above`.
int64_t length_in(const Spaces& spaces, std::span<const HostSpace> hosts, SpaceId parent, const Dim& length,
                  int64_t above);
// The values of `x` repeated over the rows and dims of `type`.
std::vector<double> broadcast_values(const EvaluateContext& context, const HostTensor& x, const Type& type);
inline std::vector<double> broadcast_operand(const EvaluateContext& context, size_t i) {
  return broadcast_values(context, *context.operands[i], context.results[0]->type);
}

// A shape cut at one axis: index = (outer * length + i) * inner + rest.
struct AxisView {
  int64_t outer = 1, length = 1, inner = 1;
};
// `rows` go into outer.
AxisView axis_view(const Type& type, int axis, int64_t rows);

// fn(x) for every element, and fn(x, y) for every pair of a broadcast.
template <auto fn>
void evaluate_unary(EvaluateContext& context) {
  const std::vector<double>& x = context.operands[0]->values;
  std::vector<double>& y = context.results[0]->values;
  for (size_t i = 0; i < y.size(); ++i) y[i] = fn(x[i]);
}
template <auto fn>
void evaluate_binary(EvaluateContext& context) {
  const std::vector<double> a = broadcast_operand(context, 0), b = broadcast_operand(context, 1);
  std::vector<double>& y = context.results[0]->values;
  for (size_t i = 0; i < y.size(); ++i) y[i] = fn(a[i], b[i]);
}

void evaluate_nothing(EvaluateContext& context);  // leaves: the caller has filled the result
void evaluate_copy(EvaluateContext& context);     // aliases

}  // namespace mtl::ops
