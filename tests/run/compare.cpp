// Compares compiled programs with the interpreter and with references in double.
#include "tests/run/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/program/group_products.h"
#include "compiler/program/interpret.h"
#include "compiler/program/lower.h"

namespace mtl::tests {
namespace {

using program::Buffer;
using types::SpaceId;

// Space views of a host batch.
struct Views {
  explicit Views(const std::vector<ops::HostSpace>& spaces) : orders(spaces.size()), views(spaces.size()) {
    for (size_t i = 0; i < spaces.size(); ++i) {
      const ops::HostSpace& host = spaces[i];
      runtime::SpaceView& view = views[i];
      view.rows = host.rows;
      pointers.push_back(&view);
      if (i == types::kUniform) continue;
      view.parent_rows = static_cast<int64_t>(host.offsets.size()) - 1;
      view.offsets = host.offsets.data();
      view.parent = host.parent.data();
      view.position = host.position.data();
      view.identity = host.identity.data();
      orders[i].resize(view.parent_rows);
      std::iota(orders[i].begin(), orders[i].end(), 0);
      auto length = [&](int32_t p) { return host.offsets[p + 1] - host.offsets[p]; };
      std::stable_sort(orders[i].begin(), orders[i].end(), [&](int32_t a, int32_t b) { return length(a) > length(b); });
      view.order = orders[i].data();
      view.longest = orders[i].empty() ? 0 : length(orders[i][0]);
    }
  }
  std::vector<std::vector<int32_t>> orders;
  std::vector<runtime::SpaceView> views;
  std::vector<const runtime::SpaceView*> pointers;
};

std::vector<float> step_values(const program::Program& program, const ir::HostBatch& batch) {
  std::vector<float> values;
  for (const std::string& name : program.scalars) values.push_back(static_cast<float>(batch.scalars.at(name)));
  return values;
}

std::string difference(const std::string& how, const std::string& name, const std::vector<double>& expected,
                       const std::vector<double>& got, double tolerance) {
  if (expected.size() != got.size()) {
    return fmt::format("{}: `{}` has {} values instead of {}", how, name, got.size(), expected.size());
  }
  double largest = 0;
  for (double x : expected) largest = std::isfinite(x) ? std::max(largest, std::fabs(x)) : largest;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double a = expected[i], b = got[i];
    if ((std::isnan(a) && std::isnan(b)) || a == b) continue;
    if (std::fabs(a - b) <= tolerance * std::fabs(a) + 0.1 * tolerance * largest + 1e-9) continue;
    return fmt::format("{}: `{}`[{}] is {} instead of {}", how, name, i, b, a);
  }
  return {};
}

// What the interpreter computes, by output name.
std::map<std::string, std::vector<double>> interpreted(const program::Program& program, const ir::HostBatch& batch) {
  const Views views(batch.spaces);
  const std::vector<float> scalars = step_values(program, batch);
  program::InterpretContext context{
      program, views.pointers, {batch.seed, batch.step, scalars.data()}, runtime::find_kernel};
  std::vector<std::vector<double>> memory(program.buffers.size());
  std::vector<double*> pointers(program.buffers.size());
  for (uint32_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer& buffer = program.buffers[b];
    if (buffer.view_of != program::kNoBuffer) continue;
    if (buffer.kind == Buffer::Kind::input) memory[b] = batch.inputs.at(buffer.name);
    if (buffer.kind == Buffer::Kind::param || buffer.kind == Buffer::Kind::state)
      memory[b] = batch.params.at(buffer.name);
    memory[b].resize(static_cast<size_t>(program::buffer_elements(context, b)) + 1);
    pointers[b] = memory[b].data();
  }
  for (uint32_t b = 0; b < program.buffers.size(); ++b) {
    const uint32_t of = program.buffers[b].view_of;
    if (of != program::kNoBuffer) pointers[b] = pointers[of];
  }
  program::interpret(context, pointers);
  std::map<std::string, std::vector<double>> out;
  auto take = [&](const std::string& name, uint32_t b) {
    out[name].assign(pointers[b], pointers[b] + program::buffer_elements(context, b));
  };
  for (const auto& [name, b] : program.outputs) take(name, b);
  for (uint32_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer& buffer = program.buffers[b];
    if (buffer.kind == Buffer::Kind::gradient && buffer.view_of == program::kNoBuffer) take("grad " + buffer.name, b);
  }
  return out;
}

}  // namespace

namespace {

// As sessions lower it, or with one kernel for each op.
program::Program lowered(const ir::Graph& graph, bool fuse, bool sparse) {
  program::Program program = program::lower(graph, {fuse, sparse});
  if (fuse) program::group_products(program);
  return program;
}

}  // namespace

