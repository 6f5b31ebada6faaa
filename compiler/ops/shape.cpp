// Static dims moved, cut and joined: reshape, transpose, broadcast, slice, pad, concat, stack; and map_in, map_out,
// which move leading dims into the row space and back.
#include <algorithm>
#include <numeric>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"
#include "support/base/text.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

// ---- shape rules ----
InferResult infer_reshape(const InferContext& c) {
  Type type = c.operands[0];
  const std::vector<Dim>& dims = attr_dims(c.attrs, "dims");
  if (!can_equal(type.elements(), product(dims))) {
    return shape_error(0, source_text(type, c.spaces) + " has " + type.elements().text() +
                              " elements for each row, not " + product(dims).text());
  }
  type.dims = dims;
  return Types{type};
}

// Attribute `perm`; without it the last two dims change places.
std::vector<int> permutation(const Attrs& attrs, int rank) {
  std::vector<int> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  if (const auto* listed = find_attr<std::vector<Dim>>(attrs, "perm")) {
    MTL_CHECK(listed->size() == perm.size(), "permutation of another rank");
    for (int i = 0; i < rank; ++i) perm[i] = static_cast<int>((*listed)[i].value());
  } else if (rank >= 2) {
    std::swap(perm[rank - 1], perm[rank - 2]);
  }
  return perm;
}

InferResult infer_transpose(const InferContext& c) {
  Type type = c.operands[0];
  const auto* listed = find_attr<std::vector<Dim>>(c.attrs, "perm");
  if (!listed && type.rank() < 2) {
    return shape_error(0, source_text(type, c.spaces) + " has no two fixed dimensions that could change places");
  }
  if (listed) {
    std::vector<Dim> sorted = *listed;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (sorted.size() != type.dims.size() || sorted[i] != Dim(static_cast<int64_t>(i))) {
        return shape_error(0, "the order has to name each of the " + count_of(type.dims.size(), "dimension") + " of " +
                                  source_text(type, c.spaces) + " once");
      }
    }
  }
  const std::vector<int> perm = permutation(c.attrs, type.rank());
  std::vector<Dim> dims;
  for (const int axis : perm) dims.push_back(type.dims[axis]);
  type.dims = dims;
  return Types{type};
}

InferResult infer_broadcast(const InferContext& c) {
  Type type = c.operands[0];
  const std::vector<Dim>& dims = attr_dims(c.attrs, "dims");
  if (dims.size() < type.dims.size()) return shape_error(0, "broadcasting cannot drop dimensions");
  for (size_t i = 0; i < type.dims.size(); ++i) {
    const Dim& have = type.dims[i];
    const Dim& want = dims[dims.size() - type.dims.size() + i];
    if (have != Dim(1) && !can_equal(have, want)) {
      return shape_error(0, source_text(type, c.spaces) + " cannot be repeated: " + not_equal(have, want));
    }
  }
  type.dims = dims;
  return Types{type};
}

InferResult infer_slice(const InferContext& c) {
  Type type = c.operands[0];
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, type.rank());
  if (!axis) return axis.error();
  Dim& size = type.dims[*axis];
  const Dim start = attr_dim(c.attrs, "start", 0), stop = attr_dim(c.attrs, "stop", size);
  const auto is_negative = [](const Dim& dim) { return dim.constant().value_or(0) < 0; };
  if (is_negative(start) || is_negative(stop - start) || is_negative(size - stop)) {
    return shape_error(0, "there is no " + start.text() + ".." + stop.text() + " in a dimension of " + size.text());
  }
  size = stop - start;
  return Types{type};
}

InferResult infer_pad(const InferContext& c) {
  Type type = c.operands[0];
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, type.rank());
  if (!axis) return axis.error();
  type.dims[*axis] = type.dims[*axis] + attr_dim(c.attrs, "before", 0) + attr_dim(c.attrs, "after", 0);
  return Types{type};
}

