// The lowered program: buffers and a list of steps, each a loop kernel or a call of a runtime kernel. The one form
// that all back ends read; nothing before it knows a back end, and no back end sees the graph. It prints as text
// (program/print.h).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "compiler/program/kernel.h"
#include "compiler/types/type.h"
#include "support/base/source.h"

namespace mtl::program {

inline constexpr uint32_t kNoBuffer = 0xFFFFFFFF;

struct Buffer {
  enum class Kind : uint8_t {
    arena,     // lives between its first and last step; offset planned per shape bucket
    output,    // an arena buffer that stays readable after the run
    input,     // a column of the batch, by name
    param,     // in the weights block
    state,     // in the state block
    gradient,  // dense gradient of a parameter, in the gradient block (same layout as the weights block)
    constant
  } kind = Kind::arena;
  std::string name;  // input: column; param, state, gradient: path; output: the graph output's name
  types::DType dtype = types::DType::f32;
  types::SpaceId space = 0;
  Shape shape;                // of one row
  std::vector<float> values;  // constant (uniform) buffers
  // The memory of another buffer under another space and shape (reshape, map_in, map_out); that one is never a view.
  uint32_t view_of = kNoBuffer;
};

struct Call {
  std::string kernel;              // an entry of runtime/core/kernels.def
  std::vector<uint32_t> operands;  // buffers, in the order that the kernel documents: sources, then results
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<types::SpaceId> spaces;
  size_t results = 0;  // how many of the operands, the last ones, are results
};

struct Step {
  std::variant<LoopKernel, Call> work;
  SourceRange range;
};

// The gradient of a parameter that is only ever gathered from (an embedding table): rows instead of a dense array.
struct SparseGradient {
  std::string param;
  uint32_t ids = 0;   // buffer: i32 ids over space
  uint32_t rows = 0;  // buffer: f32[width] over the same space
};

struct Program {
  types::Spaces spaces;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  std::vector<std::string> scalars;  // step scalars by name: "progress"
  std::vector<SparseGradient> sparse;
  std::vector<std::pair<std::string, uint32_t>> outputs;  // name -> buffer
};

}  // namespace mtl::program
