// Binding and running. What a run needs is laid out beforehand in one table of steps per plan: function, pointers,
// row counts to read; run() walks the table.
#include "runtime/engine/engine.h"

#include <xmmintrin.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "runtime/core/parallel.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/spaces.h"
#include "support/base/check.h"

namespace mtl::engine {
namespace {

using program::Buffer;
using program::Call;
using program::LoopKernel;
using types::kUniform;

// Less work than this is not worth a fork; a part has half of it at least.
constexpr double kForkNanoseconds = 20000, kPartNanoseconds = 10000;

// Subnormals are slow and never matter here; threads of the pool compute in the caller's mode.
void flush_subnormals() {
  constexpr unsigned kFlush = 0x8040;  // FTZ and DAZ
  if ((_mm_getcsr() & kFlush) != kFlush) _mm_setcsr(_mm_getcsr() | kFlush);
}

class Aligned {
 public:
  Aligned() = default;
  ~Aligned() { std::free(data_); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  // Contents are lost where it grows.
  void reserve(size_t bytes) {
    if (bytes <= size_) return;
    std::free(data_);
    size_ = (bytes + 4095) / 4096 * 4096;
    data_ = static_cast<std::byte*>(std::aligned_alloc(4096, size_));
    if (data_ == nullptr) out_of_memory("the values of a batch", size_);
  }
  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

struct BoundLoop {
  codegen::LoopFn run = nullptr;
  void** buffers = nullptr;
  const runtime::SpaceView* const* rows = nullptr;       // its range, if `units` is 0; an entry of the table of views
  const runtime::SpaceView* const* cost_rows = nullptr;  // what cost counts
  int64_t units = 0;
  double cost = 0;
};

struct BoundCall {
  runtime::KernelFn run = nullptr;
  runtime::KernelArgs args;
  size_t workspace_bytes = 0;
  std::vector<const runtime::SpaceView*> spaces;
};

struct Plan {
  Capacity capacity;
  MemoryPlan memory;
  size_t workspace_offset = 0;
  size_t bytes = 0;
  uint64_t bound = 0;  // the binding that its pointers belong to
  struct Entry {
    bool is_call;
    size_t index;
  };
  std::vector<Entry> order;
  std::vector<BoundLoop> loops;
  std::vector<BoundCall> calls;
  std::vector<void*> pointers;                     // of all steps, one after the other
  std::vector<std::pair<uint32_t, size_t>> slots;  // (buffer, index in pointers)
  std::vector<void*> of_buffer;
};

void run_loop(const BoundLoop& loop, const runtime::SpaceView* const* spaces, const runtime::StepScalars* step) {
  const int64_t n = loop.units > 0 ? loop.units : (*loop.rows)->rows;
  if (n == 0) return;
  const double work = loop.cost_rows == nullptr ? loop.cost * static_cast<double>(n)
                                                : loop.cost * static_cast<double>((*loop.cost_rows)->rows);
  const int64_t grain = loop.units > 0 ? codegen::CompiledLoop::kGrain : 1;
  const int64_t pieces = (n + grain - 1) / grain;
  const int64_t parts = work < kForkNanoseconds ? 1 : std::min(pieces, static_cast<int64_t>(work / kPartNanoseconds));
  runtime::parallel_for(parts, [&](int64_t part) {
    const runtime::Range range = runtime::part_range(pieces, parts, part);
    loop.run(loop.buffers, spaces, range.begin * grain, std::min(n, range.end * grain), step);
  });
}

}  // namespace

struct Engine::State {
  State(program::Program p, std::unique_ptr<codegen::Jit> j, ParamBlock b)
      : program(std::move(p)), jit(std::move(j)), params(std::move(b)), spaces(program) {
    columns.resize(program.buffers.size());
    for (size_t i = 0; i < program.buffers.size(); ++i) place_outside(i);
  }

  // Buffers that live outside the arena and never move.
  void place_outside(size_t i) {
    Buffer& buffer = program.buffers[i];
    if (buffer.view_of != program::kNoBuffer) return;
    switch (buffer.kind) {
      case Buffer::Kind::param:
      case Buffer::Kind::state:
        columns[i] = params.weights + params.offset(buffer.name);
        break;
      case Buffer::Kind::gradient:
        MTL_CHECK(params.gradients != nullptr, "a program with gradients needs a block for them");
        columns[i] = params.gradients + params.offset(buffer.name);
        break;
      case Buffer::Kind::constant:
        columns[i] = buffer.values.data();
        break;
      default:
        break;
    }
  }

