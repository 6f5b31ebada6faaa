// Writes what the code of a kernel depends on, field by field.
#include "compiler/codegen/kernel_key.h"

#include <cstring>
#include <set>

#include "compiler/codegen/jit.h"
#include "runtime/core/random.h"

namespace mtl::codegen {
namespace {

class KeyWriter {
 public:
  explicit KeyWriter(const program::Program& program) : program_(program) {}

  void number(int64_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void real(double value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  template <class List>
  void list(const List& values) {
    number(static_cast<int64_t>(values.size()));
    for (auto value : values) number(static_cast<int64_t>(value));
  }
  // A buffer counts by what its rows look like, not by its number.
  void buffer(uint32_t id) {
    const program::Buffer& b = program_.buffers[id];
    number(static_cast<int64_t>(b.dtype));
    number(b.space);
    list(b.shape);
  }
  void space(types::SpaceId id) {
    for (; id != types::kUniform && spaces_.insert(id).second; id = program_.spaces[id].parent) {
      number(id);
      number(program_.spaces[id].parent);
      number(program_.spaces[id].fixed ? program_.spaces[id].fixed->value() : 0);
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  const program::Program& program_;
  std::string bytes_;
  std::set<types::SpaceId> spaces_;
};

}  // namespace

std::string kernel_key(const program::Program& program, const program::LoopKernel& kernel) {
  KeyWriter key(program);
  key.number(static_cast<int64_t>(kernel.form));
  key.number(kernel.space);
  key.number(kernel.target);
  key.space(kernel.space);
  key.space(kernel.target);
  for (const auto& operand : kernel.operands) {
    key.buffer(operand.buffer);
    key.number(static_cast<int64_t>(operand.access));
    key.number(operand.space);
    key.space(operand.space);
  }
  key.number(static_cast<int64_t>(kernel.instrs.size()));
  for (const program::Instr& instr : kernel.instrs) {
    for (int64_t field :
         {static_cast<int64_t>(instr.op), static_cast<int64_t>(instr.dtype), static_cast<int64_t>(instr.fn),
          static_cast<int64_t>(instr.reduce), instr.offset, static_cast<int64_t>(instr.operand),
          static_cast<int64_t>(instr.axis), static_cast<int64_t>(instr.space)}) {  // but not its key
      key.number(field);
    }
    key.real(instr.number);
    key.list(instr.shape);
    key.list(instr.args);
    key.list(instr.axes);
    key.list(instr.strides);
    key.space(instr.space);
  }
  for (const program::KernelStore& store : kernel.stores) {
    key.buffer(store.buffer);
    key.number(store.value);
    key.number(static_cast<int64_t>(store.accumulate));
    key.number(store.element_offset);
    key.list(store.strides);
  }
  return key.take();
}

std::vector<void*> random_keys(const program::LoopKernel& kernel) {
  std::vector<void*> keys;
  for (const program::Instr& instr : kernel.instrs) {
    if (instr.op == program::Instr::Op::random) keys.push_back(reinterpret_cast<void*>(instr.key));
  }
  return keys;
}

std::string content_hash(const std::string& text) {
  const uint64_t a = runtime::hash_text(text.data(), text.size());
  const uint64_t b = runtime::mix64(runtime::hash_text(text.data(), text.size(), 0x84222325CBF29CE4ull) ^ text.size());
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (uint64_t half : {a, b}) {
    for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(half >> shift) & 15];
  }
  return out;
}

}  // namespace mtl::codegen
