// Small pieces of C++: indices, literals, and the functions of kernel.h.
#pragma once
#include <vector>

#include "compiler/aot/cpp_text.h"
#include "compiler/program/kernel.h"

namespace mtl::aot {

const char* c_type(types::DType dtype);  // "float", "int32_t"
CppText literal(double number, types::DType dtype);
// Σ at[d] * strides[d] + offset; zeros and ones are left out.
CppText strided(const std::vector<CppText>& at, const program::Shape& strides, int64_t offset);
// The same with the strides of a dense row. A single index for a shape of several dimensions is already linear.
CppText linear(const program::Shape& shape, const std::vector<CppText>& at);
// The indices of the element with this linear index.
std::vector<CppText> unravel(const program::Shape& shape, const CppText& linear);
// `ids`: the operands are whole numbers.
CppText apply_text(program::Fn fn, const std::vector<CppText>& args, bool ids);
// Without parentheses around the whole of it.
CppText statement(const CppText& expression);
CppText combine(program::Reduce reduce, const CppText& so_far, const CppText& x);
CppText identity(program::Reduce reduce);

}  // namespace mtl::aot
