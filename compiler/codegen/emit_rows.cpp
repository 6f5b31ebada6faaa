// Rows of spaces: parents, segments, identities, and from them the addresses of operand rows.
#include "compiler/codegen/emitter.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using types::kUniform;
using types::SpaceId;

namespace {

llvm::LoadInst* invariant(llvm::LoadInst* load) {
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(load->getContext(), {}));
  return load;
}

int64_t fixed_size(const types::Space& space) {
  return space.fixed ? space.fixed->value() : 0;
}

}  // namespace

// Views of spaces do not change while a kernel runs.
Value* Emitter::space_field(SpaceId space, unsigned field, llvm::Type* type) {
  Value* view = invariant(b_.CreateLoad(b_.getPtrTy(), b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), spaces_, space)));
  return invariant(b_.CreateLoad(type, b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), view, field)));
}

Value* Emitter::row_count(SpaceId space) {
  if (space == kUniform) return number(1);
  if (const int64_t n = fixed_size(program_.spaces[space])) {
    return b_.CreateMul(row_count(program_.spaces[space].parent), number(n));
  }
  return space_field(space, kRows, b_.getInt64Ty());
}

Value* Emitter::parent_row(SpaceId space, Value* row) {
  if (program_.spaces[space].parent == kUniform) return number(0);
  if (const int64_t n = fixed_size(program_.spaces[space])) return b_.CreateUDiv(row, number(n));
  Value* parents = space_field(space, kParent, b_.getPtrTy());
  Value* parent = invariant(b_.CreateLoad(b_.getInt32Ty(), b_.CreateInBoundsGEP(b_.getInt32Ty(), parents, row)));
  return b_.CreateZExt(parent, b_.getInt64Ty());
}

Value* Emitter::ancestor_row(SpaceId space, Value* row, SpaceId target) {
  for (; space != target; space = program_.spaces[space].parent) {
    MTL_CHECK(space != kUniform, "a row operand of a space that is no ancestor");
    row = parent_row(space, row);
  }
  return row;
}

Value* Emitter::position_of(SpaceId space, Value* row) {
  llvm::Type* i32 = b_.getInt32Ty();
  if (const int64_t n = fixed_size(program_.spaces[space])) return b_.CreateTrunc(b_.CreateURem(row, number(n)), i32);
  if (program_.spaces[space].parent == kUniform) return b_.CreateTrunc(row, i32);
  Value* positions = space_field(space, kPosition, b_.getPtrTy());
  return invariant(b_.CreateLoad(i32, b_.CreateInBoundsGEP(i32, positions, row)));
}

// The first row in `space` of row `row` of an ancestor; one row further gives the end.
Value* Emitter::first_row(SpaceId space, SpaceId target, Value* row) {
  if (space == target) return row;
  const SpaceId up = program_.spaces[space].parent;
  Value* above = first_row(up, target, row);
  if (const int64_t n = fixed_size(program_.spaces[space])) return b_.CreateMul(above, number(n));
  if (up == kUniform) {
    return b_.CreateSelect(b_.CreateICmpEQ(above, number(0)), number(0), row_count(space));
  }
  Value* offsets = space_field(space, kOffsets, b_.getPtrTy());
  Value* offset = invariant(b_.CreateLoad(b_.getInt32Ty(), b_.CreateInBoundsGEP(b_.getInt32Ty(), offsets, above)));
  return b_.CreateZExt(offset, b_.getInt64Ty());
}

// runtime::mix64.
Value* Emitter::mix64(Value* x) {
  llvm::Type* type = x->getType();  // i64 or a vector of it
  x = b_.CreateAdd(x, llvm::ConstantInt::get(type, 0x9E3779B97F4A7C15ull));
  x = b_.CreateMul(b_.CreateXor(x, b_.CreateLShr(x, 30)), llvm::ConstantInt::get(type, 0xBF58476D1CE4E5B9ull));
  x = b_.CreateMul(b_.CreateXor(x, b_.CreateLShr(x, 27)), llvm::ConstantInt::get(type, 0x94D049BB133111EBull));
  return b_.CreateXor(x, b_.CreateLShr(x, 31));
}

