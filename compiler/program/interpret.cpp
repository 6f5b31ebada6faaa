// The reference interpreter: every instruction of a row computes its whole tensor, in the order written.
#include "compiler/program/interpret.h"

#include <cmath>
#include <limits>

#include "compiler/program/kernel_facts.h"
#include "runtime/core/random.h"
#include "support/base/check.h"

namespace mtl::program {
namespace {

using types::kUniform;
using types::SpaceId;
using Views = std::span<const runtime::SpaceView* const>;

// Rows and their kin, over ragged and fixed spaces alike.
class Rows {
 public:
  Rows(const types::Spaces& spaces, Views views) : spaces_(spaces), views_(views) {}

  int64_t count(SpaceId space) const {
    if (space == kUniform) return 1;
    if (fixed(space)) return count(spaces_[space].parent) * *fixed(space);
    return views_[space]->rows;
  }
  int64_t parent(SpaceId space, int64_t row) const {
    if (spaces_[space].parent == kUniform) return 0;
    return fixed(space) ? row / *fixed(space) : views_[space]->parent[row];
  }
  int64_t ancestor(SpaceId space, int64_t row, SpaceId target) const {
    for (; space != target; space = spaces_[space].parent) row = parent(space, row);
    return row;
  }
  int64_t position(SpaceId space, int64_t row) const {
    if (fixed(space)) return row % *fixed(space);
    return spaces_[space].parent == kUniform ? row : views_[space]->position[row];
  }
  // First row in `space` of row `row` of `target`, an ancestor; row = count(target) gives the end.
  int64_t begin(SpaceId space, SpaceId target, int64_t row) const {
    if (space == target) return row;
    const SpaceId up = spaces_[space].parent;
    const int64_t at = begin(up, target, row);
    if (fixed(space)) return at * *fixed(space);
    if (up == kUniform) return at == 0 ? 0 : views_[space]->rows;
    return views_[space]->offsets[at];
  }
  uint64_t identity(SpaceId space, int64_t row) const {
    if (space == kUniform) return 0;
    if (!fixed(space)) return views_[space]->identity[row];
    const int64_t n = *fixed(space);
    return runtime::child_identity(identity(spaces_[space].parent, row / n), static_cast<uint64_t>(row % n));
  }

