// Leaves of the graph: what comes from outside (columns of the batch, parameters, scalars of the step), constants, and
// what the row spaces themselves know (positions and lengths).
#include <algorithm>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

constexpr const char* kLeaf = "a leaf has no operands";

DType dtype_attr(const Attrs& attrs) {
  const std::string& name = attr_text(attrs, "dtype");
  for (const DType dtype : {DType::f32, DType::i32, DType::boolean}) {
    if (types::dtype_name(dtype) == name) return dtype;
  }
  MTL_CHECK(false, "unknown dtype `" + name + "`");
}

InferResult infer_input(const InferContext& c) {
  return Types{{dtype_attr(c.attrs), attr_space(c.attrs, "space"), attr_dims(c.attrs, "dims")}};
}
InferResult infer_param(const InferContext& c) {
  return Types{f32(types::kUniform, attr_dims(c.attrs, "dims"))};
}
InferResult infer_scalar(const InferContext&) {
  return Types{f32(types::kUniform)};
}
InferResult infer_id(const InferContext&) {
  return Types{i32(types::kUniform)};
}
InferResult infer_position(const InferContext& c) {
  return Types{i32(attr_space(c.attrs, "space"))};
}
InferResult infer_length(const InferContext& c) {
  return Types{f32(c.spaces[attr_space(c.attrs, "space")].parent)};
}

void evaluate_scalar(EvaluateContext& c) {
  const auto at = c.scalars.find(attr_text(c.attrs, "name"));
  MTL_CHECK(at != c.scalars.end(), "a scalar of the step is missing");
  c.results[0]->values = {at->second};
}
void evaluate_constant(EvaluateContext& c) {
  std::vector<double>& values = c.results[0]->values;
  std::fill(values.begin(), values.end(), attr_number(c.attrs, "value"));
}
void evaluate_iota(EvaluateContext& c) {
  const Type& type = c.results[0]->type;
  const AxisView view = axis_view(type, axis_of(c.attrs, type.rank(), 0), 1);
  for (int64_t i = 0; i < view.outer * view.length * view.inner; ++i) {
    c.results[0]->values[i] = static_cast<double>(i / view.inner % view.length);
  }
}
void evaluate_position(EvaluateContext& c) {
  const HostSpace& host = c.host_spaces[attr_space(c.attrs, "space")];
  c.results[0]->values.assign(host.position.begin(), host.position.end());
}
void evaluate_length(EvaluateContext& c) {
  const SpaceId space = attr_space(c.attrs, "space");
  for (size_t row = 0; row < c.results[0]->values.size(); ++row) {
    const auto [begin, end] = segment(c, space, static_cast<int64_t>(row));
    c.results[0]->values[row] = static_cast<double>(end - begin);
  }
}

void lower_full(RowBuilder& b) {
  b.result(0, broadcast_row(b, b.constant(attr_number(b.node().attrs, "value")), result_shape(b)));
}
void lower_constant_i32(RowBuilder& b) {
  b.result(0, b.apply(Fn::to_i32, {b.constant(attr_number(b.node().attrs, "value"))}));
}
void lower_iota(RowBuilder& b) {
  const Shape shape = result_shape(b);
  const int axis = axis_of(b.node().attrs, static_cast<int>(shape.size()), 0);
  b.result(0, b.apply(Fn::to_f32, {b.index(shape, axis)}));
}
void lower_length(RowBuilder& b) {
  b.result(0, b.apply(Fn::to_f32, {b.length(attr_space(b.node().attrs, "space"))}));
}

