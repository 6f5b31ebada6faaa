// Which registers compiled loops use: those of the level that they are compiled for, and no wider ones. Nothing here is
// run, so every machine tests every level.
#include <llvm-c/Disassembler.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <catch2/catch.hpp>

#include "compiler/codegen/jit.h"
#include "compiler/codegen/object.h"
#include "runtime/core/cpu_level.h"

namespace mtl::codegen {
namespace {

// y = exp(x) + x on rows of 64, and its sum.
program::Program make_program() {
  using namespace program;
  Program made;
  const types::SpaceId space = made.spaces.add_source("s");
  for (const Shape& shape : std::vector<Shape>{{64}, {64}, {1}}) {
    Buffer buffer;
    buffer.space = space;
    buffer.shape = shape;
    made.buffers.push_back(buffer);
  }
  LoopKernel loop;
  loop.space = space;
  loop.operands.push_back({0, Access::row, space});
  Instr load{Instr::Op::load, {64}}, exp{Instr::Op::apply, {64}, types::DType::f32, {0}}, add = exp;
  exp.fn = Fn::exp;
  add.fn = Fn::add;
  add.args = {1, 0};
  Instr sum{Instr::Op::reduce, {1}, types::DType::f32, {2}};
  sum.reduce = Reduce::sum;
  sum.axes = {0};
  loop.instrs = {load, exp, add, sum};
  loop.stores = {{1, 2}, {2, 3}};
  made.steps.push_back({loop, {}});
  return made;
}

std::string object_for(const std::string& cpu) {
  const auto object = compile_object_file(make_program(), cpu, "level_");
  REQUIRE(object);
  return object->bytes;
}

// The instructions of an object's code, one a line.
std::string disassembled(const std::string& bytes) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetDisassembler();
  auto object = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "level.o"));
  REQUIRE(static_cast<bool>(object));
  const std::string triple = llvm::sys::getProcessTriple();
  LLVMDisasmContextRef context =
      LLVMCreateDisasmCPU(triple.c_str(), "x86-64-v4", nullptr, 0, nullptr, nullptr);  // knows all that may occur
  REQUIRE(context != nullptr);
  std::string text;
  for (const auto& section : (*object)->sections()) {
    if (!section.isText()) continue;
    const std::string code = llvm::cantFail(section.getContents()).str();
    auto* at = reinterpret_cast<uint8_t*>(const_cast<char*>(code.data()));
    for (size_t i = 0; i < code.size();) {
      char line[256];
      const size_t length = LLVMDisasmInstruction(context, at + i, code.size() - i, i, line, sizeof line);
      REQUIRE(length > 0);
      text += line;
      text += '\n';
      i += length;
    }
  }
  LLVMDisasmDispose(context);
  return text;
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("code for a level uses its registers and no wider ones") {
  const std::string any = disassembled(object_for("x86-64"));
  CHECK(has(any, "mulps"));
  CHECK(has(any, "%xmm"));
  CHECK_FALSE(has(any, "%ymm"));
  CHECK_FALSE(has(any, "%zmm"));
  CHECK_FALSE(has(any, "vfm"));
  const std::string v3 = disassembled(object_for("x86-64-v3"));
  CHECK(has(v3, "vfmadd"));
  CHECK(has(v3, "%ymm"));
  CHECK_FALSE(has(v3, "%zmm"));
  CHECK(has(disassembled(object_for("x86-64-v4")), "%zmm"));
}

TEST_CASE("native code is for the level that MTLC_CPU names, or for this processor") {
  const std::string native = object_for("native"), ir = emit_llvm(make_program());
  const std::string level = runtime::cpu_level_name(runtime::cpu_level());
  const std::string cpu = runtime::cpu_cap() != nullptr ? level : llvm::sys::getHostCPUName().str();
  INFO("for " << cpu);
  CHECK(has(ir, ("\"target-cpu\"=\"" + cpu + "\"").c_str()));
  CHECK(has(ir, "\"target-features\"=\"") == (runtime::cpu_cap() == nullptr));  // the host's, by name
  if (runtime::cpu_cap() != nullptr) CHECK(native == object_for(level));
}

TEST_CASE("a processor that LLVM does not know") {
  CHECK_FALSE(compile_object_file(make_program(), "x86-64-v9", "level_"));
  CHECK_FALSE(compile_object_file(make_program(), "", "level_"));
}

}  // namespace mtl::codegen
