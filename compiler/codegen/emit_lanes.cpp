// Kernels of small rows (a few scores, a mask, a loss): 16 rows at a time, one in each lane. The elements of a value
// are unrolled, so that broadcasting, views and reductions are only a matter of which registers meet.
#include "compiler/codegen/emitter.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Reduce;
using types::DType;
using types::kUniform;
using types::SpaceId;
using Op = Instr::Op;

namespace {

// The coordinates of element `e` of a shape.
Shape coordinates(const Shape& shape, int64_t e) {
  Shape index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = e % shape[d];
    e /= shape[d];
  }
  return index;
}

int64_t dot(const Shape& index, const std::vector<int64_t>& strides) {
  int64_t sum = 0;
  for (size_t d = 0; d < index.size(); ++d) sum += index[d] * strides[d];
  return sum;
}

// The element of `shape` that meets an index of a shape it broadcasts to.
int64_t broadcast_element(const Shape& shape, const Shape& index) {
  int64_t at = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;  // also leading ones that the other shape lacks
    at = at * shape[d] + index[d + index.size() - shape.size()];
  }
  return at;
}

}  // namespace

void Emitter::emit_lanes() {
  Value* begin = function_->getArg(2);
  Value* end = function_->getArg(3);
  Value* whole = b_.CreateAdd(begin, b_.CreateAnd(b_.CreateSub(end, begin), number(-kLanes)));
  loop(begin, whole, kLanes, [&](Value* row) { emit_lane_block(row, nullptr); });
  loop(whole, end, kLanes, [&](Value* row) {
    Value* left = b_.CreateTrunc(b_.CreateSub(end, row), b_.getInt32Ty());
    emit_lane_block(row, b_.CreateICmpSLT(lane_numbers(kLanes), splat(left, kLanes)));
  });
}

void Emitter::emit_lane_block(Value* row, Value* mask) {
  Lanes lanes;
  lanes.first = row;
  lanes.mask = mask;
  lanes.values.resize(kernel_.instrs.size());
  Value* numbers = b_.CreateZExt(lane_numbers(kLanes), llvm::FixedVectorType::get(b_.getInt64Ty(), kLanes));
  lanes.rows[kernel_.space] = b_.CreateAdd(splat(row, kLanes), numbers);
  for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
    if (schedule_.live[id]) emit_lane_instr(id, lanes);
  }
  for (size_t s = 0; s < kernel_.stores.size(); ++s) {
    const program::KernelStore& store = kernel_.stores[s];
    const Shape& shape = at(store.value).shape;
    const Shape strides = store.strides.empty() ? program::dense_strides(shape) : store.strides;
    const int64_t width = row_elements(store.buffer);
    for (size_t e = 0; e < lanes.values[store.value].size(); ++e) {
      Point point = lane_point(lanes);
      const int64_t offset = store.element_offset + dot(coordinates(shape, static_cast<int64_t>(e)), strides);
      Value* from = b_.CreateAdd(b_.CreateMul(row, number(width)), number(offset));
      write(store_base_[s], lanes.values[store.value][e], from, width, point);
    }
  }
}

Point Emitter::lane_point(const Lanes& lanes) {
  Point point;
  point.vector_dim = 0;
  point.lanes = kLanes;
  point.mask = lanes.mask;
  return point;
}

// Row numbers in an ancestor space; lanes that are off read row 0.
Value* Emitter::lane_rows(SpaceId space, Lanes& lanes) {
  auto [at, added] = lanes.rows.emplace(space, nullptr);
  if (!added) return at->second;
  SpaceId below = kernel_.space;
  while (program_.spaces[below].parent != space) below = program_.spaces[below].parent;
  Value* rows = lane_rows(below, lanes);
  Value* parents = nullptr;
  if (program_.spaces[below].fixed) {
    parents = b_.CreateUDiv(rows, llvm::ConstantInt::get(rows->getType(), program_.spaces[below].fixed->value()));
  } else {
    parents = b_.CreateZExt(lane_column(below, kParent, rows, lanes), rows->getType());
  }
  return lanes.rows[space] = parents;
}

// An i32 column of a space's view at these rows.
Value* Emitter::lane_column(SpaceId space, unsigned field, Value* rows, Lanes& lanes) {
  Value* base = space_field(space, field, b_.getPtrTy());
  Point point = lane_point(lanes);
  if (space == kernel_.space && rows == lanes.rows[space]) return read(base, DType::i32, lanes.first, 1, point);
  return lane_gather(DType::i32, b_.CreateInBoundsGEP(b_.getInt32Ty(), base, rows), lanes.mask);
}

