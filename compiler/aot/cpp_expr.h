// Small pieces of C++: indices, literals, and the functions of kernel.h.
#pragma once
#include <string>
#include <vector>

#include "compiler/program/kernel.h"

namespace mtl::aot {

const char* c_type(types::DType dtype);  // "float", "int32_t"
std::string literal(double number, types::DType dtype);
// Σ at[d] * strides[d] + offset; zeros and ones are left out.
std::string strided(const std::vector<std::string>& at, const program::Shape& strides, int64_t offset);
// The same with the strides of a dense row. A single index for a shape of several dimensions is already linear.
std::string linear(const program::Shape& shape, const std::vector<std::string>& at);
// The indices of the element with this linear index.
std::vector<std::string> unravel(const program::Shape& shape, const std::string& linear);
// `ids`: the operands are whole numbers.
std::string apply_text(program::Fn fn, const std::vector<std::string>& args, bool ids);
// Without parentheses around the whole of it.
std::string statement(const std::string& expression);
std::string combine(program::Reduce reduce, const std::string& so_far, const std::string& x);
std::string identity(program::Reduce reduce);

}  // namespace mtl::aot
