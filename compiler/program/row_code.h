// One row op of the graph as instructions, before it is fused with others.
#pragma once
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/program/kernel.h"

namespace mtl::program {

struct RowCode {
  struct Operand {
    size_t index = 0;  // of the node
    Access access = Access::row;
    types::SpaceId space = 0;
    bool gathered = false;
  };
  struct Result {
    size_t result = 0;
    InstrId value = 0;
    bool over_rows = false;
    Reduce reduce = Reduce::sum;
    bool part = false;
    int64_t element_offset = 0;
    std::vector<int64_t> strides;
  };
  std::vector<Instr> instrs;  // Instr::operand of loads and gathers: an index into `operands`
  std::vector<Operand> operands;
  std::vector<Result> results;
  types::SpaceId space = 0;  // whose rows it runs over
  bool over_rows = false;    // its results are reductions over these rows
  bool parts = false;        // a result is stored piecewise

  bool cheap = false;        // no transcendental function, no random number, few instructions
  bool elementwise = false;  // every value is a scalar or of one shape
  int64_t widest = 1;        // elements of the largest value
};

// `scalars`: the program's list of step scalars; grows.
RowCode row_code(const ir::Graph& graph, const ir::Node& node, std::vector<std::string>& scalars);

Shape constant_dims(const types::Type& type);
// Value `id` of `instrs` under another shape of as many elements; may append an instruction.
InstrId reshape_instr(std::vector<Instr>& instrs, InstrId id, const Shape& shape);

}  // namespace mtl::program