// Operands of concat and stack: one dtype, one rank, all dims alike but `free_axis` (-1: none).
Result<Type, ShapeError> infer_alike(const InferContext& c, int free_axis) {
  if (c.operands.empty()) return shape_error(-1, "there is nothing to join");
  Result<SpaceId, ShapeError> space = join_spaces(c);
  if (!space) return space.error();
  Type type = c.operands[0];
  type.space = *space;
  for (int i = 1; i < static_cast<int>(c.operands.size()); ++i) {
    const Type& other = c.operands[i];
    if (is_number(other.dtype) != is_number(type.dtype)) return disagreement(c, 0, i, "ids and numbers do not mix");
    if (other.dtype != type.dtype) type.dtype = DType::f32;
    if (other.rank() != type.rank()) {
      return disagreement(c, 0, i, count_of(type.rank(), "dimension") + " against " + std::to_string(other.rank()));
    }
    for (int d = 0; d < type.rank(); ++d) {
      if (d == free_axis) continue;
      if (!can_equal(type.dims[d], other.dims[d])) return disagreement(c, 0, i, not_equal(type.dims[d], other.dims[d]));
      type.dims[d] = known(type.dims[d], other.dims[d]);
    }
  }
  return type;
}

InferResult infer_concat(const InferContext& c) {
  if (c.operands.empty()) return shape_error(-1, "there is nothing to join");
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, c.operands[0].rank());
  if (!axis) return axis.error();
  Result<Type, ShapeError> type = infer_alike(c, *axis);
  if (!type) return type.error();
  Dim size = 0;
  for (const Type& operand : c.operands) size = size + operand.dims[*axis];
  type->dims[*axis] = size;
  return Types{*type};
}

InferResult infer_stack(const InferContext& c) {
  Result<Type, ShapeError> type = infer_alike(c, -1);
  if (!type) return type.error();
  Result<int, ShapeError> axis = resolve_axis_attr(c.attrs, type->rank() + 1, 0);
  if (!axis) return axis.error();
  type->dims.insert(type->dims.begin() + *axis, static_cast<int64_t>(c.operands.size()));
  return Types{*type};
}

InferResult infer_map_in(const InferContext& c) {
  Type type = c.operands[0];
  const int64_t count = attr_int(c.attrs, "count", 1);
  if (count < 0 || count > type.rank())
    return shape_error(0, "there are no " + count_of(count, "dimension") + " to map");
  for (int64_t i = 0; i < count; ++i) type.space = c.spaces.add_fixed(type.space, type.dims[i]);
  type.dims.erase(type.dims.begin(), type.dims.begin() + count);
  return Types{type};
}

InferResult infer_map_out(const InferContext& c) {
  Type type = c.operands[0];
  for (int64_t i = attr_int(c.attrs, "count", 1); i > 0; --i) {
    const types::Space& space = c.spaces[type.space];
    if (!space.fixed) return shape_error(0, "`" + space.name + "` has no mapped dimension to give back");
    type.dims.insert(type.dims.begin(), *space.fixed);
    type.space = space.parent;
  }
  return Types{type};
}

// ---- reference ----
void evaluate_transpose(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const Shape from = constant_shape(x.type), to = constant_shape(c.results[0]->type);
  const std::vector<int> perm = permutation(c.attrs, x.type.rank());
  const std::vector<int64_t> from_strides = dense_strides(from), to_strides = dense_strides(to);
  const int64_t elements = shape_elements(to);
  for (size_t i = 0; i < x.values.size(); ++i) {
    const int64_t e = static_cast<int64_t>(i) % elements;
    int64_t source = static_cast<int64_t>(i) - e;
    for (size_t d = 0; d < to.size(); ++d) source += e / to_strides[d] % to[d] * from_strides[perm[d]];
    c.results[0]->values[i] = x.values[source];
  }
}

void evaluate_broadcast(EvaluateContext& c) {
  c.results[0]->values = broadcast_operand(c, 0);
}

// Copies x, whose length along `axis` may be another, so that its element `from` lands on `to` of the result.
void copy_range(EvaluateContext& c, const Type& type, const std::vector<double>& x, int axis, int64_t from, int64_t to,
                int64_t count) {
  const int64_t rows = row_count(c, type.space);
  const AxisView a = axis_view(type, axis, rows), b = axis_view(c.results[0]->type, axis, rows);
  for (int64_t outer = 0; outer < a.outer; ++outer) {
    for (int64_t i = 0; i < count * a.inner; ++i) {
      c.results[0]->values[(outer * b.length + to) * b.inner + i] = x[(outer * a.length + from) * a.inner + i];
    }
  }
}

