// Small facts about shapes and functions of loop kernels, shared by the interpreter and the back ends.
#include "compiler/program/program.h"

#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::program {

int64_t elements(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape out = longer;
  const size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& d = out[lead + i];
    MTL_CHECK(d == shorter[i] || d == 1 || shorter[i] == 1, "row shapes that do not broadcast");
    if (d == 1) d = shorter[i];
  }
  return out;
}

int arity(Fn fn) {
  if (fn <= Fn::to_i32) return 1;
  return fn == Fn::select ? 3 : 2;
}

bool is_comparison(Fn fn) {
  return fn >= Fn::eq && fn <= Fn::logical_or;
}

bool is_expensive(Fn fn) {
  switch (fn) {
    case Fn::exp:
    case Fn::log:
    case Fn::tanh:
    case Fn::sigmoid:
    case Fn::erf:
    case Fn::pow:
      return true;
    default:
      return false;
  }
}

bool is_dense(const KernelStore& store, const Shape& value_shape) {
  if (store.element_offset != 0) return false;
  if (store.strides.empty()) return true;
  const Shape dense = dense_strides(value_shape);
  for (size_t i = 0; i < value_shape.size(); ++i) {
    if (value_shape[i] > 1 && store.strides[i] != dense[i]) return false;
  }
  return true;
}

bool is_dense_view(const Instr& view, const Shape& source_shape) {
  if (view.offset != 0 || elements(view.shape) != elements(source_shape)) return false;
  const Shape dense = dense_strides(view.shape);
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] > 1 && view.strides[i] != dense[i]) return false;
  }
  return true;
}

const char* fn_name(Fn fn) {
  static constexpr const char* kNames[] = {"neg",     "exp", "log",   "sqrt", "rsqrt",  "abs",    "sign",   "tanh",
                                           "sigmoid", "erf", "floor", "not",  "is_nan", "to_f32", "to_i32", "add",
                                           "sub",     "mul", "div",   "min",  "max",    "pow",    "eq",     "ne",
                                           "lt",      "le",  "gt",    "ge",   "and",    "or",     "select"};
  return kNames[static_cast<size_t>(fn)];
}

const char* reduce_name(Reduce reduce) {
  static constexpr const char* kNames[] = {"sum", "max", "min", "prod", "argmax", "argmin"};
  return kNames[static_cast<size_t>(reduce)];
}

bool operator==(const Instr& a, const Instr& b) {
  return a.op == b.op && a.shape == b.shape && a.dtype == b.dtype && a.args == b.args && a.fn == b.fn &&
         a.reduce == b.reduce && a.axes == b.axes && a.strides == b.strides && a.offset == b.offset &&
         (a.number == b.number || (a.number != a.number && b.number != b.number)) && a.operand == b.operand &&
         a.axis == b.axis && a.space == b.space && a.key == b.key;
}

}  // namespace mtl::program
