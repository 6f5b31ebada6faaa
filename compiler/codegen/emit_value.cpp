// One value of a kernel at one point: an element, or a vector of neighbours along the nest's vector dimension. Values
// that do not depend on that dimension stay scalars until they meet a vector.
#include "compiler/codegen/emitter.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Fn;
using types::DType;
using Op = Instr::Op;

llvm::Type* Emitter::type_of(DType dtype, int lanes) {
  llvm::Type* scalar = dtype == DType::i32 ? b_.getInt32Ty() : b_.getFloatTy();
  return lanes == 1 ? scalar
                    : static_cast<llvm::Type*>(llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes)));
}

llvm::AllocaInst* Emitter::entry_alloca(llvm::Type* type, const char* name, uint64_t align) {
  llvm::IRBuilder<> entry(&function_->getEntryBlock(), function_->getEntryBlock().begin());
  llvm::AllocaInst* slot = entry.CreateAlloca(type, nullptr, name);
  slot->setAlignment(llvm::Align(align));
  return slot;
}

Value* Emitter::splat(Value* value, int lanes) {
  if (lanes == 1 || value->getType()->isVectorTy()) return value;
  return b_.CreateVectorSplat(static_cast<unsigned>(lanes), value);
}

Value* Emitter::lane_numbers(int lanes) {
  if (lanes == 1) return b_.getInt32(0);
  std::vector<llvm::Constant*> numbers;
  for (int i = 0; i < lanes; ++i) numbers.push_back(b_.getInt32(static_cast<uint32_t>(i)));
  return llvm::ConstantVector::get(numbers);
}

Value* Emitter::lane_mask(int64_t count, int lanes) {
  if (count == lanes) return nullptr;
  std::vector<llvm::Constant*> bits;
  for (int i = 0; i < lanes; ++i) bits.push_back(b_.getInt1(i < count));
  return llvm::ConstantVector::get(bits);
}

std::pair<Value*, int64_t> Emitter::locate(const Shape& shape, const Shape& strides, int64_t offset, Point& point) {
  if (point.vector_dim >= 0 && point.nest != nullptr && point.nest->linear) {
    // Rank 1, or dense in the nest's shape.
    int64_t stride = 1;
    if (point.nest->shape.size() == 1 && !shape.empty()) stride = shape.back() == 1 ? 0 : strides.back();
    Value* at = stride == 1 ? point.index[0] : b_.CreateMul(point.index[0], number(stride));
    return {b_.CreateAdd(at, number(offset)), stride};
  }
  Value* at = number(offset);
  int64_t lane_stride = 0;
  const size_t rank = point.index.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1 || strides[d] == 0) continue;
    MTL_CHECK(d + rank >= shape.size(), "a value of higher rank than its loop");
    const size_t dim = d + rank - shape.size();
    at = b_.CreateAdd(at, b_.CreateMul(point.index[dim], number(strides[d])));
    if (static_cast<int>(dim) == point.vector_dim) lane_stride = strides[d];
  }
  return {at, lane_stride};
}

// Memory that a kernel only reads is invariant while it runs: no buffer is both read and written (runtime/engine/plan).
Value* Emitter::read(Value* base, DType dtype, Value* offset, int64_t stride, Point& point) {
  llvm::Type* scalar = type_of(dtype, 1);
  const bool own = scratch_ != nullptr && base->stripInBoundsOffsets() == scratch_;
  auto mark = [&](llvm::Instruction* load) -> Value* {
    if (!own) load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
    return load;
  };
  Value* address = b_.CreateInBoundsGEP(b_.getInt32Ty(), base, offset);
  if (point.lanes == 1 || stride == 0) return mark(b_.CreateAlignedLoad(scalar, address, llvm::Align(4)));
  llvm::Type* vector = type_of(dtype, point.lanes);
  if (stride == 1) {
    if (point.mask == nullptr) return mark(b_.CreateAlignedLoad(vector, address, llvm::Align(4)));
    return mark(b_.CreateMaskedLoad(vector, address, llvm::Align(4), point.mask, llvm::Constant::getNullValue(vector)));
  }
  Value* lanes = b_.CreateMul(lane_numbers(point.lanes),
                              llvm::ConstantInt::get(type_of(DType::i32, point.lanes), static_cast<uint64_t>(stride)));
  Value* addresses = b_.CreateInBoundsGEP(b_.getInt32Ty(), address, lanes);
  Value* mask = point.mask;
  if (mask == nullptr) mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b_.getInt1Ty(), point.lanes));
  return mark(b_.CreateMaskedGather(vector, addresses, llvm::Align(4), mask, llvm::Constant::getNullValue(vector)));
}