void evaluate_slice(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int axis = axis_of(c.attrs, x.type.rank());
  const int64_t start = attr_dim(c.attrs, "start", 0).value();
  copy_range(c, x.type, x.values, axis, start, 0, c.results[0]->type.dims[axis].value());
}
void evaluate_pad(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int axis = axis_of(c.attrs, x.type.rank());
  std::fill(c.results[0]->values.begin(), c.results[0]->values.end(), 0);
  copy_range(c, x.type, x.values, axis, 0, attr_dim(c.attrs, "before", 0).value(), x.type.dims[axis].value());
}
void join_values(EvaluateContext& c, int axis, bool is_stack) {
  int64_t at = 0;
  for (const HostTensor* x : c.operands) {
    Type type = x->type;
    type.space = c.results[0]->type.space;
    std::vector<double> values = broadcast_values(c, *x, type);
    if (is_stack) type.dims.insert(type.dims.begin() + axis, 1);
    const int64_t size = type.dims[axis].value();
    copy_range(c, type, values, axis, 0, at, size);
    at += size;
  }
}
void evaluate_concat(EvaluateContext& c) {
  join_values(c, axis_of(c.attrs, c.results[0]->type.rank()), false);
}
void evaluate_stack(EvaluateContext& c) {
  join_values(c, axis_of(c.attrs, c.results[0]->type.rank(), 0), true);
}

// ---- gradients ----
void transpose_gradient(Context& g) {  // the inverse permutation
  const std::vector<int> perm = permutation(g.node().attrs, g.node().types[0].rank());
  std::vector<Dim> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<int64_t>(i);
  g.accumulate(0, g.build().must("transpose", {g.adjoint()}, {{"perm", inverse}}));
}
void slice_gradient(Context& g) {  // zeros around
  const Type from = g.build().type(g.operand(0));
  const int axis = axis_of(g.node().attrs, from.rank());
  const Dim start = attr_dim(g.node().attrs, "start", 0), size = g.node().types[0].dims[axis];
  g.accumulate(0, g.build().must("pad", {g.adjoint()},
                                 {{"axis", int64_t{axis}},
                                  {"before", std::vector<Dim>{start}},
                                  {"after", std::vector<Dim>{from.dims[axis] - start - size}}}));
}
Value slice_of(Context& g, Value x, int axis, const Dim& start, const Dim& size) {
  return g.build().must(
      "slice", {x},
      {{"axis", int64_t{axis}}, {"start", std::vector<Dim>{start}}, {"stop", std::vector<Dim>{start + size}}});
}
void pad_gradient(Context& g) {  // what was not padding
  const Type from = g.build().type(g.operand(0));
  const int axis = axis_of(g.node().attrs, from.rank());
  g.accumulate(0, slice_of(g, g.adjoint(), axis, attr_dim(g.node().attrs, "before", 0), from.dims[axis]));
}
void concat_gradient(Context& g) {  // each operand's part
  const int axis = axis_of(g.node().attrs, g.node().types[0].rank());
  Dim at = 0;
  for (size_t i = 0; i < g.node().operands.size(); ++i) {
    const Dim size = g.build().type(g.operand(i)).dims[axis];
    if (g.wants(i)) g.accumulate(i, slice_of(g, g.adjoint(), axis, at, size));
    at = at + size;
  }
}
void stack_gradient(Context& g) {
  const int axis = axis_of(g.node().attrs, g.node().types[0].rank(), 0);
  for (size_t i = 0; i < g.node().operands.size(); ++i) {
    if (!g.wants(i)) continue;
    const Value part = slice_of(g, g.adjoint(), axis, static_cast<int64_t>(i), 1);
    g.accumulate(i, g.build().reshape(part, g.build().type(g.operand(i)).dims));
  }
}

