// Loop kernels: the part of a lowered program that is generated code.
//
// A LoopKernel runs a straight list of row instructions once for each row of its space. An instruction computes a
// small tensor of static shape (the row's value) from earlier instructions of the same row; shapes broadcast from
// literal 1 or missing leading dimensions. Reductions over static dimensions are instructions too, so softmax or
// layer norm of a row is one kernel, and fusing ops is appending their instructions. Two more forms reduce over
// rows: a segment kernel sums (or takes the maximum of) its rows into their ancestor's row, a column kernel sums
// them all into one uniform row.
//
// Back ends (LLVM, later C++ source) and the reference interpreter (program/interpret.h) all read this form.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/types/type.h"

namespace mtl::program {

using Shape = std::vector<int64_t>;
int64_t elements(const Shape& shape);

enum class Fn : uint8_t {
  // unary
  neg,
  exp,
  log,
  sqrt,
  rsqrt,
  abs,
  sign,
  tanh,
  sigmoid,
  erf,
  floor,
  logical_not,
  is_nan,
  to_f32,
  to_i32,
  // binary
  add,
  sub,
  mul,
  div,
  min,
  max,
  pow,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  logical_and,
  logical_or,
  // ternary: select(condition, a, b)
  select
};
enum class Reduce : uint8_t { sum, max, min, prod, argmax, argmin };  // arg*: the first one, over one axis

using InstrId = uint32_t;

// How a kernel reaches a row of a buffer from the row r it works on.
enum class Access : uint8_t {
  row,          // the same row (of the same space)
  ancestor,     // the row of an ancestor space that r belongs to
  uniform,      // the only row
  first_child,  // the first row of r's segment in a child space; zeros if the segment is empty
  last_child
};

struct Instr {
  enum class Op : uint8_t {
    load,      // operand, by access                             shape = the buffer's row shape
    gather,    // operand (uniform [K, ...]), args[0] = id (scalar, i32): row id of the table; id < 0: zeros
    constant,  // number
    index,     // the coordinate along `axis` of `shape`, i32
    position,  // the row's place in its parent segment, i32 scalar
    length,    // of the row's segment in child space `space`, i32 scalar
    random,    // uniform in [0, 1): runtime/core/random.h: stream(seed, step, key), the row's identity, the element's
               // index
    scalar,    // step scalar number `operand` (program::Program::scalars), f32
    apply,     // fn(args...)
    reduce,    // reduce args[0] over `axes`, which stay as 1; one of them is larger than 1
    view       // args[0] read at sum(index[i] * strides[i]) + offset: transpose, slice, broadcast, reshape
  } op;
  Shape shape;
  types::DType dtype = types::DType::f32;
  std::vector<InstrId> args;
  Fn fn{};
  Reduce reduce{};
  std::vector<int> axes;
  std::vector<int64_t> strides;
  int64_t offset = 0;
  double number = 0;
  uint32_t operand = 0;
  int axis = 0;
  types::SpaceId space = 0;
  uint64_t key = 0;
};

struct KernelOperand {
  uint32_t buffer = 0;  // index into Program::buffers
  Access access = Access::row;
  types::SpaceId space = 0;  // the buffer's space
};

// Where results go. `element_offset` and `strides` place a value inside the buffer's row (concat writes parts).
struct KernelStore {
  uint32_t buffer = 0;
  InstrId value = 0;
  // Segment and column kernels: sum, max, min or prod over the rows; argmax and argmin (segment only) store the place
  // (i32) of the first extreme within the segment. No rows: 0 (prod: 1), position -1.
  Reduce accumulate = Reduce::sum;
  int64_t element_offset = 0;
  std::vector<int64_t> strides;  // empty: dense, the value's own shape
};

struct LoopKernel {
  enum class Form : uint8_t {
    row,      // stores go to the same row
    segment,  // stores accumulate into the row of `target`, an ancestor space (not uniform)
    column    // stores accumulate into the uniform row
  } form = Form::row;
  types::SpaceId space = 0;   // rows it runs over; kUniform: once
  types::SpaceId target = 0;  // segment
  // segment and column: sum, max or min; argmax and argmin store the position (i32) of the first extreme. An empty
  // segment gives 0, and the position -1.
  Reduce accumulate = Reduce::sum;
  std::vector<KernelOperand> operands;
  std::vector<Instr> instrs;
  std::vector<KernelStore> stores;
};

}  // namespace mtl::program