void Emitter::write(Value* base, Value* value, Value* offset, int64_t stride, Point& point) {
  Value* address = b_.CreateInBoundsGEP(b_.getInt32Ty(), base, offset);
  if (point.lanes == 1 || point.vector_dim < 0) {
    b_.CreateAlignedStore(value, address, llvm::Align(4));
    return;
  }
  value = splat(value, point.lanes);
  if (stride == 1) {
    if (point.mask == nullptr) {
      b_.CreateAlignedStore(value, address, llvm::Align(4));
    } else {
      b_.CreateMaskedStore(value, address, llvm::Align(4), point.mask);
    }
    return;
  }
  Value* lanes = b_.CreateMul(lane_numbers(point.lanes),
                              llvm::ConstantInt::get(type_of(DType::i32, point.lanes), static_cast<uint64_t>(stride)));
  Value* mask = point.mask;
  if (mask == nullptr) mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b_.getInt1Ty(), point.lanes));
  b_.CreateMaskedScatter(value, b_.CreateInBoundsGEP(b_.getInt32Ty(), address, lanes), llvm::Align(4), mask);
}

// Address of the first element of a value that lies in memory; null if it does not.
Value* Emitter::base_of(InstrId id) {
  const Instr& instr = at(id);
  if (schedule_.scratch[id] >= 0) {
    return b_.CreateInBoundsGEP(b_.getInt32Ty(), scratch_, number(schedule_.scratch[id]));
  }
  if (instr.op == Op::load) return operand_row_[instr.operand];
  if (instr.op == Op::gather) return scalars_[id];
  if (instr.op == Op::view && program::is_dense_view(instr, at(instr.args[0]).shape)) return base_of(instr.args[0]);
  return nullptr;
}

Value* Emitter::value_at(InstrId id, Point& point) {
  if (schedule_.scalar[id]) return scalar_value(id);
  auto found = point.memo.find(id);
  if (found != point.memo.end()) return found->second;
  const Instr& instr = at(id);
  Value* value = nullptr;
  // A kept value is read back, except where it is computed: there the memo has it (emit_roots).
  if (schedule_.scratch[id] >= 0 || instr.op == Op::load || instr.op == Op::gather) {
    auto [offset, stride] = locate(instr.shape, program::dense_strides(instr.shape), 0, point);
    value = read(base_of(id), instr.dtype, offset, stride, point);
  } else {
    value = compute_at(id, point);
  }
  point.memo[id] = value;
  return value;
}

Value* Emitter::compute_at(InstrId id, Point& point) {
  const Instr& instr = at(id);
  switch (instr.op) {
    case Op::constant:
      return constant_value(instr);
    case Op::index: {
      const int dim = instr.axis + static_cast<int>(point.index.size()) - static_cast<int>(instr.shape.size());
      if (instr.shape[instr.axis] == 1) return b_.getInt32(0);
      Value* start = b_.CreateTrunc(point.index[dim], b_.getInt32Ty());
      if (dim != point.vector_dim || point.lanes == 1) return start;
      return b_.CreateAdd(splat(start, point.lanes), lane_numbers(point.lanes));
    }
    case Op::random:
      return random_at(instr, id, point);
    case Op::view: {
      if (schedule_.scalar[instr.args[0]]) return scalar_value(instr.args[0]);
      auto [offset, stride] = locate(instr.shape, instr.strides, instr.offset, point);
      Value* base = base_of(instr.args[0]);
      MTL_CHECK(base != nullptr, "a view of a value that is not in memory");
      return read(base, instr.dtype, offset, stride, point);
    }
    case Op::apply: {
      std::vector<Value*> args;
      for (InstrId arg : instr.args) args.push_back(value_at(arg, point));
      return apply(instr.fn, args);
    }
    default:
      break;
  }
  MTL_CHECK(false, "an instruction that has no value at a point");
}