// ---- lowering ----
void lower_transpose(RowBuilder& b) {
  const Shape shape = result_shape(b);
  const std::vector<int64_t> from = dense_strides(constant_shape(b.operand_type(0)));
  std::vector<int64_t> strides;
  for (const int axis : permutation(b.node().attrs, static_cast<int>(shape.size()))) strides.push_back(from[axis]);
  b.result(0, b.view(b.operand(0), shape, strides, 0));
}
void lower_slice(RowBuilder& b) {
  const Shape shape = result_shape(b);
  const std::vector<int64_t> strides = dense_strides(constant_shape(b.operand_type(0)));
  const int axis = axis_of(b.node().attrs, static_cast<int>(shape.size()));
  b.result(0, b.view(b.operand(0), shape, strides, attr_dim(b.node().attrs, "start", 0).value() * strides[axis]));
}
void lower_pad(RowBuilder& b) {
  const Shape shape = result_shape(b);
  const std::vector<int64_t> strides = dense_strides(shape);
  const Type type = b.operand_type(0);
  const int axis = axis_of(b.node().attrs, type.rank());
  const int64_t before = attr_dim(b.node().attrs, "before", 0).value(), size = type.dims[axis].value();
  const auto zeros = [&](int64_t begin, int64_t end) {
    if (begin == end) return;
    Shape strip = shape;
    strip[axis] = end - begin;
    b.result_part(0, broadcast_row(b, b.constant(0), strip), begin * strides[axis], strides);
  };
  zeros(0, before);
  if (size > 0) b.result_part(0, b.operand(0), before * strides[axis], strides);
  zeros(before + size, shape[axis]);
}
void lower_joined(RowBuilder& b, int axis, bool is_stack) {
  const std::vector<int64_t> strides = dense_strides(result_shape(b));
  int64_t at = 0;
  for (size_t i = 0; i < b.node().operands.size(); ++i) {
    RowValue x = b.operand(i);
    Shape shape = constant_shape(b.operand_type(i));
    if (is_stack) {
      shape.insert(shape.begin() + axis, 1);
      x = b.reshape(x, shape);
    }
    if (shape_elements(shape) > 0) b.result_part(0, x, at * strides[axis], strides);
    at += shape[axis];
  }
}

// ---- samples ----
std::vector<Sample> samples_reshape(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {6})}, {{"dims", std::vector<Dim>{2, 3}}}, {}},
          {{f32(types::kUniform, {2, 2})}, {{"dims", std::vector<Dim>{4}}}, {}},
          {{f32(id.s)}, {{"dims", std::vector<Dim>{1}}}, {}}};
}
std::vector<Sample> samples_transpose(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(types::kUniform, {2, 3})}, {}, {}},
          {{f32(id.t, {2, 3, 2})}, {{"perm", std::vector<Dim>{2, 0, 1}}}, {}},
          {{i32(id.s, {2, 3})}, {}, {}}};
}
std::vector<Sample> samples_broadcast(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t)}, {{"dims", std::vector<Dim>{3}}}, {}},
          {{f32(types::kUniform, {2, 1})}, {{"dims", std::vector<Dim>{2, 2, 3}}}, {}}};
}
std::vector<Sample> samples_slice(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {5})}, {{"start", int64_t{1}}, {"stop", int64_t{3}}}, {}},
          {{f32(id.s, {3, 2})}, {{"axis", int64_t{0}}, {"start", int64_t{1}}}, {}},
          {{i32(types::kUniform, {4})}, {{"start", int64_t{3}}, {"stop", int64_t{4}}}, {}}};
}
std::vector<Sample> samples_pad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3})}, {{"before", int64_t{1}}, {"after", int64_t{2}}}, {}},
          {{f32(id.s, {2, 2})}, {{"axis", int64_t{0}}, {"after", int64_t{1}}}, {}}};
}
std::vector<Sample> samples_concat(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {2}), f32(id.t, {3})}, {}, {}},
          {{f32(id.t, {2}), f32(id.s, {1}), f32(types::kUniform, {2})}, {}, {}},
          {{f32(id.s, {2, 2}), f32(id.s, {1, 2})}, {{"axis", int64_t{0}}}, {}}};
}
std::vector<Sample> samples_stack(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t), f32(id.t), f32(id.s)}, {}, {}},
          {{f32(id.s, {2}), f32(id.s, {2})}, {}, {}},
          {{f32(id.s, {3}), f32(types::kUniform, {3})}, {{"axis", int64_t{-1}}}, {}}};
}
std::vector<Sample> samples_map_in(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.s, {3, 2})}, {{"count", int64_t{1}}}, {}},
          {{f32(id.t, {2, 3})}, {{"count", int64_t{2}}}, {}},
          {{f32(types::kUniform, {3, 2})}, {{"count", int64_t{1}}}, {}}};
}
// Sample spaces have no fixed ones; map_out is tested as the gradient of map_in and in shape_test.cpp.
std::vector<Sample> samples_map_out(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.s, {3, 2})}, {{"count", int64_t{0}}}, {}}};
}

}  // namespace

