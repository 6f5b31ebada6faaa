// How one row of a loop kernel is computed: which values live in registers, which in the row's scratch memory, and
// the loop nests over static shapes, in order. Pure analysis: no LLVM here.
//
// Note [Levels]. A value is ready at a level: a load at 0, a pointwise apply at the highest level of its arguments,
// a reduction one level above what it reduces (its loop must have ended), and so does a value whose argument has to
// lie in memory first (a transposing view of a computed value, a broadcast of a computed vector). At each level the
// scalars of the row come first, then one nest for each (shape, reduced axes). Inside a nest values are computed
// on demand at one point (a vector of lanes); a value that several nests want is computed again if that is cheap,
// else the first nest keeps it in scratch. So softmax of a row is three nests: max; exp, kept, and its sum; quotient.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/program/program.h"

namespace mtl::codegen {

using program::Instr;
using program::InstrId;
using program::LoopKernel;
using program::Program;
using program::Shape;

struct Root {
  enum class Kind : uint8_t { store, reduce, keep } kind;
  uint32_t id;  // store number, else instruction
};

struct Nest {
  int level = 0;
  Shape shape;            // without leading ones
  std::vector<int> axes;  // dims of `shape` that its reductions reduce; empty: no reductions
  std::vector<Root> roots;
  bool linear = false;  // every value is dense in `shape` or a scalar: one loop over all elements
};

struct Stage {
  std::vector<InstrId> scalars;  // values of one element and addresses of gathered rows, in order
  std::vector<uint32_t> stores;  // stores of scalars
  std::vector<Nest> nests;
};

struct Schedule {
  std::vector<Stage> stages;
  std::vector<bool> live;
  std::vector<bool> scalar;      // one element
  std::vector<int64_t> scratch;  // offset in elements of kept values; -1: not kept
  int64_t scratch_elements = 0;
  // Rows of one shape, elementwise: the kernel may run over any range of elements (uniform) or columns.
  bool pointwise = false;
  int64_t width = 0;    // elements of that shape
  bool lanes = false;   // a row kernel of small rows: 16 rows at a time
  double row_cost = 0;  // rough nanoseconds per row
};

// `lanes`: whether small rows may be taken 16 at a time.
Schedule make_schedule(const Program& program, const LoopKernel& kernel, bool lanes = true);

}  // namespace mtl::codegen