Value* Emitter::random_at(const Instr& instr, InstrId id, Point& point) {
  auto [offset, stride] = locate(instr.shape, program::dense_strides(instr.shape), 0, point);
  const int lanes = stride == 0 ? 1 : point.lanes;
  Value* element = splat(b_.CreateTrunc(offset, b_.getInt32Ty()), lanes);
  if (lanes > 1) {
    element = b_.CreateAdd(
        element, b_.CreateMul(lane_numbers(lanes),
                              llvm::ConstantInt::get(type_of(DType::i32, lanes), static_cast<uint64_t>(stride))));
  }
  auto [low, high] = random_row_[id];
  Value* bits = mix32(b_.CreateAdd(element, splat(low, lanes)));
  bits = mix32(b_.CreateXor(bits, splat(high, lanes)));
  return unit_of(bits);
}

Value* Emitter::unit_of(Value* bits) {
  Value* unit = b_.CreateUIToFP(b_.CreateLShr(bits, 8), math_.float_type(bits->getType()));
  return b_.CreateFMul(unit, llvm::ConstantFP::get(unit->getType(), 0x1p-24));
}

Value* Emitter::constant_value(const Instr& instr) {
  if (instr.dtype != DType::i32) return llvm::ConstantFP::get(b_.getFloatTy(), instr.number);
  return b_.getInt32(static_cast<uint32_t>(static_cast<int32_t>(instr.number)));
}

Value* Emitter::step_scalar(uint32_t number) {
  Value* values = b_.CreateLoad(b_.getPtrTy(), b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), step_, 2));
  return b_.CreateLoad(b_.getFloatTy(), b_.CreateConstInBoundsGEP1_64(b_.getFloatTy(), values, number));
}

Value* Emitter::scalar_value(InstrId id) {
  MTL_CHECK(scalars_[id] != nullptr, "a scalar is used before it is computed");
  return scalars_[id];
}

// Values of one element, and the addresses of gathered rows, once for each row.
void Emitter::emit_scalar(InstrId id) {
  const Instr& instr = at(id);
  Point point;
  switch (instr.op) {
    case Op::load:
      scalars_[id] = read(operand_row_[instr.operand], instr.dtype, number(0), 0, point);
      return;
    case Op::gather: {
      Value* row = b_.CreateSExt(scalar_value(instr.args[0]), b_.getInt64Ty());
      Value* address = row_address(operand_base_[instr.operand], row, program::elements(instr.shape));
      address = b_.CreateSelect(b_.CreateICmpSLT(row, number(0)), zeros(), address);
      scalars_[id] = schedule_.scalar[id] ? read(address, instr.dtype, number(0), 0, point) : address;
      return;
    }
    case Op::index:
      scalars_[id] = b_.getInt32(0);
      return;
    case Op::position:
      scalars_[id] = position_of(kernel_.space, row_);
      return;
    case Op::length: {
      Value* end = first_row(instr.space, kernel_.space, b_.CreateAdd(row_, number(1)));
      scalars_[id] = b_.CreateTrunc(b_.CreateSub(end, first_row(instr.space, kernel_.space, row_)), b_.getInt32Ty());
      return;
    }
    case Op::scalar:
      scalars_[id] = step_scalar(instr.operand);
      return;
    case Op::reduce:
      if (schedule_.scalar[instr.args[0]]) scalars_[id] = scalar_value(instr.args[0]);
      return;  // else its nest has set it
    case Op::view:
      if (schedule_.scalar[instr.args[0]]) {
        scalars_[id] = scalar_value(instr.args[0]);
      } else {
        Value* base = base_of(instr.args[0]);
        MTL_CHECK(base != nullptr, "a view of a value that is not in memory");
        scalars_[id] = read(base, instr.dtype, number(instr.offset), 0, point);
      }
      return;
    default:
      scalars_[id] = compute_at(id, point);
  }
}

}  // namespace mtl::codegen
