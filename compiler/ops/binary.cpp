// Elementwise ops of two and three operands, with broadcasting: arithmetic, comparisons, logic, where.
//
// Arithmetic is on numbers (booleans count as 0 and 1) or on ids alone. What a comparison with NaN gives: false, but
// `ne` gives true.
#include "compiler/ops/binary.h"

#include <cmath>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {

namespace {
std::optional<ShapeError> check_same_kind(const InferContext& c, int a, int b) {
  if (is_number(c.operands[a].dtype) == is_number(c.operands[b].dtype)) return std::nullopt;
  return disagreement(c, a, b, "ids and numbers do not mix");
}
}  // namespace

InferResult infer_arithmetic(const InferContext& c) {
  if (auto error = check_same_kind(c, 0, 1)) return *error;
  Result<Type, ShapeError> type = broadcast_types(c);
  if (!type) return type.error();
  if (is_number(type->dtype)) type->dtype = DType::f32;
  return Types{*type};
}

std::vector<Sample> samples_arithmetic(const Spaces& spaces, Domain domain) {
  const SampleSpaces id = sample_ids(spaces);
  const std::vector<Domain> domains = {domain, domain};
  return {
      {{f32(id.t, {3}), f32(id.t, {3})}, {}, domains},                   // alike
      {{f32(id.t, {3}), f32(types::kUniform, {3})}, {}, domains},        // a parameter on the right
      {{f32(types::kUniform), f32(id.s, {2})}, {}, domains},             // a scalar on the left
      {{f32(id.s, {2}), f32(id.c, {2})}, {}, domains},                   // rows of a grandparent
      {{f32(id.t, {2, 1}), f32(types::kUniform, {1, 3})}, {}, domains},  // both repeat
      {{f32(id.t, {3, 2}), f32(id.s, {2})}, {}, domains},                // missing dims and rows
      {{f32(types::kUniform, {3}), f32(types::kUniform, {2, 3})}, {}, domains},
  };
}

namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

InferResult infer_comparison(const InferContext& c) {
  InferResult result = infer_arithmetic(c);
  if (result) result->front().dtype = DType::boolean;
  return result;
}

InferResult infer_logic(const InferContext& c) {
  for (int i = 0; i < 2; ++i) {
    if (c.operands[i].dtype != DType::boolean) {
      return shape_error(i, source_text(c.operands[i], c.spaces) + " is no truth value", "compare it: `x > 0`");
    }
  }
  Result<Type, ShapeError> type = broadcast_types(c);
  if (!type) return type.error();
  return Types{*type};
}

InferResult infer_where(const InferContext& c) {
  if (c.operands[0].dtype != DType::boolean) {
    return shape_error(0, source_text(c.operands[0], c.spaces) + " is no truth value", "compare it: `x > 0`");
  }
  if (auto error = check_same_kind(c, 1, 2)) return *error;
  Result<Type, ShapeError> type = broadcast_types(c);
  if (!type) return type.error();
  const bool both_truth = c.operands[1].dtype == DType::boolean && c.operands[2].dtype == DType::boolean;
  type->dtype = c.operands[1].dtype == DType::i32 ? DType::i32 : both_truth ? DType::boolean : DType::f32;
  return Types{*type};
}

void evaluate_where(EvaluateContext& c) {
  const std::vector<double> condition = broadcast_operand(c, 0), a = broadcast_operand(c, 1),
                            b = broadcast_operand(c, 2);
  for (size_t i = 0; i < condition.size(); ++i) c.results[0]->values[i] = condition[i] != 0 ? a[i] : b[i];
}

template <Kind kind>
std::vector<Sample> samples_number(const Spaces& spaces) {
  return samples_arithmetic(spaces, {kind});
}

std::vector<Sample> samples_comparison(const Spaces& spaces) {
  std::vector<Sample> samples = samples_arithmetic(spaces, {Kind::normal});
  const SampleSpaces id = sample_ids(spaces);
  samples.push_back({{i32(id.t), i32(types::kUniform)}, {}, {ids_below(2), ids_below(2)}});
  samples.push_back({{i32(id.t, {2}), i32(id.s)}, {}, {ids_below(2), ids_below(2)}});
  return samples;
}

std::vector<Sample> samples_logic(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{boolean(id.t), boolean(id.s)}, {}, {}}, {{boolean(id.s, {3}), boolean(types::kUniform, {3})}, {}, {}}};
}

std::vector<Sample> samples_where(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{boolean(id.t), f32(id.t), f32(types::kUniform)}, {}, {}},
          {{boolean(id.t), f32(id.s, {3}), f32(id.t, {3})}, {}, {}},
          {{boolean(id.s, {2}), f32(types::kUniform, {3, 1}), f32(id.s, {3, 2})}, {}, {}},
          {{boolean(id.t), i32(id.t), i32(types::kUniform)}, {}, {}}};
}

OpDef arithmetic(const char* name, const char* doc, EvaluateFn evaluate, GradientFn backward,
                 void (*lower)(RowBuilder&), SamplesFn samples = samples_number<Kind::normal>) {
  return {name, doc, 2, 1, infer_arithmetic, gradient(backward), evaluate, lower_row(lower), samples};
}
OpDef comparison(const char* name, const char* doc, EvaluateFn evaluate, void (*lower)(RowBuilder&)) {
  return {name,
          doc,
          2,
          1,
          infer_comparison,
          no_gradient("truth values have no derivative"),
          evaluate,
          lower_row(lower),
          samples_comparison};
}
OpDef logic(const char* name, const char* doc, EvaluateFn evaluate, void (*lower)(RowBuilder&)) {
  return {
      name,         doc, 2, 1, infer_logic, no_gradient("truth values have no derivative"), evaluate, lower_row(lower),
      samples_logic};
}

