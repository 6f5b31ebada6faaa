// The program's text form: buffers, then steps. For people and for tests; it is not read back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/program/kernel_facts.h"
#include "compiler/program/lower.h"

namespace mtl::program {
namespace {

std::string type_text(const Program& program, const Buffer& buffer) {
  std::string out(types::dtype_name(buffer.dtype));
  if (buffer.space != types::kUniform) out += fmt::format("<{}>", program.spaces[buffer.space].name);
  if (!buffer.shape.empty()) out += fmt::format("[{}]", fmt::join(buffer.shape, ", "));
  return out;
}

const char* kind_name(Buffer::Kind kind) {
  static constexpr const char* kNames[] = {"arena", "output", "input", "param", "state", "gradient", "constant"};
  return kNames[static_cast<size_t>(kind)];
}

std::string buffer_name(const Program& program, uint32_t id) {
  const Buffer& buffer = program.buffers[id];
  return buffer.name.empty() ? fmt::format("b{}", id) : fmt::format("b{} `{}`", id, buffer.name);
}

const char* access_name(Access access) {
  static constexpr const char* kNames[] = {"row", "ancestor", "uniform", "first_child", "last_child"};
  return kNames[static_cast<size_t>(access)];
}

std::string instr_text(const Program& program, const LoopKernel& kernel, const Instr& instr) {
  const auto args = [&] {
    std::vector<std::string> names;
    for (InstrId arg : instr.args) names.push_back(fmt::format("%{}", arg));
    return fmt::format("{}", fmt::join(names, ", "));
  };
  switch (instr.op) {
    case Instr::Op::load: {
      const KernelOperand& operand = kernel.operands[instr.operand];
      return fmt::format("load {} by {}", buffer_name(program, operand.buffer), access_name(operand.access));
    }
    case Instr::Op::gather:
      return fmt::format("gather {} at {}", buffer_name(program, kernel.operands[instr.operand].buffer), args());
    case Instr::Op::constant:
      return fmt::format("constant {}", instr.number);
    case Instr::Op::index:
      return fmt::format("index {}", instr.axis);
    case Instr::Op::position:
      return "position";
    case Instr::Op::length:
      return fmt::format("length {}", program.spaces[instr.space].name);
    case Instr::Op::random:
      return fmt::format("random {:#x}", instr.key);
    case Instr::Op::scalar:
      return fmt::format("scalar `{}`", program.scalars[instr.operand]);
    case Instr::Op::apply:
      return fmt::format("{} {}", fn_name(instr.fn), args());
    case Instr::Op::reduce:
      return fmt::format("reduce {} {} over {}", reduce_name(instr.reduce), args(), fmt::join(instr.axes, ", "));
    case Instr::Op::view:
      return fmt::format("view {} strides {} offset {}", args(), fmt::join(instr.strides, ", "), instr.offset);
  }
  return {};
}

std::string kernel_text(const Program& program, const LoopKernel& kernel) {
  static constexpr const char* kForms[] = {"rows", "segments", "columns"};
  auto space_name = [&](types::SpaceId id) {
    return id == types::kUniform ? std::string("uniform") : program.spaces[id].name;
  };
  std::string out = fmt::format("loop {} of {}", kForms[static_cast<size_t>(kernel.form)], space_name(kernel.space));
  if (kernel.form == LoopKernel::Form::segment) out += " into " + space_name(kernel.target);
  out += '\n';
  for (size_t i = 0; i < kernel.instrs.size(); ++i) {
    const Instr& instr = kernel.instrs[i];
    out += fmt::format("    %{} = {} : {}[{}]\n", i, instr_text(program, kernel, instr), types::dtype_name(instr.dtype),
                       fmt::join(instr.shape, ", "));
  }
  for (const KernelStore& store : kernel.stores) {
    out += fmt::format("    store %{} to {}", store.value, buffer_name(program, store.buffer));
    if (kernel.form != LoopKernel::Form::row) out += fmt::format(" by {}", reduce_name(store.accumulate));
    if (!store.strides.empty()) {
      out += fmt::format(" at {} strides {}", store.element_offset, fmt::join(store.strides, ", "));
    }
    out += '\n';
  }
  return out;
}

std::string call_text(const Program& program, const Call& call) {
  std::vector<std::string> names, spaces;
  for (uint32_t operand : call.operands) names.push_back(buffer_name(program, operand));
  for (types::SpaceId space : call.spaces) spaces.push_back(program.spaces[space].name);
  std::string out = fmt::format("call {}({})", call.kernel, fmt::join(names, ", "));
  if (!call.ints.empty()) out += fmt::format(" ints {}", fmt::join(call.ints, ", "));
  if (!call.floats.empty()) out += fmt::format(" floats {}", fmt::join(call.floats, ", "));
  if (!call.spaces.empty()) out += fmt::format(" spaces {}", fmt::join(spaces, ", "));
  return out + '\n';
}

}  // namespace

std::string print(const Program& program) {
  std::string out = "program\n";
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    const Buffer& buffer = program.buffers[i];
    out += fmt::format("  b{}: {} {}", i, kind_name(buffer.kind), type_text(program, buffer));
    if (!buffer.name.empty()) out += fmt::format(" `{}`", buffer.name);
    if (buffer.view_of != kNoBuffer) out += fmt::format(" view of b{}", buffer.view_of);
    out += '\n';
  }
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    out += fmt::format("  step {}: ", i);
    if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
      out += kernel_text(program, *kernel);
    } else {
      out += call_text(program, std::get<Call>(step.work));
    }
  }
  for (const SparseGradient& sparse : program.sparse) {
    out += fmt::format("  sparse `{}`: ids {}, rows {}\n", sparse.param, buffer_name(program, sparse.ids),
                       buffer_name(program, sparse.rows));
  }
  for (const auto& [name, buffer] : program.outputs) out += fmt::format("  output `{}`: b{}\n", name, buffer);
  return out;
}

}  // namespace mtl::program