// runtime::mix32, on i32 or vectors of it.
Value* Emitter::mix32(Value* x) {
  llvm::Type* type = x->getType();
  x = b_.CreateMul(b_.CreateXor(x, b_.CreateLShr(x, 16)), llvm::ConstantInt::get(type, 0x7FEB352Du));
  x = b_.CreateMul(b_.CreateXor(x, b_.CreateLShr(x, 15)), llvm::ConstantInt::get(type, 0x846CA68Bu));
  return b_.CreateXor(x, b_.CreateLShr(x, 16));
}

Value* Emitter::identity_of(SpaceId space, Value* row) {
  if (space == kUniform) return number(0);
  if (const int64_t n = fixed_size(program_.spaces[space])) {
    Value* parent = identity_of(program_.spaces[space].parent, b_.CreateUDiv(row, number(n)));
    Value* position = b_.CreateURem(row, number(n));
    return mix64(b_.CreateXor(parent, b_.CreateShl(b_.CreateAdd(position, number(1)), 1)));
  }
  Value* identities = space_field(space, kIdentity, b_.getPtrTy());
  return invariant(b_.CreateLoad(b_.getInt64Ty(), b_.CreateInBoundsGEP(b_.getInt64Ty(), identities, row)));
}

Value* Emitter::zeros() {
  if (llvm::GlobalVariable* existing = module_.getNamedGlobal("zeros." + function_->getName().str())) return existing;
  int64_t longest = 1;
  for (const auto& operand : kernel_.operands) {
    const bool edge = operand.access == program::Access::first_child || operand.access == program::Access::last_child;
    if (edge) longest = std::max(longest, row_elements(operand.buffer));
  }
  for (const Instr& instr : kernel_.instrs) {
    if (instr.op == Instr::Op::gather) longest = std::max(longest, program::elements(instr.shape));
  }
  auto* type = llvm::ArrayType::get(b_.getInt32Ty(), static_cast<uint64_t>(longest));
  auto* global =
      new llvm::GlobalVariable(module_, type, true, llvm::GlobalValue::InternalLinkage,
                               llvm::ConstantAggregateZero::get(type), "zeros." + function_->getName().str());
  global->setAlignment(llvm::Align(64));
  return global;
}

Value* Emitter::row_address(Value* base, Value* row, int64_t row_elements) {
  return b_.CreateInBoundsGEP(b_.getInt32Ty(), base, b_.CreateMul(row, number(row_elements)));
}

Value* Emitter::operand_row(const program::KernelOperand& operand, Value* row) {
  Value* base = operand_base_[static_cast<size_t>(&operand - kernel_.operands.data())];
  const int64_t width = row_elements(operand.buffer);
  switch (operand.access) {
    case program::Access::row:
      return kernel_.space == kUniform ? base : row_address(base, row, width);
    case program::Access::uniform:
      return base;
    case program::Access::ancestor:
      return row_address(base, ancestor_row(kernel_.space, row, operand.space), width);
    case program::Access::first_child:
    case program::Access::last_child:
      break;
  }
  Value* first = first_row(operand.space, kernel_.space, row);
  Value* end = first_row(operand.space, kernel_.space, b_.CreateAdd(row, number(1)));
  Value* edge = operand.access == program::Access::first_child ? first : b_.CreateSub(end, number(1));
  return b_.CreateSelect(b_.CreateICmpEQ(first, end), zeros(), row_address(base, edge, width));
}

void Emitter::begin_row(Value* row) {
  row_ = row;
  for (size_t i = 0; i < kernel_.operands.size(); ++i) operand_row_[i] = operand_row(kernel_.operands[i], row);
  for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
    if (!schedule_.live[id] || at(id).op != Instr::Op::random) continue;
    Value* who = mix64(b_.CreateXor(stream_[id], identity_of(kernel_.space, row)));
    random_row_[id] = {b_.CreateTrunc(who, b_.getInt32Ty()), b_.CreateTrunc(b_.CreateLShr(who, 32), b_.getInt32Ty())};
  }
}

}  // namespace mtl::codegen
