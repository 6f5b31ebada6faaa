// One row of a kernel: its stages, each some scalars and then loop nests (codegen/schedule.h).
//
// A nest's loops: the dimensions that its reductions keep, outermost; then those they reduce; innermost the vector
// dimension, the last one longer than 1. Where reductions keep the vector dimension (a sum over the first axis), the
// reduced loops go inside each chunk of it instead. Either way every running value stays in registers.
#include <algorithm>
#include <bit>
#include <set>

#include "compiler/codegen/emitter.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Reduce;

void Emitter::emit_row_body() {
  for (const Stage& stage : schedule_.stages) {
    for (InstrId id : stage.scalars) emit_scalar(id);
    for (uint32_t store : stage.stores) emit_scalar_store(store);
    for (const Nest& nest : stage.nests) emit_nest(nest);
  }
}

void Emitter::emit_scalar_store(uint32_t store) {
  Point point;
  store_value(store, scalar_value(kernel_.stores[store].value), point);
}

void Emitter::over_dims(const std::vector<int>& dims, const Shape& extents, Index& index, size_t from,
                        const std::function<void()>& body) {
  if (from == dims.size()) return body();
  const int dim = dims[from];
  loop(number(0), number(extents[dim]), 1, [&](Value* i) {
    index[dim] = i;
    over_dims(dims, extents, index, from + 1, body);
  });
}

void Emitter::over_chunks(const Nest& nest, Index& index, int vector_dim, int64_t extent, int unroll,
                          const std::function<void(Point&, int)>& body) {
  auto chunk = [&](Value* start, int64_t count, int slot) {
    Point point;
    point.nest = &nest;
    index[vector_dim] = start;
    point.index = index;
    point.vector_dim = vector_dim;
    point.lanes = static_cast<int>(std::bit_ceil(static_cast<uint64_t>(count)));
    point.mask = lane_mask(count, point.lanes);
    body(point, slot);
  };
  const int64_t full = extent / kLanes, looped = full <= unroll ? 0 : full / unroll * unroll;
  if (looped > 0) {
    loop(number(0), number(looped * kLanes), unroll * kLanes, [&](Value* i) {
      for (int u = 0; u < unroll; ++u) chunk(b_.CreateAdd(i, number(u * kLanes)), kLanes, u);
    });
  }
  for (int64_t c = looped; c < full; ++c) chunk(number(c * kLanes), kLanes, static_cast<int>(c % unroll));
  if (extent % kLanes != 0) chunk(number(full * kLanes), extent % kLanes, unroll);
}

// Small bodies are unrolled, so that several chains of dependent operations overlap.
int Emitter::unroll_of(const Nest& nest) const {
  std::set<InstrId> seen;
  std::vector<InstrId> todo;
  for (const Root& root : nest.roots) {
    todo.push_back(root.kind == Root::Kind::store    ? kernel_.stores[root.id].value
                   : root.kind == Root::Kind::reduce ? at(root.id).args[0]
                                                     : root.id);
  }
  while (!todo.empty()) {
    const InstrId id = todo.back();
    todo.pop_back();
    if (schedule_.scalar[id] || !seen.insert(id).second || at(id).op == Instr::Op::reduce) continue;
    todo.insert(todo.end(), at(id).args.begin(), at(id).args.end());
  }
  return seen.size() <= 8 ? 4 : seen.size() <= 20 ? 2 : 1;
}

void Emitter::emit_nest(const Nest& nest) {
  NestLoops loops;
  loops.extents = nest.linear ? Shape{program::elements(nest.shape)} : nest.shape;
  const int rank = static_cast<int>(loops.extents.size());
  loops.vector_dim = rank - 1;
  while (loops.extents[loops.vector_dim] == 1) --loops.vector_dim;
  loops.extent = loops.extents[loops.vector_dim];
  auto is_reduced = [&](int dim) {
    return !nest.axes.empty() && (nest.linear || std::find(nest.axes.begin(), nest.axes.end(), dim) != nest.axes.end());
  };
  std::vector<int> kept;
  for (int d = 0; d < rank; ++d) {
    if (d != loops.vector_dim && loops.extents[d] > 1) (is_reduced(d) ? loops.reduced : kept).push_back(d);
  }
  const bool across = !nest.axes.empty() && !is_reduced(loops.vector_dim);
  Index index(rank, number(0));
  over_dims(kept, loops.extents, index, 0, [&] {
    if (across) {
      emit_across(nest, loops, index);
    } else {
      emit_along(nest, loops, index);
    }
  });
}

// Reductions that keep the vector dimension: running values for each chunk of it.
void Emitter::emit_across(const Nest& nest, const NestLoops& loops, Index& index) {
  over_chunks(nest, index, loops.vector_dim, loops.extent, 1, [&](Point& point, int) {
    const std::vector<Accumulator> sums = make_accumulators(nest, {point.lanes});
    for (const Accumulator& sum : sums) start(sum);
    Index inner = point.index;
    over_dims(loops.reduced, loops.extents, inner, 0, [&] {
      Point at_index = point;
      at_index.index = inner;
      emit_roots(at_index, sums, 0);
    });
    for (const Accumulator& sum : sums) {
      const bool arg = at(sum.reduce).reduce >= Reduce::argmax;
      llvm::Type* type = arg ? type_of(types::DType::i32, point.lanes) : sum.type;
      put_reduced(sum.reduce, b_.CreateLoad(type, arg ? sum.index : sum.value), point);
    }
  });
}

