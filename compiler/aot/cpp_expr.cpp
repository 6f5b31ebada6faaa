// Indices, literals and scalar functions as C++ text.
#include "compiler/aot/cpp_expr.h"

#include <fmt/format.h>

#include <cmath>

#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::aot {

using program::Fn;
using program::Reduce;

const char* c_type(types::DType dtype) {
  return dtype == types::DType::i32 ? "int32_t" : "float";
}

CppText literal(double number, types::DType dtype) {
  if (dtype == types::DType::i32) return code("{}", static_cast<int64_t>(number));
  if (std::isnan(number)) return "std::numeric_limits<float>::quiet_NaN()";
  if (std::isinf(number)) return CppText(number < 0 ? "-" : "") + "std::numeric_limits<float>::infinity()";
  CppText text = code("{:.9g}", static_cast<float>(number));
  if (text.str().find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

CppText strided(const std::vector<CppText>& at, const program::Shape& strides, int64_t offset) {
  CppText sum;
  for (size_t d = 0; d < at.size(); ++d) {
    if (at[d] == "0" || strides[d] == 0) continue;
    const bool simple = !at[d].contains(" ");
    const CppText index = simple ? at[d] : "(" + at[d] + ")";
    sum += (sum.empty() ? "" : " + ") + (strides[d] == 1 ? index : index + " * " + code("{}", strides[d]));
  }
  if (offset != 0) sum += (sum.empty() ? "" : " + ") + code("{}", offset);
  return sum.empty() ? "0" : sum;
}

CppText linear(const program::Shape& shape, const std::vector<CppText>& at) {
  if (at.size() != shape.size()) return at.empty() ? "0" : at[0];
  return strided(at, program::dense_strides(shape), 0);
}

std::vector<CppText> unravel(const program::Shape& shape, const CppText& linear) {
  std::vector<CppText> at;
  const program::Shape strides = program::dense_strides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    CppText index = "(" + linear + ")";
    if (strides[d] != 1) index += " / " + code("{}", strides[d]);
    if (d > 0) index += " % " + code("{}", shape[d]);
    at.push_back(shape[d] == 1 ? "0" : "(" + index + ")");
  }
  return at;
}

namespace {
CppText truth(const CppText& condition) {
  return "(" + condition + " ? 1.0f : 0.0f)";
}
CppText not_zero(const CppText& x, bool ids) {
  return x + (ids ? " != 0" : " != 0.0f");
}
}  // namespace

CppText apply_text(Fn fn, const std::vector<CppText>& a, bool ids) {
  const auto infix = [&](const char* op) { return "(" + a[0] + " " + op + " " + a[1] + ")"; };
  const auto compare = [&](const char* op) { return truth(a[0] + " " + op + " " + a[1]); };
  const auto call = [&](const char* name) {
    return CppText(name) + "(" + a[0] + (a.size() > 1 ? ", " + a[1] : "") + ")";
  };
  switch (fn) {
    case Fn::neg:
      return "(-" + a[0] + ")";
    case Fn::exp:
      return call("runtime::exp");
    case Fn::log:
      return call("std::log");
    case Fn::sqrt:
      return call("std::sqrt");
    case Fn::rsqrt:
      return "(1.0f / std::sqrt(" + a[0] + "))";
    case Fn::abs:
      return call("std::abs");
    case Fn::sign:
      return call("runtime::sign");
    case Fn::tanh:
      return call("runtime::tanh");
    case Fn::sigmoid:
      return call("runtime::sigmoid");
    case Fn::erf:
      return call("runtime::erf");
    case Fn::floor:
      return call("std::floor");
    case Fn::logical_not:
      return truth(a[0] + (ids ? " == 0" : " == 0.0f"));
    case Fn::is_nan:
      return truth("std::isnan(" + a[0] + ")");
    case Fn::to_f32:
      return ids ? "static_cast<float>(" + a[0] + ")" : a[0];
    case Fn::to_i32:
      return ids ? a[0] : "static_cast<int32_t>(" + a[0] + ")";
    case Fn::add:
      return infix("+");
    case Fn::sub:
      return infix("-");
    case Fn::mul:
      return infix("*");
    case Fn::div:
      return infix("/");
    case Fn::min:
      return call("runtime::minimum");
    case Fn::max:
      return call("runtime::maximum");
    case Fn::pow:
      return call("std::pow");
    case Fn::eq:
      return compare("==");
    case Fn::ne:
      return compare("!=");
    case Fn::lt:
      return compare("<");
    case Fn::le:
      return compare("<=");
    case Fn::gt:
      return compare(">");
    case Fn::ge:
      return compare(">=");
    case Fn::logical_and:
      return truth(not_zero(a[0], ids) + " && " + not_zero(a[1], ids));
    case Fn::logical_or:
      return truth(not_zero(a[0], ids) + " || " + not_zero(a[1], ids));
    case Fn::select:
      return "(" + a[0] + " != 0.0f ? " + a[1] + " : " + a[2] + ")";
  }
  MTL_CHECK(false, "a function of kernel.h");
}

CppText statement(const CppText& expression) {
  if (expression.size() < 2 || expression[0] != '(') return expression;
  int depth = 0;
  for (size_t i = 0; i < expression.size(); ++i) {
    depth += expression[i] == '(' ? 1 : expression[i] == ')' ? -1 : 0;
    if (depth == 0) return i + 1 == expression.size() ? expression.substr(1, i - 1) : expression;
  }
  return expression;
}

CppText combine(Reduce reduce, const CppText& so_far, const CppText& x) {
  switch (reduce) {
    case Reduce::sum:
      return so_far + " + " + x;
    case Reduce::prod:
      return so_far + " * " + x;
    case Reduce::max:
      return "runtime::maximum(" + so_far + ", " + x + ")";
    default:
      return "runtime::minimum(" + so_far + ", " + x + ")";
  }
}

CppText identity(Reduce reduce) {
  switch (reduce) {
    case Reduce::sum:
      return "0.0f";
    case Reduce::prod:
      return "1.0f";
    case Reduce::max:
    case Reduce::argmax:
      return "-std::numeric_limits<float>::infinity()";
    default:
      return "std::numeric_limits<float>::infinity()";
  }
}

}  // namespace mtl::aot