Value* Emitter::lane_gather(DType dtype, Value* addresses, Value* mask) {
  llvm::Type* type = type_of(dtype, kLanes);
  if (mask == nullptr) mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b_.getInt1Ty(), kLanes));
  llvm::CallInst* made =
      b_.CreateMaskedGather(type, addresses, llvm::Align(4), mask, llvm::Constant::getNullValue(type));
  made->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
  return made;
}

void Emitter::emit_lane_load(const Instr& instr, std::vector<Value*>& out, Lanes& lanes) {
  const program::KernelOperand& operand = kernel_.operands[instr.operand];
  Value* base = operand_base_[instr.operand];
  const int64_t width = row_elements(operand.buffer);
  for (size_t e = 0; e < out.size(); ++e) {
    const auto element = static_cast<int64_t>(e);
    Point point = lane_point(lanes);
    if (operand.access == program::Access::uniform) {
      out[e] = read(base, instr.dtype, number(element), 0, point);
    } else if (operand.access == program::Access::row) {
      Value* from = b_.CreateAdd(b_.CreateMul(lanes.first, number(width)), number(element));
      out[e] = read(base, instr.dtype, from, width, point);
    } else {
      Value* rows = lane_rows(operand.space, lanes);
      Value* from = b_.CreateMul(rows, llvm::ConstantInt::get(rows->getType(), static_cast<uint64_t>(width)));
      from = b_.CreateAdd(from, llvm::ConstantInt::get(rows->getType(), e));
      out[e] = lane_gather(instr.dtype, b_.CreateInBoundsGEP(b_.getInt32Ty(), base, from), lanes.mask);
    }
  }
}

// Rows of a table by ids; zeros where an id is negative.
void Emitter::emit_lane_table(const Instr& instr, std::vector<Value*>& out, Lanes& lanes) {
  Value* ids = splat(lanes.values[instr.args[0]][0], kLanes);
  Value* known = b_.CreateICmpSGE(ids, llvm::Constant::getNullValue(ids->getType()));
  if (lanes.mask != nullptr) known = b_.CreateAnd(known, lanes.mask);
  llvm::Type* type = llvm::FixedVectorType::get(b_.getInt64Ty(), kLanes);
  Value* from = b_.CreateMul(b_.CreateSExt(ids, type), llvm::ConstantInt::get(type, out.size()));
  for (size_t e = 0; e < out.size(); ++e) {
    Value* element = b_.CreateAdd(from, llvm::ConstantInt::get(type, e));
    out[e] =
        lane_gather(instr.dtype, b_.CreateInBoundsGEP(b_.getInt32Ty(), operand_base_[instr.operand], element), known);
  }
}

void Emitter::emit_lane_random(InstrId id, std::vector<Value*>& out, Lanes& lanes) {
  Value* who = mix64(b_.CreateXor(splat(stream_[id], kLanes), lane_identity(kernel_.space, lanes)));
  llvm::Type* half = llvm::FixedVectorType::get(b_.getInt32Ty(), kLanes);
  Value* low = b_.CreateTrunc(who, half);
  Value* high = b_.CreateTrunc(b_.CreateLShr(who, 32), half);
  for (size_t e = 0; e < out.size(); ++e) {
    Value* bits = mix32(b_.CreateAdd(low, llvm::ConstantInt::get(half, e)));
    bits = mix32(b_.CreateXor(bits, high));
    out[e] = unit_of(bits);
  }
}

Value* Emitter::lane_identity(SpaceId space, Lanes& lanes) {
  llvm::Type* type = llvm::FixedVectorType::get(b_.getInt64Ty(), kLanes);
  if (space == kUniform) return llvm::Constant::getNullValue(type);
  Value* rows = lane_rows(space, lanes);
  if (program_.spaces[space].fixed) {
    Value* size = llvm::ConstantInt::get(type, static_cast<uint64_t>(program_.spaces[space].fixed->value()));
    Value* place = b_.CreateAdd(b_.CreateURem(rows, size), llvm::ConstantInt::get(type, 1));
    return mix64(b_.CreateXor(lane_identity(program_.spaces[space].parent, lanes), b_.CreateShl(place, 1)));
  }
  Value* base = space_field(space, kIdentity, b_.getPtrTy());
  Value* mask = lanes.mask;
  if (mask == nullptr) mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b_.getInt1Ty(), kLanes));
  return b_.CreateMaskedGather(type, b_.CreateInBoundsGEP(b_.getInt64Ty(), base, rows), llvm::Align(8), mask,
                               llvm::Constant::getNullValue(type));
}

