#include "training/outputs.h"

#include "compiler/base/check.h"

namespace mtl::training {

void append_output(const engine::Engine& engine, const std::string& output, Rows& rows) {
  const program::Program& program = engine.program();
  const program::Buffer* buffer = nullptr;
  for (const auto& [name, index] : program.outputs)
    if (name == output) buffer = &program.buffers[index];
  MTL_CHECK(buffer != nullptr, "an output of the program");
  rows.width = program::elements(buffer->shape);
  const int64_t count = engine.output_rows(output) * rows.width;
  if (buffer->dtype == types::DType::i32) {
    const int32_t* ids = engine.output_i32(output);
    rows.ids.insert(rows.ids.end(), ids, ids + count);
  } else {
    const float* numbers = engine.output_f32(output);
    rows.numbers.insert(rows.numbers.end(), numbers, numbers + count);
  }
}

}  // namespace mtl::training
