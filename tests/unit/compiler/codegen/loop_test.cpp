// Generated code of hand-written loop kernels against the interpreter, and the inline functions against libm.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "compiler/codegen/jit.h"
#include "compiler/program/interpret.h"
#include "compiler/program/kernel_facts.h"
#include "runtime/core/random.h"

namespace mtl::codegen {
namespace {

using program::Access;
using program::Fn;
using program::Instr;
using program::InstrId;
using program::LoopKernel;
using program::Program;
using program::Reduce;
using program::Shape;

// A kernel under construction, with buffers of its own.
struct Kernel {
  Program program;
  LoopKernel loop;
  types::SpaceId space = types::kUniform, child = types::kUniform;

  Kernel() {
    space = program.spaces.add_source("s");
    child = program.spaces.add_ragged(space, "T");
  }
  uint32_t buffer(types::SpaceId of, Shape shape) {
    program::Buffer made;
    made.space = of;
    made.shape = std::move(shape);
    program.buffers.push_back(made);
    return static_cast<uint32_t>(program.buffers.size() - 1);
  }
  InstrId push(Instr instr) {
    loop.instrs.push_back(std::move(instr));
    return static_cast<InstrId>(loop.instrs.size() - 1);
  }
  InstrId load(types::SpaceId of, Shape shape, Access access) {
    loop.operands.push_back({buffer(of, shape), access, of});
    Instr instr{Instr::Op::load, shape};
    instr.operand = static_cast<uint32_t>(loop.operands.size() - 1);
    return push(instr);
  }
  InstrId constant(double number) {
    Instr instr{Instr::Op::constant};
    instr.number = number;
    return push(instr);
  }
  InstrId apply(Fn fn, std::vector<InstrId> args) {
    Instr instr{Instr::Op::apply};
    instr.fn = fn;
    for (InstrId arg : args) instr.shape = program::broadcast_shapes(instr.shape, loop.instrs[arg].shape);
    instr.args = std::move(args);
    if (program::is_comparison(fn)) instr.dtype = types::DType::boolean;
    return push(instr);
  }
  InstrId reduce(Reduce reduce, InstrId x, std::vector<int> axes) {
    Instr instr{
        Instr::Op::reduce, loop.instrs[x].shape, reduce >= Reduce::argmax ? types::DType::i32 : types::DType::f32, {x}};
    instr.reduce = reduce;
    for (int axis : axes) instr.shape[axis] = 1;
    instr.axes = std::move(axes);
    return push(instr);
  }
  void store(InstrId value, types::SpaceId of, Reduce accumulate = Reduce::sum) {
    program::KernelStore made{buffer(of, loop.instrs[value].shape), value, accumulate};
    if (loop.instrs[value].dtype == types::DType::i32) program.buffers.back().dtype = types::DType::i32;
    if (accumulate >= Reduce::argmax) program.buffers.back().dtype = types::DType::i32;
    loop.stores.push_back(made);
  }
};

// Rows: 5 of the space, children 3 0 4 1 2.
struct World {
  std::vector<int32_t> offsets = {0, 3, 3, 7, 8, 10}, parent = {0, 0, 0, 2, 2, 2, 2, 3, 4, 4};
  std::vector<int32_t> position = {0, 1, 2, 0, 1, 2, 3, 0, 0, 1};
  std::vector<uint64_t> identity;
  runtime::SpaceView uniform, space, child;
  std::vector<const runtime::SpaceView*> views = {&uniform, &space, &child};
  World() {
    for (uint64_t i = 0; i < 10; ++i) identity.push_back(runtime::mix64(i));
    space.rows = 5;
    space.identity = identity.data();
    child.rows = 10;
    child.parent_rows = 5;
    child.offsets = offsets.data();
    child.parent = parent.data();
    child.position = position.data();
    child.identity = identity.data();
    child.longest = 4;
  }
};

// Runs both ways over the same numbers and compares every stored buffer.
void check(Kernel& kernel, double tolerance = 1e-5) {
  World world;
  kernel.program.steps.push_back({kernel.loop, {}});
  const Program& program = kernel.program;
  runtime::StepScalars step{3, 4, nullptr};
  program::InterpretContext context{program, world.views, step, {}};
  std::vector<std::vector<double>> doubles;
  std::vector<std::vector<float>> floats;
  std::vector<double*> memory;
  for (uint32_t b = 0; b < program.buffers.size(); ++b) {
    const auto n = static_cast<size_t>(program::buffer_elements(context, b));
    doubles.emplace_back(n);
    floats.emplace_back(n + 16);
    for (size_t i = 0; i < n; ++i) {
      floats[b][i] = runtime::random_unit(runtime::random_bits(b + 1, static_cast<uint32_t>(i))) * 4 - 2;
      doubles[b][i] = floats[b][i];
    }
  }
  for (auto& values : doubles) memory.push_back(values.data());
  program::interpret(context, memory);
  const auto jit = Jit::compile(program, {});
  const CompiledLoop& code = jit->loops()[0];
  std::vector<void*> pointers;
  for (const auto& operand : kernel.loop.operands) pointers.push_back(floats[operand.buffer].data());
  for (const auto& store : kernel.loop.stores) pointers.push_back(floats[store.buffer].data());
  for (void* key : random_keys(kernel.loop)) pointers.push_back(key);
  const bool segments = kernel.loop.form == LoopKernel::Form::segment;
  const int64_t rows = program::row_count(program, world.views, segments ? kernel.loop.target : kernel.loop.space);
  code.run(pointers.data(), world.views.data(), 0, code.units > 0 ? code.units : rows, &step);
  for (const auto& store : kernel.loop.stores) {
    const bool ints = program.buffers[store.buffer].dtype == types::DType::i32;
    for (size_t i = 0; i < doubles[store.buffer].size(); ++i) {
      INFO("store to b" << store.buffer << " element " << i);
      const float raw = floats[store.buffer][i];
      int32_t bits;
      std::memcpy(&bits, &raw, 4);
      const double got = ints ? bits : raw, expected = doubles[store.buffer][i];
      if (std::isnan(expected)) {
        CHECK(std::isnan(got));
      } else {
        CHECK(got == Approx(expected).epsilon(tolerance).margin(tolerance));
      }
    }
    CHECK(floats[store.buffer][doubles[store.buffer].size()] == 0);  // nothing past the end
  }
}

}  // namespace

TEST_CASE("softmax of rows of any width") {
  for (int64_t width : {2, 7, 15, 16, 17, 33, 64, 72, 100, 300}) {
    Kernel k;
    k.loop.space = k.child;
    const InstrId x = k.load(k.child, {width}, Access::row);
    const InstrId shifted = k.apply(Fn::sub, {x, k.reduce(Reduce::max, x, {0})});
    const InstrId e = k.apply(Fn::exp, {shifted});
    const InstrId sum = k.reduce(Reduce::sum, e, {0});
    k.store(k.apply(Fn::div, {e, sum}), k.child);
    k.store(k.reduce(Reduce::argmax, x, {0}), k.child);
    k.store(k.apply(Fn::log, {sum}), k.child);
    INFO("width " << width);
    check(k);
  }
}

TEST_CASE("reductions over any axes of a tensor") {
  for (std::vector<int> axes : std::vector<std::vector<int>>{{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}) {
    for (Shape shape : std::vector<Shape>{{3, 2, 5}, {2, 4, 20}, {4, 3, 1}, {1, 6, 40}}) {
      Kernel k;
      k.loop.space = k.space;
      const InstrId x = k.load(k.space, shape, Access::row);
      bool any = false;
      for (int axis : axes) any = any || shape[axis] > 1;
      if (!any) continue;
      for (Reduce reduce : {Reduce::sum, Reduce::max, Reduce::min, Reduce::prod}) {
        const InstrId r = k.reduce(reduce, k.apply(Fn::tanh, {x}), axes);
        k.store(r, k.space);
        k.store(k.apply(Fn::add, {x, r}), k.space);
      }
      if (axes.size() == 1 && shape[axes[0]] > 1) {
        k.store(k.reduce(Reduce::argmax, x, axes), k.space);
        k.store(k.reduce(Reduce::argmin, x, axes), k.space);
      }
      check(k);
    }
  }
}

TEST_CASE("views, ancestors, uniform operands, broadcasting") {
  Kernel k;
  k.loop.space = k.child;
  const InstrId x = k.load(k.child, {4, 6}, Access::row);
  const InstrId up = k.load(k.space, {6}, Access::ancestor);
  const InstrId w = k.load(types::kUniform, {4, 1}, Access::uniform);
  const InstrId sum = k.apply(Fn::mul, {k.apply(Fn::add, {x, up}), w});
  Instr turned{Instr::Op::view, {6, 4}, types::DType::f32, {sum}};
  turned.strides = {1, 6};
  k.store(k.push(turned), k.child);
  Instr slice{Instr::Op::view, {2, 3}, types::DType::f32, {x}};
  slice.strides = {12, 2};
  slice.offset = 1;
  k.store(k.apply(Fn::exp, {k.push(slice)}), k.child);
  Instr random{Instr::Op::random, {4, 6}};
  random.key = 1234567;
  k.store(k.push(random), k.child);
  k.store(k.push({Instr::Op::position, {}, types::DType::i32}), k.child);
  check(k);
}

TEST_CASE("segments of rows, empty ones too") {
  for (int64_t width : {1, 5, 40}) {
    Kernel k;
    k.loop.form = LoopKernel::Form::segment;
    k.loop.space = k.child;
    k.loop.target = k.space;
    const InstrId x = k.load(k.child, {width}, Access::row);
    const InstrId y = k.apply(Fn::mul, {x, k.load(k.space, {width}, Access::ancestor)});
    for (Reduce reduce : {Reduce::sum, Reduce::max, Reduce::min, Reduce::argmax, Reduce::argmin}) {
      k.store(reduce < Reduce::argmax ? y : x, k.space, reduce);
    }
    INFO("width " << width);
    check(k);
  }
}

TEST_CASE("columns over all rows") {
  for (int64_t width : {1, 7, 64, 72, 130}) {
    Kernel k;
    k.loop.form = LoopKernel::Form::column;
    k.loop.space = k.child;
    const InstrId x = k.load(k.child, {width}, Access::row);
    k.store(k.apply(Fn::select, {k.apply(Fn::gt, {x, k.constant(0)}), x, k.constant(0.5)}), types::kUniform);
    k.store(k.apply(Fn::mul, {x, k.load(k.child, {}, Access::row)}), types::kUniform);
    INFO("width " << width);
    check(k);
  }
}

TEST_CASE("uniform elementwise kernels run over elements") {
  for (int64_t width : {64, 100, 1000}) {
    Kernel k;
    const InstrId x = k.load(types::kUniform, {width}, Access::row);
    k.store(k.apply(Fn::sigmoid, {k.apply(Fn::mul, {x, k.load(types::kUniform, {}, Access::row)})}), types::kUniform);
    INFO("width " << width);
    check(k);
  }
}

TEST_CASE("edges of segments") {
  Kernel k;
  k.loop.space = k.space;
  k.store(k.load(k.child, {3}, Access::first_child), k.space);
  k.store(k.load(k.child, {3}, Access::last_child), k.space);
  Instr length{Instr::Op::length, {}, types::DType::i32};
  length.space = k.child;
  k.store(k.push(length), k.space);
  check(k);
}

TEST_CASE("inline functions are within 4e-7 of libm, and treat NaN and infinities as it does") {
  struct Function {
    Fn fn;
    double (*reference)(double);
    double low, high;
  };
  const std::vector<Function> functions = {
      {Fn::exp, [](double x) { return std::exp(x); }, -87.2, 88.7},
      {Fn::log, [](double x) { return std::log(x); }, 1e-37, 1e6},
      {Fn::tanh, [](double x) { return std::tanh(x); }, -12, 12},
      {Fn::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80},
      {Fn::erf, [](double x) { return std::erf(x); }, -5, 5},
  };
  const int64_t n = 1 << 16;
  for (const Function& function : functions) {
    Program program;
    for (int b = 0; b < 2; ++b) {
      program.buffers.push_back({});
      program.buffers.back().shape = {n};
    }
    LoopKernel loop;
    loop.operands.push_back({0, Access::row, types::kUniform});
    loop.instrs.push_back({Instr::Op::load, {n}});
    loop.instrs.push_back({Instr::Op::apply, {n}, types::DType::f32, {0}, function.fn});
    loop.stores.push_back({1, 1});
    program.steps.push_back({loop, {}});
    const auto jit = Jit::compile(program, {});
    std::vector<float> x(n), y(n);
    const double inf = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < n; ++i) {
      const double u = static_cast<double>(i) / n;
      x[i] = static_cast<float>(function.fn == Fn::log ? function.low * std::pow(function.high / function.low, u)
                                                       : function.low + u * (function.high - function.low));
    }
    x[0] = static_cast<float>(inf);
    x[1] = static_cast<float>(-inf);
    x[2] = std::numeric_limits<float>::quiet_NaN();
    x[3] = 0;
    x[4] = 1e-4f;
    void* pointers[2] = {x.data(), y.data()};
    runtime::SpaceView uniform;
    const runtime::SpaceView* views[1] = {&uniform};
    jit->loops()[0].run(pointers, views, 0, n, nullptr);
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double expected = function.reference(x[i]);
      if (std::isnan(expected)) {
        CHECK(std::isnan(y[i]));
      } else if (std::isinf(expected) || expected == 0) {
        CHECK(y[i] == expected);
      } else {
        worst = std::max(worst, std::fabs(y[i] - expected) / std::max(std::fabs(expected), 1e-30));
      }
    }
    INFO(program::fn_name(function.fn));
    CHECK(worst < 4e-7);
  }
}

TEST_CASE("equal kernels share their code, and a cached object runs as the first did") {
  Kernel k;
  k.loop.space = k.space;
  k.store(k.apply(Fn::exp, {k.load(k.space, {5}, Access::row)}), k.space);
  k.program.steps.push_back({k.loop, {}});
  k.program.steps.push_back({k.loop, {}});
  const std::string folder = (std::filesystem::temp_directory_path() / "mtlc_jit_cache_test").string();
  std::filesystem::remove_all(folder);
  for (int time = 0; time < 2; ++time) {
    const auto jit = Jit::compile(k.program, {folder});
    CHECK(jit->loops()[0].run == jit->loops()[1].run);
    std::vector<float> x(25, 1), y(25);
    void* pointers[2] = {x.data(), y.data()};
    World world;
    jit->loops()[0].run(pointers, world.views.data(), 0, 5, nullptr);
    CHECK(y[24] == Approx(std::exp(1.0)));
    CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace mtl::codegen
