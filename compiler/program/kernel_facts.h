// Facts about shapes, functions and instructions of loop kernels that lowering, the interpreter and the back ends
// share.
#pragma once
#include "compiler/program/kernel.h"

namespace mtl::program {

Shape dense_strides(const Shape& shape);
// Right-aligned; literal 1 and missing dimensions broadcast. MTL_CHECKs that the shapes fit.
Shape broadcast_shapes(const Shape& a, const Shape& b);
int arity(Fn fn);
bool is_comparison(Fn fn);  // the result is boolean
bool is_expensive(Fn fn);   // not worth computing twice
// Whether a store fills its buffer's row in the value's own order, from its start.
bool is_dense(const KernelStore& store, const Shape& value_shape);
// Whether a view is a reshape: the same elements in the same order.
bool is_dense_view(const Instr& view, const Shape& source_shape);
const char* fn_name(Fn fn);
const char* reduce_name(Reduce reduce);
bool operator==(const Instr& a, const Instr& b);

}  // namespace mtl::program
