// Lays buffers whose lives do not overlap into the same memory.
#include "runtime/engine/plan.h"

#include <algorithm>
#include <bit>

#include "support/base/check.h"

namespace mtl::engine {

using program::Buffer;
using program::Program;

int64_t bucket(int64_t count) {
  if (count <= 16) return std::max<int64_t>(count, 1);
  const int64_t step = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(count))) / 8;
  return (count + step - 1) / step * step;
}

namespace {

uint32_t owner(const Program& program, uint32_t buffer) {
  const uint32_t of = program.buffers[buffer].view_of;
  return of == program::kNoBuffer ? buffer : of;
}

bool planned(const Buffer& buffer) {
  return buffer.view_of == program::kNoBuffer &&
         (buffer.kind == Buffer::Kind::arena || buffer.kind == Buffer::Kind::output);
}

template <class F>
void each_buffer(const program::Step& step, F f) {
  if (const auto* kernel = std::get_if<program::LoopKernel>(&step.work)) {
    for (const auto& operand : kernel->operands) f(operand.buffer);
    for (const auto& store : kernel->stores) f(store.buffer);
  } else {
    for (uint32_t operand : std::get<program::Call>(step.work).operands) f(operand);
  }
}

}  // namespace

std::vector<Lifetime> lifetimes(const Program& program, const Capacity& capacity) {
  const int end = static_cast<int>(program.steps.size());
  std::vector<Lifetime> all(program.buffers.size());
  for (uint32_t b = 0; b < all.size(); ++b) {
    const Buffer& buffer = program.buffers[b];
    all[b] = {b, end, -1, 0};
    if (!planned(buffer)) continue;
    const int64_t count = capacity.rows[buffer.space] * program::elements(buffer.shape);
    all[b].bytes = (static_cast<size_t>(count) * 4 + 63) / 64 * 64;
  }
  for (int s = 0; s < end; ++s) {
    each_buffer(program.steps[s], [&](uint32_t buffer) {
      Lifetime& life = all[owner(program, buffer)];
      life.first = std::min(life.first, s);
      life.last = std::max(life.last, s);
    });
  }
  std::vector<Lifetime> out;
  for (Lifetime& life : all) {
    if (!planned(program.buffers[life.buffer]) || life.last < 0) continue;
    if (program.buffers[life.buffer].kind == Buffer::Kind::output) life.last = end;
    out.push_back(life);
  }
  return out;
}

// Note [Memory plan]: largest buffers first, each into the smallest gap that fits between those already placed whose
// lives overlap with its own (best fit), or behind them all.
MemoryPlan plan_memory(const Program& program, const Capacity& capacity) {
  std::vector<Lifetime> order = lifetimes(program, capacity);
  std::stable_sort(order.begin(), order.end(), [](const Lifetime& a, const Lifetime& b) { return a.bytes > b.bytes; });
  MemoryPlan plan;
  plan.offset.assign(program.buffers.size(), kNotPlanned);
  struct Placed {
    size_t begin, end;
    int first, last;
  };
  std::vector<Placed> placed;  // by begin
  for (const Lifetime& life : order) {
    size_t cursor = 0, best = kNotPlanned, best_gap = kNotPlanned;
    for (const Placed& other : placed) {
      if (other.last < life.first || life.last < other.first) continue;
      if (other.begin > cursor && other.begin - cursor >= life.bytes && other.begin - cursor < best_gap) {
        best = cursor;
        best_gap = other.begin - cursor;
      }
      cursor = std::max(cursor, other.end);
    }
    const size_t begin = best == kNotPlanned ? cursor : best;
    plan.offset[life.buffer] = begin;
    plan.bytes = std::max(plan.bytes, begin + life.bytes);
    const Placed made{begin, begin + life.bytes, life.first, life.last};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), made,
                                   [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                  made);
  }
  return plan;
}

}  // namespace mtl::engine