  void bind(const Inputs& inputs) {
    spaces.bind(inputs);
    for (size_t i = 0; i < program.buffers.size(); ++i) {
      const Buffer& buffer = program.buffers[i];
      if (buffer.kind != Buffer::Kind::input || buffer.view_of != program::kNoBuffer) continue;
      columns[i] = const_cast<void*>(inputs.column(buffer.name));
      MTL_CHECK(columns[i] != nullptr, "no batch has the column " + buffer.name);
    }
    ++binding;
    current = nullptr;
    bound = true;
  }

  void* address(const Plan& plan, uint32_t buffer) const {
    const uint32_t of = program.buffers[buffer].view_of;
    if (of != program::kNoBuffer) buffer = of;
    if (columns[buffer] != nullptr) return columns[buffer];
    const size_t offset = plan.memory.offset[buffer];
    return offset == kNotPlanned ? nullptr : arena.data() + offset;
  }

  // Writes all pointers of a plan; allocates nothing.
  void bind_plan(Plan& plan) {
    for (auto [buffer, slot] : plan.slots) plan.pointers[slot] = address(plan, buffer);
    for (uint32_t b = 0; b < program.buffers.size(); ++b) plan.of_buffer[b] = address(plan, b);
    for (size_t c = 0, s = 0; s < program.steps.size(); ++s) {
      const auto* call = std::get_if<Call>(&program.steps[s].work);
      if (call == nullptr) continue;
      BoundCall& made = plan.calls[c++];
      for (size_t i = 0; i < call->spaces.size(); ++i) made.spaces[i] = spaces.view(call->spaces[i]);
      made.args.workspace = arena.data() + plan.workspace_offset;
    }
    plan.bound = binding;
  }

  std::unique_ptr<Plan> make_plan() {
    auto plan = std::make_unique<Plan>();
    plan->capacity = spaces.capacity();
    plan->memory = plan_memory(program, plan->capacity);
    plan->of_buffer.resize(program.buffers.size());
    size_t pointers = 0;
    for (const program::Step& step : program.steps) {
      const auto* kernel = std::get_if<LoopKernel>(&step.work);
      pointers += kernel != nullptr
                      ? kernel->operands.size() + kernel->stores.size() + codegen::random_keys(*kernel).size()
                      : std::get<Call>(step.work).operands.size();
    }
    plan->pointers.resize(pointers);
    size_t next = 0, workspace = 0;
    for (size_t s = 0; s < program.steps.size(); ++s) {
      if (const auto* kernel = std::get_if<LoopKernel>(&program.steps[s].work)) {
        plan->order.push_back({false, plan->loops.size()});
        add_loop(*plan, *kernel, jit->loops()[s], next);
      } else {
        plan->order.push_back({true, plan->calls.size()});
        add_call(*plan, std::get<Call>(program.steps[s].work), next);
        workspace = std::max(workspace, plan->calls.back().workspace_bytes);
      }
    }
    plan->workspace_offset = (plan->memory.bytes + 63) / 64 * 64;
    plan->bytes = plan->workspace_offset + workspace;
    return plan;
  }

  void add_slot(Plan& plan, uint32_t buffer, size_t& next) { plan.slots.emplace_back(buffer, next++); }

  void add_loop(Plan& plan, const LoopKernel& kernel, const codegen::CompiledLoop& code, size_t& next) {
    BoundLoop loop;
    loop.run = code.run;
    loop.buffers = plan.pointers.data() + next;
    for (const auto& operand : kernel.operands) add_slot(plan, operand.buffer, next);
    for (const auto& store : kernel.stores) add_slot(plan, store.buffer, next);
    for (void* key : codegen::random_keys(kernel)) plan.pointers[next++] = key;
    loop.units = code.units;
    loop.cost = code.cost;
    const auto* table = spaces.views();
    loop.rows = table + (kernel.form == LoopKernel::Form::segment ? kernel.target : kernel.space);
    if (!code.flat) loop.cost_rows = table + kernel.space;
    plan.loops.push_back(loop);
  }

  void add_call(Plan& plan, const Call& call, size_t& next) {
    const runtime::KernelInfo* info = runtime::find_kernel(call.kernel.c_str());
    MTL_CHECK(info != nullptr, "there is no runtime kernel " + call.kernel);
    BoundCall made;
    made.run = info->run;
    made.spaces.resize(call.spaces.size());
    std::vector<runtime::SpaceView> bounds(call.spaces.size());
    std::vector<const runtime::SpaceView*> views;
    for (size_t i = 0; i < call.spaces.size(); ++i) {
      const types::SpaceId id = call.spaces[i];
      bounds[i].rows = plan.capacity.rows[id];
      bounds[i].parent_rows = plan.capacity.rows[program.spaces[id].parent];
      bounds[i].longest = program.spaces[id].fixed ? program.spaces[id].fixed->value() : plan.capacity.longest[id];
      views.push_back(&bounds[i]);
    }
    if (info->workspace != nullptr) {
      made.workspace_bytes = info->workspace({call.ints.data(), views.data(), runtime::threads()});
    }
    made.args.buffers = plan.pointers.data() + next;
    for (uint32_t operand : call.operands) add_slot(plan, operand, next);
    made.args.ints = call.ints.data();
    made.args.floats = call.floats.data();
    plan.calls.push_back(std::move(made));
    plan.calls.back().args.spaces = plan.calls.back().spaces.data();
  }