// Reductions along the vector dimension, or none.
void Emitter::emit_along(const Nest& nest, const NestLoops& loops, Index& index) {
  const int unroll = unroll_of(nest);
  std::vector<int> lanes(static_cast<size_t>(unroll), 0);
  for (int64_t slot = 0; slot < unroll && slot < loops.extent / kLanes; ++slot) lanes[slot] = kLanes;
  const int64_t rest = loops.extent % kLanes;
  if (rest != 0) lanes.push_back(static_cast<int>(std::bit_ceil(static_cast<uint64_t>(rest))));
  const std::vector<Accumulator> sums = make_accumulators(nest, lanes);
  for (const Accumulator& sum : sums) start(sum);
  over_dims(loops.reduced, loops.extents, index, 0, [&] {
    over_chunks(nest, index, loops.vector_dim, loops.extent, unroll,
                [&](Point& point, int slot) { emit_roots(point, sums, slot); });
  });
  for (const Root& root : nest.roots) {
    if (root.kind != Root::Kind::reduce) continue;
    std::vector<Accumulator> slots;
    std::copy_if(sums.begin(), sums.end(), std::back_inserter(slots),
                 [&](const Accumulator& sum) { return sum.reduce == root.id; });
    Value* value = at(root.id).reduce >= Reduce::argmax ? finish_arg(slots) : finish(slots);
    Point point;
    point.index = index;
    put_reduced(root.id, value, point);
  }
}

void Emitter::emit_roots(Point& point, const std::vector<Accumulator>& accumulators, int slot) {
  for (const Root& root : point.nest->roots) {
    if (root.kind != Root::Kind::keep) continue;
    const Instr& instr = at(root.id);
    Value* value = compute_at(root.id, point);
    point.memo[root.id] = value;
    auto [offset, stride] = locate(instr.shape, program::dense_strides(instr.shape), 0, point);
    write(base_of(root.id), value, offset, stride, point);
  }
  for (const Root& root : point.nest->roots) {
    if (root.kind == Root::Kind::store) store_value(root.id, value_at(kernel_.stores[root.id].value, point), point);
  }
  for (const Accumulator& accumulator : accumulators) {
    if (accumulator.slot == slot) accumulate(accumulator, point);
  }
}

void Emitter::store_value(uint32_t store, Value* value, Point& point) {
  const program::KernelStore& to = kernel_.stores[store];
  const Shape& shape = at(to.value).shape;
  const Shape strides = to.strides.empty() ? program::dense_strides(shape) : to.strides;
  auto [offset, stride] = locate(shape, strides, to.element_offset, point);
  value = splat(value, point.lanes);
  if (accumulate_stores_) {
    auto load = [&](Value* base, llvm::Type* type) -> Value* {
      Value* address = b_.CreateInBoundsGEP(b_.getInt32Ty(), base, offset);
      if (point.mask == nullptr) return b_.CreateAlignedLoad(type, address, llvm::Align(4));
      return b_.CreateMaskedLoad(type, address, llvm::Align(4), point.mask, llvm::Constant::getNullValue(type));
    };
    MTL_CHECK(stride == 1 || point.lanes == 1, "a segment kernel with a strided store");
    if (to.accumulate < Reduce::argmax) {
      value = combine(to.accumulate, load(store_row_[store], value->getType()), value);
    } else {
      Value* best = load(best_[store], value->getType());
      Value* held = load(store_row_[store], type_of(types::DType::i32, point.lanes));
      Value* better = to.accumulate == Reduce::argmax ? b_.CreateFCmpOGT(value, best) : b_.CreateFCmpOLT(value, best);
      write(best_[store], b_.CreateSelect(better, value, best), offset, stride, point);
      Value* place = b_.CreateTrunc(b_.CreateSub(row_, segment_begin_), b_.getInt32Ty());
      value = b_.CreateSelect(better, splat(place, point.lanes), held);
    }
  }
  write(store_row_[store], value, offset, stride, point);
}

// The rows that a segment kernel accumulates into, before their first child row.
void Emitter::start_segment_stores() {
  Value* end = first_row(kernel_.space, kernel_.target, b_.CreateAdd(row_, number(1)));
  Value* empty = b_.CreateICmpEQ(segment_begin_, end);
  for (uint32_t s = 0; s < kernel_.stores.size(); ++s) {
    const program::KernelStore& store = kernel_.stores[s];
    const bool arg = store.accumulate >= Reduce::argmax;
    llvm::Type* element = type_of(at(store.value).dtype, 1);
    llvm::Constant* identity = reduce_identity(store.accumulate, element);
    Value* first = identity;
    if (arg) first = b_.CreateSelect(empty, b_.getInt32(-1), b_.getInt32(0));
    if (store.accumulate == Reduce::max || store.accumulate == Reduce::min) {
      first = b_.CreateSelect(empty, llvm::Constant::getNullValue(element), identity);
    }
    Nest nest;
    nest.shape = {program::elements(at(store.value).shape)};
    nest.linear = true;
    Index index{number(0)};
    over_chunks(nest, index, 0, nest.shape[0], 4, [&](Point& point, int) {
      write(store_row_[s], first, point.index[0], 1, point);
      if (arg) write(best_[s], identity, point.index[0], 1, point);
    });
  }
}

}  // namespace mtl::codegen