 private:
  std::optional<int64_t> fixed(SpaceId space) const {
    if (!spaces_[space].fixed) return std::nullopt;
    return spaces_[space].fixed->value();
  }
  const types::Spaces& spaces_;
  Views views_;
};

double apply_unary(Fn fn, double a) {
  switch (fn) {
    case Fn::neg:
      return -a;
    case Fn::exp:
      return std::exp(a);
    case Fn::log:
      return std::log(a);
    case Fn::sqrt:
      return std::sqrt(a);
    case Fn::rsqrt:
      return 1 / std::sqrt(a);
    case Fn::abs:
      return std::fabs(a);
    case Fn::sign:
      return a > 0 ? 1 : a < 0 ? -1 : a;
    case Fn::tanh:
      return std::tanh(a);
    case Fn::sigmoid:
      return 1 / (1 + std::exp(-a));
    case Fn::erf:
      return std::erf(a);
    case Fn::floor:
      return std::floor(a);
    case Fn::logical_not:
      return a == 0;
    case Fn::is_nan:
      return a != a;
    case Fn::to_f32:
      return a;
    case Fn::to_i32:
      return std::trunc(a);
    default:
      MTL_CHECK(false, "not a function of one value");
  }
}

double apply(Fn fn, double a, double b, double c) {
  switch (fn) {
    case Fn::add:
      return a + b;
    case Fn::sub:
      return a - b;
    case Fn::mul:
      return a * b;
    case Fn::div:
      return a / b;
    case Fn::min:
      return a < b || a != a ? a : b;
    case Fn::max:
      return a > b || a != a ? a : b;
    case Fn::pow:
      return std::pow(a, b);
    case Fn::eq:
      return a == b;
    case Fn::ne:
      return a != b;
    case Fn::lt:
      return a < b;
    case Fn::le:
      return a <= b;
    case Fn::gt:
      return a > b;
    case Fn::ge:
      return a >= b;
    case Fn::logical_and:
      return a != 0 && b != 0;
    case Fn::logical_or:
      return a != 0 || b != 0;
    case Fn::select:
      return a != 0 ? b : c;
    default:
      return apply_unary(fn, a);
  }
}

double identity_of(Reduce reduce) {
  switch (reduce) {
    case Reduce::sum:
      return 0;
    case Reduce::prod:
      return 1;
    case Reduce::max:
    case Reduce::argmax:
      return -std::numeric_limits<double>::infinity();
    case Reduce::min:
    case Reduce::argmin:
      return std::numeric_limits<double>::infinity();
  }
  return 0;
}

double combine(Reduce reduce, double a, double b) {
  switch (reduce) {
    case Reduce::sum:
      return a + b;
    case Reduce::prod:
      return a * b;
    case Reduce::max:
      return apply(Fn::max, a, b, 0);
    default:
      return apply(Fn::min, a, b, 0);
  }
}

bool beats(Reduce reduce, double x, double best) {
  return reduce == Reduce::argmax ? x > best : x < best;
}

// Calls f(index) for every index tuple of `shape`, in row-major order.
template <class F>
void each_index(const Shape& shape, F f) {
  std::vector<int64_t> index(shape.size(), 0);
  const int64_t n = elements(shape);
  for (int64_t i = 0; i < n; ++i) {
    f(i, index);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

// Linear index into `shape` of an index tuple of a shape that it broadcasts to.
int64_t broadcast_index(const Shape& shape, const std::vector<int64_t>& index) {
  int64_t at = 0;
  const size_t lead = index.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + (shape[d] == 1 ? 0 : index[lead + d]);
  return at;
}

class KernelRun {
 public:
  KernelRun(const InterpretContext& context, const LoopKernel& kernel, std::span<double* const> memory)
      : context_(context), kernel_(kernel), memory_(memory), rows_(context.program.spaces, context.spaces) {
    values_.resize(kernel.instrs.size());
  }

  void run() {
    if (kernel_.form == LoopKernel::Form::row) {
      const int64_t n = rows_.count(kernel_.space);
      for (int64_t r = 0; r < n; ++r) {
        compute(r);
        for (const KernelStore& store : kernel_.stores) put(store, r);
      }
      return;
    }
    const SpaceId target = kernel_.form == LoopKernel::Form::column ? kUniform : kernel_.target;
    const int64_t n = rows_.count(target);
    for (int64_t t = 0; t < n; ++t) reduce_rows(target, t);
  }

 private:
  void reduce_rows(SpaceId target, int64_t t) {
    const int64_t first = rows_.begin(kernel_.space, target, t);
    const int64_t end = rows_.begin(kernel_.space, target, t + 1);
    std::vector<std::vector<double>> best(kernel_.stores.size());
    for (size_t s = 0; s < kernel_.stores.size(); ++s) {
      const KernelStore& store = kernel_.stores[s];
      const int64_t n = elements(kernel_.instrs[store.value].shape);
      best[s].assign(n, identity_of(store.accumulate));
      double* to = row(store.buffer, t);
      for (int64_t i = 0; i < n; ++i) {
        to[i] = store.accumulate >= Reduce::argmax ? (first == end ? -1 : 0) : best[s][i];
        if (first == end && (store.accumulate == Reduce::max || store.accumulate == Reduce::min)) to[i] = 0;
      }
    }
    for (int64_t r = first; r < end; ++r) {
      compute(r);
      for (size_t s = 0; s < kernel_.stores.size(); ++s) {
        const KernelStore& store = kernel_.stores[s];
        double* to = row(store.buffer, t);
        for (size_t i = 0; i < best[s].size(); ++i) {
          const double x = values_[store.value][i];
          if (store.accumulate < Reduce::argmax) {
            to[i] = combine(store.accumulate, to[i], x);
          } else if (beats(store.accumulate, x, best[s][i])) {
            best[s][i] = x;
            to[i] = static_cast<double>(r - first);
          }
        }
      }
    }
  }

  double* row(uint32_t buffer, int64_t r) const {
    return memory_[buffer] + r * elements(context_.program.buffers[buffer].shape);
  }

  void put(const KernelStore& store, int64_t r) {
    double* to = row(store.buffer, r) + store.element_offset;
    const Shape& shape = kernel_.instrs[store.value].shape;
    const Shape strides = store.strides.empty() ? dense_strides(shape) : store.strides;
    each_index(shape, [&](int64_t i, const std::vector<int64_t>& index) {
      int64_t at = 0;
      for (size_t d = 0; d < shape.size(); ++d) at += index[d] * strides[d];
      to[at] = values_[store.value][i];
    });
  }

  void compute(int64_t r) {
    for (size_t i = 0; i < kernel_.instrs.size(); ++i) {
      const Instr& instr = kernel_.instrs[i];
      values_[i].assign(elements(instr.shape), 0);
      compute(instr, values_[i], r);
    }
  }

  void load(const Instr& instr, std::vector<double>& out, int64_t r) {
    const KernelOperand& operand = kernel_.operands[instr.operand];
    int64_t at = r;
    if (operand.access == Access::ancestor) at = rows_.ancestor(kernel_.space, r, operand.space);
    if (operand.access == Access::uniform) at = 0;
    if (operand.access == Access::first_child || operand.access == Access::last_child) {
      const int64_t first = rows_.begin(operand.space, kernel_.space, r);
      const int64_t end = rows_.begin(operand.space, kernel_.space, r + 1);
      if (first == end) return;  // zeros
      at = operand.access == Access::first_child ? first : end - 1;
    }
    const double* from = row(operand.buffer, at);
    std::copy(from, from + out.size(), out.begin());
  }

  void compute(const Instr& instr, std::vector<double>& out, int64_t r) {
    switch (instr.op) {
      case Instr::Op::load:
        return load(instr, out, r);
      case Instr::Op::gather: {
        const int64_t id = static_cast<int64_t>(values_[instr.args[0]][0]);
        if (id < 0) return;
        const double* from = memory_[kernel_.operands[instr.operand].buffer] + id * static_cast<int64_t>(out.size());
        std::copy(from, from + out.size(), out.begin());
        return;
      }
      case Instr::Op::constant:
        out.assign(out.size(), instr.number);
        return;
      case Instr::Op::index:
        return each_index(instr.shape, [&](int64_t i, const std::vector<int64_t>& index) {
          out[i] = static_cast<double>(index[instr.axis]);
        });
      case Instr::Op::position:
        out[0] = static_cast<double>(rows_.position(kernel_.space, r));
        return;
      case Instr::Op::length:
        out[0] = static_cast<double>(rows_.begin(instr.space, kernel_.space, r + 1) -
                                     rows_.begin(instr.space, kernel_.space, r));
        return;
      case Instr::Op::random: {
        const uint64_t stream = runtime::random_stream(context_.step.seed, context_.step.step, instr.key);
        const uint64_t who = runtime::random_row(stream, rows_.identity(kernel_.space, r));
        for (size_t i = 0; i < out.size(); ++i) {
          out[i] = runtime::random_unit(runtime::random_bits(who, static_cast<uint32_t>(i)));
        }
        return;
      }
      case Instr::Op::scalar:
        out[0] = context_.step.values[instr.operand];
        return;
      case Instr::Op::apply:
        return compute_apply(instr, out);
      case Instr::Op::reduce:
        return compute_reduce(instr, out);
      case Instr::Op::view: {
        const std::vector<double>& from = values_[instr.args[0]];
        return each_index(instr.shape, [&](int64_t i, const std::vector<int64_t>& index) {
          int64_t at = instr.offset;
          for (size_t d = 0; d < index.size(); ++d) at += index[d] * instr.strides[d];
          out[i] = from[at];
        });
      }
    }
  }

  void compute_apply(const Instr& instr, std::vector<double>& out) {
    each_index(instr.shape, [&](int64_t i, const std::vector<int64_t>& index) {
      double args[3] = {0, 0, 0};
      for (size_t a = 0; a < instr.args.size(); ++a) {
        args[a] = values_[instr.args[a]][broadcast_index(kernel_.instrs[instr.args[a]].shape, index)];
      }
      out[i] = apply(instr.fn, args[0], args[1], args[2]);
    });
  }

  void compute_reduce(const Instr& instr, std::vector<double>& out) {
    const std::vector<double>& from = values_[instr.args[0]];
    std::vector<double> best(out.size(), identity_of(instr.reduce));
    if (instr.reduce < Reduce::argmax) out = best;
    each_index(kernel_.instrs[instr.args[0]].shape, [&](int64_t i, const std::vector<int64_t>& index) {
      std::vector<int64_t> kept = index;
      for (int axis : instr.axes) kept[axis] = 0;
      const int64_t at = broadcast_index(instr.shape, kept);
      if (instr.reduce < Reduce::argmax) {
        out[at] = combine(instr.reduce, out[at], from[i]);
      } else if (beats(instr.reduce, from[i], best[at])) {
        best[at] = from[i];
        out[at] = static_cast<double>(index[instr.axes[0]]);
      }
    });
  }

  const InterpretContext& context_;
  const LoopKernel& kernel_;
  std::span<double* const> memory_;
  Rows rows_;
  std::vector<std::vector<double>> values_;
};

// Calls run in f32 on copies of their buffers.
void interpret_call(const InterpretContext& context, const Call& call, std::span<double* const> memory) {
  const runtime::KernelInfo* info = context.find_kernel(call.kernel.c_str());
  MTL_CHECK(info != nullptr, "a call of an unknown kernel: " + call.kernel);
  std::vector<std::vector<float>> floats(call.operands.size());
  std::vector<void*> pointers;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const int64_t n = buffer_elements(context, call.operands[i]);
    floats[i].resize(n + 16);
    const double* from = memory[call.operands[i]];
    for (int64_t e = 0; e < n; ++e) {
      if (context.program.buffers[call.operands[i]].dtype == types::DType::i32) {
        reinterpret_cast<int32_t*>(floats[i].data())[e] = static_cast<int32_t>(from[e]);
      } else {
        floats[i][e] = static_cast<float>(from[e]);
      }
    }
    pointers.push_back(floats[i].data());
  }
  std::vector<const runtime::SpaceView*> spaces;
  for (SpaceId space : call.spaces) spaces.push_back(context.spaces[space]);
  std::vector<float> workspace;
  if (info->workspace != nullptr) {
    workspace.resize(info->workspace({call.ints.data(), spaces.data(), runtime::threads()}) / 4 + 32);
  }
  void* aligned = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(workspace.data()) + 63) / 64 * 64);
  info->run({pointers.data(), call.ints.data(), call.floats.data(), spaces.data(), aligned, &context.step});
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const int64_t n = buffer_elements(context, call.operands[i]);
    for (int64_t e = 0; e < n; ++e) {
      memory[call.operands[i]][e] = context.program.buffers[call.operands[i]].dtype == types::DType::i32
                                        ? reinterpret_cast<const int32_t*>(floats[i].data())[e]
                                        : floats[i][e];
    }
  }
}

}  // namespace

int64_t row_count(const Program& program, Views spaces, SpaceId space) {
  return Rows(program.spaces, spaces).count(space);
}

int64_t buffer_elements(const InterpretContext& context, uint32_t buffer) {
  const Buffer& b = context.program.buffers[buffer];
  return row_count(context.program, context.spaces, b.space) * elements(b.shape);
}

void interpret_kernel(const InterpretContext& context, const LoopKernel& kernel, std::span<double* const> memory) {
  KernelRun(context, kernel, memory).run();
}

void interpret(const InterpretContext& context, std::span<double* const> memory) {
  for (const Step& step : context.program.steps) {
    if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
      interpret_kernel(context, *kernel, memory);
    } else {
      interpret_call(context, std::get<Call>(step.work), memory);
    }
  }
}

}  // namespace mtl::program
