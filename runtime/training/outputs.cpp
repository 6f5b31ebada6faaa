// Copies an output of an engine to rows.
#include "runtime/training/outputs.h"

namespace mtl::training {

void append_output(const engine::Engine& engine, const std::string& name, Rows& rows) {
  const uint32_t output = engine.output(name);
  const program::Program& program = engine.program();
  const program::Buffer& buffer = program.buffers[program.outputs[output].second];
  rows.width = program::elements(buffer.shape);
  const int64_t count = engine.output_rows(output) * rows.width;
  if (buffer.dtype == types::DType::i32) {
    const int32_t* ids = engine.output_i32(output);
    rows.ids.insert(rows.ids.end(), ids, ids + count);
  } else {
    const float* numbers = engine.output_f32(output);
    rows.numbers.insert(rows.numbers.end(), numbers, numbers + count);
  }
}

}  // namespace mtl::training