struct HostEngine::State : engine::Inputs {
  State(const ir::Graph& graph, const ir::HostBatch& first, bool fuse, bool sparse,
        const codegen::JitOptions& options) {
    program::Program program = lowered(graph, fuse, sparse);
    for (const auto& [path, values] : first.params) {
      offsets[path] = static_cast<int64_t>(weights.size());
      weights.insert(weights.end(), values.begin(), values.end());
      weights.resize((weights.size() + 15) / 16 * 16);
    }
    gradients.resize(weights.size());
    auto jit = codegen::Jit::compile(program, options);
    engine::ParamBlock block{weights.data(), gradients.data(),
                             [this](const std::string& path) { return offsets.at(path); }};
    running = std::make_unique<engine::Engine>(std::move(program), std::move(jit), block);
    bind(first);
  }

  void bind(const ir::HostBatch& from) {
    batch = from;
    views = std::make_unique<Views>(batch.spaces);
    floats.clear();
    ints.clear();
    for (const auto& [name, values] : batch.inputs) {
      floats[name].assign(values.begin(), values.end());
      floats[name].resize(values.size() + 1);
      ints[name].resize(values.size() + 1);
      for (size_t i = 0; i < values.size(); ++i)
        ints[name][i] = std::isfinite(values[i]) ? static_cast<int32_t>(values[i]) : 0;
    }
    scalars = step_values(running->program(), batch);
    step = {batch.seed, batch.step, scalars.data()};
    running->bind(*this);
  }

  const runtime::SpaceView* space(const std::string& name) const override {
    return views->pointers[running->program().spaces.find(name)];
  }
  const void* column(const std::string& name) const override {
    for (const Buffer& buffer : running->program().buffers) {
      if (buffer.kind != Buffer::Kind::input || buffer.name != name) continue;
      return buffer.dtype == types::DType::i32 ? static_cast<const void*>(ints.at(name).data())
                                               : floats.at(name).data();
    }
    return nullptr;
  }

  ir::HostBatch batch;
  std::unique_ptr<Views> views;
  std::vector<float> weights, gradients, scalars;
  std::map<std::string, int64_t> offsets;
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<int32_t>> ints;
  std::unique_ptr<engine::Engine> running;
  runtime::StepScalars step;
};

HostEngine::HostEngine(const ir::Graph& graph, const ir::HostBatch& batch, bool fuse, bool sparse,
                       const codegen::JitOptions& jit)
    : state_(std::make_unique<State>(graph, batch, fuse, sparse, jit)) {}
HostEngine::~HostEngine() = default;
engine::Engine& HostEngine::engine() {
  return *state_->running;
}
void HostEngine::run() {
  state_->running->run(state_->step);
}
void HostEngine::rebind(const ir::HostBatch& batch) {
  state_->bind(batch);
}
const runtime::StepScalars& HostEngine::step() const {
  return state_->step;
}

std::vector<double> HostEngine::values(const std::string& name) {
  const program::Program& program = state_->running->program();
  std::vector<double> out;
  if (name.starts_with("grad ")) {
    const std::string path = name.substr(5);
    const float* from = state_->gradients.data() + state_->offsets.at(path);
    return {from, from + state_->batch.params.at(path).size()};
  }
  for (const auto& [output, b] : program.outputs) {
    if (output != name) continue;
    const Buffer& buffer = program.buffers[b];
    program::InterpretContext context{program, state_->views->pointers, {}, {}};
    const auto n = static_cast<size_t>(program::buffer_elements(context, b));
    if (buffer.dtype == types::DType::i32) {
      const int32_t* from = state_->running->output_i32(state_->running->output(name));
      out.assign(from, from + n);
    } else {
      const float* from = state_->running->output_f32(state_->running->output(name));
      out.assign(from, from + n);
    }
  }
  return out;
}

std::string compare_lowered(const ir::Graph& graph, const ir::HostBatch& batch, const CompareOptions& options) {
  const auto expected = ir::evaluate(graph, batch);
  std::map<std::string, std::vector<double>> got;
  if (options.interpret) {
    got = interpreted(lowered(graph, options.fuse, false), batch);
    for (const auto& [name, tensor] : expected) {
      const std::string wrong = difference("interpreter", name, tensor.values, got[name], options.tolerance);
      if (!wrong.empty()) return wrong;
    }
  }
  if (!options.native) return {};
  HostEngine engine(graph, batch, options.fuse, false, {options.cache_dir, options.lanes});
  for (int time = 0; time < 2; ++time) {
    engine.run();
    for (const auto& [name, tensor] : expected) {
      const std::string wrong = difference("native", name, tensor.values, engine.values(name), options.tolerance);
      if (!wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace mtl::tests