  // The plan of the batches' present rows.
  void choose_plan() {
    if (current != nullptr && current->bound == binding && spaces.fits(current->capacity)) return;
    current = nullptr;
    for (auto& plan : plans) {
      if (spaces.fits(plan->capacity)) current = plan.get();
    }
    if (current == nullptr) {
      plans.push_back(make_plan());
      current = plans.back().get();
      for (BoundCall& call : current->calls) call.args.spaces = call.spaces.data();
      spaces.reserve(current->capacity);
      if (current->bytes > arena.size()) {
        arena.reserve(current->bytes);
        ++binding;  // every plan's pointers are stale
      }
    }
    if (current->bound != binding) bind_plan(*current);
  }

  const Buffer& output(uint32_t number) const { return program.buffers[program.outputs[number].second]; }
  const void* result(uint32_t number) const {
    MTL_CHECK(current != nullptr, "an output before the first run");
    return current->of_buffer[program.outputs[number].second];
  }

  program::Program program;
  std::unique_ptr<codegen::Jit> jit;
  ParamBlock params;
  BoundSpaces spaces;
  std::vector<void*> columns;  // by buffer: addresses outside the arena
  Aligned arena;
  std::vector<std::unique_ptr<Plan>> plans;
  Plan* current = nullptr;
  uint64_t binding = 1;
  bool bound = false;
};

Engine::Engine(program::Program program, std::unique_ptr<codegen::Jit> jit, ParamBlock params)
    : state_(std::make_unique<State>(std::move(program), std::move(jit), std::move(params))) {}
Engine::~Engine() = default;

void Engine::bind(const Inputs& inputs) {
  state_->bind(inputs);
}

void Engine::run(const runtime::StepScalars& step) {
  State& s = *state_;
  MTL_CHECK(s.bound, "run() before bind()");
  flush_subnormals();
  s.spaces.refresh_derived();
  s.choose_plan();
  s.spaces.refresh();
  const auto* views = s.spaces.views();
  for (const Plan::Entry& entry : s.current->order) {
    if (entry.is_call) {
      BoundCall& call = s.current->calls[entry.index];
      call.args.step = &step;
      call.run(call.args);
    } else {
      run_loop(s.current->loops[entry.index], views, &step);
    }
  }
}

const program::Program& Engine::program() const {
  return state_->program;
}

int Engine::scalar(const std::string& name) const {
  const auto& scalars = state_->program.scalars;
  const auto at = std::find(scalars.begin(), scalars.end(), name);
  return at == scalars.end() ? -1 : static_cast<int>(at - scalars.begin());
}

uint32_t Engine::output(const std::string& name) const {
  const auto& outputs = state_->program.outputs;
  const auto at = std::find_if(outputs.begin(), outputs.end(), [&](const auto& o) { return o.first == name; });
  MTL_CHECK(at != outputs.end(), "the program has no output " + name);
  return static_cast<uint32_t>(at - outputs.begin());
}

const float* Engine::output_f32(uint32_t output) const {
  MTL_CHECK(state_->output(output).dtype != types::DType::i32, "an output that is not f32");
  return static_cast<const float*>(state_->result(output));
}

const int32_t* Engine::output_i32(uint32_t output) const {
  MTL_CHECK(state_->output(output).dtype == types::DType::i32, "an output that is not i32");
  return static_cast<const int32_t*>(state_->result(output));
}

int64_t Engine::output_rows(uint32_t output) const {
  return state_->spaces.view(state_->output(output).space)->rows;
}

SparseRows Engine::sparse_rows(size_t index) const {
  const program::SparseGradient& sparse = state_->program.sparse[index];
  const Buffer& ids = state_->program.buffers[sparse.ids];
  const uint32_t column = ids.view_of == program::kNoBuffer ? sparse.ids : ids.view_of;
  SparseRows rows;
  rows.ids = static_cast<const int32_t*>(state_->columns[column]);
  rows.count = state_->spaces.view(ids.space)->rows * program::elements(ids.shape);
  if (state_->current != nullptr) rows.rows = static_cast<const float*>(state_->current->of_buffer[sparse.rows]);
  return rows;
}

size_t Engine::arena_bytes() const {
  return state_->arena.size();
}
size_t Engine::plans() const {
  return state_->plans.size();
}

}  // namespace mtl::engine