std::vector<Sample> sample_input(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto input = [](const char* name, const char* dtype, SpaceId space, std::vector<Dim> dims) {
    return Sample{{}, {{"name", name}, {"dtype", dtype}, {"space", ir::SpaceRef{space}}, {"dims", dims}}};
  };
  return {input("s.words", "i32", id.t, {}), input("s.numbers", "f32", id.s, {3}), input("s.flag", "bool", id.s, {})};
}
std::vector<Sample> sample_param(const Spaces&) {
  return {{{}, {{"path", "encoder.weight"}, {"dims", std::vector<Dim>{2, 3}}}},
          {{}, {{"path", "scale"}, {"dims", std::vector<Dim>{}}}}};
}
std::vector<Sample> sample_scalar(const Spaces&) {
  return {{{}, {{"name", "progress"}}}};
}
std::vector<Sample> sample_constant(const Spaces&) {
  return {{{}, {{"value", 0.1}}}, {{}, {{"value", -2.0}}}};
}
std::vector<Sample> sample_constant_i32(const Spaces&) {
  return {{{}, {{"value", int64_t{-1}}}}};
}
std::vector<Sample> sample_full(const Spaces&) {
  return {{{}, {{"value", 1.5}, {"dims", std::vector<Dim>{2, 3}}}}};
}
std::vector<Sample> sample_iota(const Spaces&) {
  return {{{}, {{"dims", std::vector<Dim>{4}}}},
          {{}, {{"dims", std::vector<Dim>{2, 3}}, {"axis", int64_t{0}}}},
          {{}, {{"dims", std::vector<Dim>{2, 3}}, {"axis", int64_t{-1}}}}};
}
std::vector<Sample> sample_space(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{}, {{"space", ir::SpaceRef{id.s}}}},
          {{}, {{"space", ir::SpaceRef{id.t}}}},
          {{}, {{"space", ir::SpaceRef{id.c}}}}};
}

}  // namespace

const OpDef op_input = {"input",
                        "A column of the batch. {name, dtype = \"f32\" | \"i32\" | \"bool\", space, dims}",
                        0,
                        1,
                        infer_input,
                        no_gradient(kLeaf),
                        evaluate_nothing,
                        lower_leaf(),
                        sample_input};
const OpDef op_param = {"param",
                        "A trained parameter, uniform. {path, dims}",
                        0,
                        1,
                        infer_param,
                        no_gradient(kLeaf),
                        evaluate_nothing,
                        lower_leaf(),
                        sample_param};
const OpDef op_state = {"state",
                        "A uniform value that is kept from step to step and not trained. {path, dims}",
                        0,
                        1,
                        infer_param,
                        no_gradient(kLeaf),
                        evaluate_nothing,
                        lower_leaf(),
                        sample_param};
const OpDef op_scalar = {"scalar",
                         "A number of the step, such as `progress`. {name}",
                         0,
                         1,
                         infer_scalar,
                         no_gradient(kLeaf),
                         evaluate_scalar,
                         lower_row([](RowBuilder& b) { b.result(0, b.scalar(attr_text(b.node().attrs, "name"))); }),
                         sample_scalar};
const OpDef op_constant = {
    "constant",
    "A uniform f32 scalar. {value}",
    0,
    1,
    infer_scalar,
    no_gradient(kLeaf),
    evaluate_constant,
    lower_row([](RowBuilder& b) { b.result(0, b.constant(attr_number(b.node().attrs, "value"))); }),
    sample_constant};
const OpDef op_constant_i32 = {"constant_i32",
                               "A uniform i32 scalar. {value}",
                               0,
                               1,
                               infer_id,
                               no_gradient(kLeaf),
                               evaluate_constant,
                               lower_row(lower_constant_i32),
                               sample_constant_i32};
const OpDef op_full = {"full",
                       "A uniform f32 tensor of one value. {value, dims}",
                       0,
                       1,
                       infer_param,
                       no_gradient(kLeaf),
                       evaluate_constant,
                       lower_row(lower_full),
                       sample_full};
const OpDef op_iota = {"iota",
                       "The coordinate along `axis` (default 0) of a uniform f32 tensor. {dims, axis}",
                       0,
                       1,
                       infer_param,
                       no_gradient(kLeaf),
                       evaluate_iota,
                       lower_row(lower_iota),
                       sample_iota};
const OpDef op_position = {"position",
                           "The place of each row in its segment, i32. {space}",
                           0,
                           1,
                           infer_position,
                           no_gradient(kLeaf),
                           evaluate_position,
                           lower_row([](RowBuilder& b) { b.result(0, b.position()); }),
                           sample_space};
const OpDef op_length = {"length",
                         "The rows of each segment of `space`, f32 over its parent. {space}",
                         0,
                         1,
                         infer_length,
                         no_gradient(kLeaf),
                         evaluate_length,
                         lower_row(lower_length),
                         sample_space};

}  // namespace mtl::ops
