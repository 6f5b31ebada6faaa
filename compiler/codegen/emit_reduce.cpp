// Reductions over static dimensions: running values in registers, one set for each slot of an unrolled loop, joined in
// a fixed order at the end.
#include <limits>

#include "compiler/codegen/emitter.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Reduce;
using types::DType;

llvm::Constant* Emitter::reduce_identity(Reduce reduce, llvm::Type* type) {
  const double inf = std::numeric_limits<double>::infinity();
  const bool low = reduce == Reduce::max || reduce == Reduce::argmax;
  const bool high = reduce == Reduce::min || reduce == Reduce::argmin;
  if (type->isIntOrIntVectorTy()) {
    if (low || high) return llvm::ConstantInt::get(type, low ? 0x80000000u : 0x7FFFFFFFu);
    return llvm::ConstantInt::get(type, reduce == Reduce::prod ? 1 : 0);
  }
  if (low || high) return llvm::ConstantFP::get(type, low ? -inf : inf);
  return llvm::ConstantFP::get(type, reduce == Reduce::prod ? 1 : 0);
}

Value* Emitter::combine(Reduce reduce, Value* a, Value* b) {
  switch (reduce) {
    case Reduce::sum:
      return apply(program::Fn::add, {a, b});
    case Reduce::prod:
      return apply(program::Fn::mul, {a, b});
    case Reduce::max:
      return apply(program::Fn::max, {a, b});
    default:
      return apply(program::Fn::min, {a, b});
  }
}

// By halves: lane i meets lane i + n/2, and so on; the order is part of the result's bits.
Value* Emitter::horizontal(Reduce reduce, Value* vector) {
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(vector->getType());
  if (type == nullptr) return vector;
  for (unsigned half = type->getNumElements() / 2; half >= 1; half /= 2) {
    std::vector<int> low, high;
    for (unsigned i = 0; i < half; ++i) {
      low.push_back(static_cast<int>(i));
      high.push_back(static_cast<int>(i + half));
    }
    vector = combine(reduce, b_.CreateShuffleVector(vector, low), b_.CreateShuffleVector(vector, high));
  }
  return b_.CreateExtractElement(vector, uint64_t{0});
}

// `lanes_of_slots`: 0 for slots that are not used.
std::vector<Accumulator> Emitter::make_accumulators(const Nest& nest, const std::vector<int>& lanes_of_slots) {
  std::vector<Accumulator> out;
  for (const Root& root : nest.roots) {
    if (root.kind != Root::Kind::reduce) continue;
    const Instr& instr = at(root.id);
    for (size_t slot = 0; slot < lanes_of_slots.size(); ++slot) {
      if (lanes_of_slots[slot] == 0) continue;
      Accumulator accumulator{root.id, static_cast<int>(slot)};
      accumulator.type = type_of(at(instr.args[0]).dtype, lanes_of_slots[slot]);
      accumulator.value = entry_alloca(accumulator.type, "running", 64);
      if (instr.reduce >= Reduce::argmax) {
        accumulator.index = entry_alloca(type_of(DType::i32, lanes_of_slots[slot]), "place", 64);
      }
      out.push_back(accumulator);
    }
  }
  return out;
}

void Emitter::start(const Accumulator& accumulator) {
  b_.CreateStore(reduce_identity(at(accumulator.reduce).reduce, accumulator.type), accumulator.value);
  if (accumulator.index == nullptr) return;
  auto* slot = llvm::cast<llvm::AllocaInst>(accumulator.index);
  b_.CreateStore(llvm::Constant::getNullValue(slot->getAllocatedType()), slot);
}

void Emitter::accumulate(const Accumulator& to, Point& point) {
  const Instr& instr = at(to.reduce);
  Value* value = splat(value_at(instr.args[0], point), point.lanes);
  if (point.mask != nullptr) {
    value = b_.CreateSelect(point.mask, value, reduce_identity(instr.reduce, value->getType()));
  }
  Value* held = b_.CreateLoad(to.type, to.value);
  if (instr.reduce < Reduce::argmax) {
    b_.CreateStore(combine(instr.reduce, held, value), to.value);
    return;
  }
  const Shape& shape = at(instr.args[0]).shape;
  const int dim = instr.axes[0] + static_cast<int>(point.index.size()) - static_cast<int>(shape.size());
  Value* place = splat(b_.CreateTrunc(point.index[dim], b_.getInt32Ty()), point.lanes);
  if (dim == point.vector_dim && point.lanes > 1) place = b_.CreateAdd(place, lane_numbers(point.lanes));
  Value* better = instr.reduce == Reduce::argmax ? b_.CreateFCmpOGT(value, held) : b_.CreateFCmpOLT(value, held);
  b_.CreateStore(b_.CreateSelect(better, value, held), to.value);
  Value* held_place = b_.CreateLoad(place->getType(), to.index);
  b_.CreateStore(b_.CreateSelect(better, place, held_place), to.index);
}

Value* Emitter::finish(const std::vector<Accumulator>& slots) {
  const Reduce reduce = at(slots[0].reduce).reduce;
  Value* all = nullptr;   // slots of full vectors
  Value* tail = nullptr;  // the narrower last one
  for (const Accumulator& slot : slots) {
    Value* value = b_.CreateLoad(slot.type, slot.value);
    if (all == nullptr || all->getType() == slot.type) {
      all = all == nullptr ? value : combine(reduce, all, value);
    } else {
      tail = horizontal(reduce, value);
    }
  }
  all = horizontal(reduce, all);
  return tail == nullptr ? all : combine(reduce, all, tail);
}

// The smallest place among those that hold the extreme.
Value* Emitter::finish_arg(const std::vector<Accumulator>& slots) {
  const Reduce extreme = at(slots[0].reduce).reduce == Reduce::argmax ? Reduce::max : Reduce::min;
  Value* best = nullptr;
  for (const Accumulator& slot : slots) {
    Value* value = horizontal(extreme, b_.CreateLoad(slot.type, slot.value));
    best = best == nullptr ? value : combine(extreme, best, value);
  }
  Value* first = nullptr;
  for (const Accumulator& slot : slots) {
    auto* type = llvm::cast<llvm::AllocaInst>(slot.index)->getAllocatedType();
    Value* place = b_.CreateLoad(type, slot.index);
    Value* value = b_.CreateLoad(slot.type, slot.value);
    const int lanes =
        type->isVectorTy() ? static_cast<int>(llvm::cast<llvm::FixedVectorType>(type)->getNumElements()) : 1;
    Value* holds = b_.CreateFCmpOEQ(value, splat(best, lanes));
    place = b_.CreateSelect(holds, place, llvm::ConstantInt::get(type, 0x7FFFFFFF));
    place = horizontal(Reduce::min, place);
    first = first == nullptr ? place : combine(Reduce::min, first, place);
  }
  return first;
}

void Emitter::put_reduced(InstrId id, Value* value, Point& point) {
  if (schedule_.scalar[id]) {
    scalars_[id] = value;
    return;
  }
  const Instr& instr = at(id);
  auto [offset, stride] = locate(instr.shape, program::dense_strides(instr.shape), 0, point);
  write(base_of(id), value, offset, stride, point);
}

}  // namespace mtl::codegen