void Emitter::emit_lane_reduce(const Instr& instr, std::vector<Value*>& out, Lanes& lanes) {
  const std::vector<Value*>& from = lanes.values[instr.args[0]];
  const Shape& shape = at(instr.args[0]).shape;
  std::vector<Value*> best(out.size(), nullptr);
  for (size_t e = 0; e < from.size(); ++e) {
    const Shape index = coordinates(shape, static_cast<int64_t>(e));
    Shape kept = index;
    for (int axis : instr.axes) kept[axis] = 0;
    const auto to = static_cast<size_t>(broadcast_element(instr.shape, kept));
    if (instr.reduce < Reduce::argmax) {
      out[to] = out[to] == nullptr ? from[e] : combine(instr.reduce, out[to], from[e]);
      continue;
    }
    Value* place = b_.getInt32(static_cast<uint32_t>(index[instr.axes[0]]));
    Value* value = splat(from[e], kLanes);
    if (best[to] == nullptr) best[to] = reduce_identity(instr.reduce, value->getType());
    if (out[to] == nullptr) out[to] = splat(b_.getInt32(0), kLanes);
    const bool largest = instr.reduce == Reduce::argmax;
    Value* better = largest ? b_.CreateFCmpOGT(value, best[to]) : b_.CreateFCmpOLT(value, best[to]);
    best[to] = b_.CreateSelect(better, value, best[to]);
    out[to] = b_.CreateSelect(better, splat(place, kLanes), out[to]);
  }
}

Value* Emitter::lane_position(Lanes& lanes) {
  const types::Space& space = program_.spaces[kernel_.space];
  Value* rows = lanes.rows[kernel_.space];
  llvm::Type* type = type_of(DType::i32, kLanes);
  if (space.fixed) {
    Value* size = llvm::ConstantInt::get(rows->getType(), static_cast<uint64_t>(space.fixed->value()));
    return b_.CreateTrunc(b_.CreateURem(rows, size), type);
  }
  return space.parent == kUniform ? b_.CreateTrunc(rows, type) : lane_column(kernel_.space, kPosition, rows, lanes);
}

void Emitter::emit_lane_instr(InstrId id, Lanes& lanes) {
  const Instr& instr = at(id);
  std::vector<Value*>& out = lanes.values[id];
  out.resize(static_cast<size_t>(program::elements(instr.shape)));
  Point point = lane_point(lanes);
  switch (instr.op) {
    case Op::load:
      return emit_lane_load(instr, out, lanes);
    case Op::gather:
      return emit_lane_table(instr, out, lanes);
    case Op::random:
      return emit_lane_random(id, out, lanes);
    case Op::reduce:
      return emit_lane_reduce(instr, out, lanes);
    case Op::position:
      out[0] = lane_position(lanes);
      return;
    case Op::length: {  // of a ragged child (schedule.cpp)
      Value* base = space_field(instr.space, kOffsets, b_.getPtrTy());
      Value* next = read(base, DType::i32, b_.CreateAdd(lanes.first, number(1)), 1, point);
      out[0] = b_.CreateSub(next, read(base, DType::i32, lanes.first, 1, point));
      return;
    }
    case Op::scalar:
      out[0] = step_scalar(instr.operand);
      return;
    default:
      break;
  }
  for (size_t e = 0; e < out.size(); ++e) {
    const Shape index = coordinates(instr.shape, static_cast<int64_t>(e));
    if (instr.op == Op::constant) {
      out[e] = constant_value(instr);
    } else if (instr.op == Op::index) {
      out[e] = b_.getInt32(static_cast<uint32_t>(index[instr.axis]));
    } else if (instr.op == Op::view) {
      out[e] = lanes.values[instr.args[0]][static_cast<size_t>(instr.offset + dot(index, instr.strides))];
    } else {
      std::vector<Value*> args;
      for (InstrId arg : instr.args) {
        args.push_back(lanes.values[arg][static_cast<size_t>(broadcast_element(at(arg).shape, index))]);
      }
      out[e] = apply(instr.fn, args);
    }
  }
}

}  // namespace mtl::codegen