const OpDef op_reshape = {
    "reshape",
    "Other static dims over the same elements. {dims}",
    1,
    1,
    infer_reshape,
    gradient([](Context& g) { g.accumulate(0, g.build().reshape(g.adjoint(), g.build().type(g.operand(0)).dims)); }),
    evaluate_copy,
    lower_alias(),
    samples_reshape};
const OpDef op_transpose = {"transpose",
                            "Static dims in another order (default: the last two change places). {perm}",
                            1,
                            1,
                            infer_transpose,
                            gradient(transpose_gradient),
                            evaluate_transpose,
                            lower_row(lower_transpose),
                            samples_transpose};
const OpDef op_broadcast = {
    "broadcast",
    "Repeats missing static dims and those that are 1. {dims}",
    1,
    1,
    infer_broadcast,
    gradient([](Context& g) { g.accumulate(0, g.adjoint()); }),
    evaluate_broadcast,
    lower_row([](RowBuilder& b) { b.result(0, broadcast_row(b, b.operand(0), result_shape(b))); }),
    samples_broadcast};
const OpDef op_slice = {"slice",
                        "Elements start..stop along `axis` (default the last). {axis, start, stop}",
                        1,
                        1,
                        infer_slice,
                        gradient(slice_gradient),
                        evaluate_slice,
                        lower_row(lower_slice),
                        samples_slice};
const OpDef op_pad = {"pad",
                      "Zeros before and after along `axis` (default the last). {axis, before, after}",
                      1,
                      1,
                      infer_pad,
                      gradient(pad_gradient),
                      evaluate_pad,
                      lower_row(lower_pad),
                      samples_pad};
const OpDef op_concat = {
    "concat",
    "The operands one after the other along `axis` (default the last). {axis}",
    -1,
    1,
    infer_concat,
    gradient(concat_gradient),
    evaluate_concat,
    lower_row([](RowBuilder& b) { lower_joined(b, axis_of(b.node().attrs, b.node().types[0].rank()), false); }),
    samples_concat};
const OpDef op_stack = {
    "stack",
    "The operands side by side in a new dim `axis` (default 0). {axis}",
    -1,
    1,
    infer_stack,
    gradient(stack_gradient),
    evaluate_stack,
    lower_row([](RowBuilder& b) { lower_joined(b, axis_of(b.node().attrs, b.node().types[0].rank(), 0), true); }),
    samples_stack};
const OpDef op_map_in = {"map_in",
                         "The first `count` static dims become rows. {count = 1}",
                         1,
                         1,
                         infer_map_in,
                         gradient([](Context& g) {
                           const int64_t count = attr_int(g.node().attrs, "count", 1);
                           g.accumulate(0, g.build().must("map_out", {g.adjoint()}, {{"count", count}}));
                         }),
                         evaluate_copy,
                         lower_alias(),
                         samples_map_in};
const OpDef op_map_out = {"map_out",
                          "`count` levels of fixed rows become static dims again. {count = 1}",
                          1,
                          1,
                          infer_map_out,
                          gradient([](Context& g) {
                            const int64_t count = attr_int(g.node().attrs, "count", 1);
                            g.accumulate(0, g.build().must("map_in", {g.adjoint()}, {{"count", count}}));
                          }),
                          evaluate_copy,
                          lower_alias(),
                          samples_map_out};

}  // namespace mtl::ops