// y = a^b: da = dy b a^(b - 1); db = dy y log a, and 0 where a <= 0, where the power is defined for whole b only.
void pow_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value x = g.operand(0), e = g.operand(1);
  if (g.wants(0)) {
    g.accumulate(0, b.mul(g.adjoint(), b.mul(e, b.must("pow", {x, b.sub(e, b.constant(1))}))));
  }
  if (g.wants(1)) {
    const Value is_positive = b.must("gt", {x, b.constant(0)});
    const Value log = b.must("log", {b.where(is_positive, x, b.constant(1))});
    g.accumulate(1, b.mul(g.adjoint(), b.mul(g.result(), log)));
  }
}

// The adjoint goes to the branch that was taken, by `where` itself, so that no NaN of the other can come through.
void where_gradient(Context& g) {
  ir::Builder& b = g.build();
  if (g.wants(1)) g.accumulate(1, b.where(g.operand(0), g.adjoint(), b.constant(0)));
  if (g.wants(2)) g.accumulate(2, b.where(g.operand(0), b.constant(0), g.adjoint()));
}

}  // namespace

const OpDef op_add = arithmetic(
    "add", "a + b.", evaluate_binary<[](double a, double b) { return a + b; }>,
    [](Context& g) {  // da = db = dy
      if (g.wants(0)) g.accumulate(0, g.adjoint());
      if (g.wants(1)) g.accumulate(1, g.adjoint());
    },
    lower_binary<Fn::add>);
const OpDef op_sub = arithmetic(
    "sub", "a - b.", evaluate_binary<[](double a, double b) { return a - b; }>,
    [](Context& g) {  // da = dy, db = -dy
      if (g.wants(0)) g.accumulate(0, g.adjoint());
      if (g.wants(1)) g.accumulate(1, g.build().neg(g.adjoint()));
    },
    lower_binary<Fn::sub>);
const OpDef op_mul = arithmetic(
    "mul", "a b.", evaluate_binary<[](double a, double b) { return a * b; }>,
    [](Context& g) {  // da = dy b, db = dy a
      if (g.wants(0)) g.accumulate(0, g.build().mul(g.adjoint(), g.operand(1)));
      if (g.wants(1)) g.accumulate(1, g.build().mul(g.adjoint(), g.operand(0)));
    },
    lower_binary<Fn::mul>);
const OpDef op_div = arithmetic(
    "div", "a / b.", evaluate_binary<[](double a, double b) { return a / b; }>,
    [](Context& g) {  // da = dy / b, db = -dy y / b
      ir::Builder& b = g.build();
      if (g.wants(0)) g.accumulate(0, b.div(g.adjoint(), g.operand(1)));
      if (g.wants(1)) g.accumulate(1, b.neg(b.div(b.mul(g.adjoint(), g.result()), g.operand(1))));
    },
    lower_binary<Fn::div>, samples_number<Kind::positive>);
const OpDef op_pow =
    arithmetic("pow", "a to the b.", evaluate_binary<[](double a, double b) { return std::pow(a, b); }>, pow_gradient,
               lower_binary<Fn::pow>, samples_number<Kind::positive>);

const OpDef op_eq = comparison("eq", "a = b.", evaluate_binary<[](double a, double b) { return a == b ? 1.0 : 0.0; }>,
                               lower_binary<Fn::eq>);
const OpDef op_ne =
    comparison("ne", "a is not b; true where one is NaN.",
               evaluate_binary<[](double a, double b) { return a != b ? 1.0 : 0.0; }>, lower_binary<Fn::ne>);
const OpDef op_lt = comparison("lt", "a < b.", evaluate_binary<[](double a, double b) { return a < b ? 1.0 : 0.0; }>,
                               lower_binary<Fn::lt>);
const OpDef op_le = comparison("le", "a <= b.", evaluate_binary<[](double a, double b) { return a <= b ? 1.0 : 0.0; }>,
                               lower_binary<Fn::le>);
const OpDef op_gt = comparison("gt", "a > b.", evaluate_binary<[](double a, double b) { return (a > b) ? 1.0 : 0.0; }>,
                               lower_binary<Fn::gt>);
const OpDef op_ge = comparison("ge", "a >= b.", evaluate_binary<[](double a, double b) { return a >= b ? 1.0 : 0.0; }>,
                               lower_binary<Fn::ge>);
const OpDef op_and = logic("and", "Whether both are true.",
                           evaluate_binary<[](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }>,
                           lower_binary<Fn::logical_and>);
const OpDef op_or = logic("or", "Whether one is true.",
                          evaluate_binary<[](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }>,
                          lower_binary<Fn::logical_or>);

const OpDef op_where = {
    "where",
    "a where the condition holds, else b. (condition, a, b)",
    3,
    1,
    infer_where,
    gradient(where_gradient),
    evaluate_where,
    lower_row([](RowBuilder& b) { b.result(0, b.select(b.operand(0), b.operand(1), b.operand(2))); }),
    samples_where};

}  // namespace mtl::ops
