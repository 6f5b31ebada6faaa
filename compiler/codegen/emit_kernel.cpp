// A loop kernel's function: what happens once, and the loops over rows, segments, columns or elements.
#include "compiler/codegen/emit_kernel.h"

#include <bit>

#include "compiler/codegen/emitter.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Reduce;

Emitter::Emitter(llvm::Module& module, const Program& program, const LoopKernel& kernel, const Schedule& schedule,
                 const std::string& name)
    : module_(module),
      context_(module.getContext()),
      program_(program),
      kernel_(kernel),
      schedule_(schedule),
      b_(context_),
      math_(b_) {
  llvm::Type* pointer = b_.getPtrTy();
  auto* type =
      llvm::FunctionType::get(b_.getVoidTy(), {pointer, pointer, b_.getInt64Ty(), b_.getInt64Ty(), pointer}, false);
  function_ = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module_);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  function_->addFnAttr("prefer-vector-width", "512");
  b_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function_));
  llvm::FastMathFlags flags;  // no nnan, no ninf: NaN marks what is missing
  flags.setAllowContract();
  flags.setAllowReciprocal();
  flags.setNoSignedZeros();
  b_.setFastMathFlags(flags);
  operand_row_.resize(kernel.operands.size());
  store_row_.resize(kernel.stores.size());
  best_.resize(kernel.stores.size());
  stream_.resize(kernel.instrs.size());
  random_row_.resize(kernel.instrs.size());
  scalars_.resize(kernel.instrs.size());
}

void Emitter::loop(Value* begin, Value* end, int64_t step, const std::function<void(Value*)>& body) {
  auto* known_begin = llvm::dyn_cast<llvm::ConstantInt>(begin);
  auto* known_end = llvm::dyn_cast<llvm::ConstantInt>(end);
  const bool known = known_begin != nullptr && known_end != nullptr;
  if (known && known_begin->getSExtValue() >= known_end->getSExtValue()) return;
  if (known && known_begin->getSExtValue() + step >= known_end->getSExtValue()) return body(begin);
  llvm::BasicBlock* before = b_.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(context_, "loop", function_);
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  if (known) {
    b_.CreateBr(head);
  } else {
    b_.CreateCondBr(b_.CreateICmpSLT(begin, end), head, after);
  }
  b_.SetInsertPoint(head);
  llvm::PHINode* i = b_.CreatePHI(b_.getInt64Ty(), 2, "i");
  i->addIncoming(begin, before);
  body(i);
  Value* next = b_.CreateNSWAdd(i, number(step));
  i->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), head, after);
  b_.SetInsertPoint(after);
}

void Emitter::emit_prologue() {
  Value* buffers = function_->getArg(0);
  spaces_ = function_->getArg(1);
  step_ = function_->getArg(4);
  auto pointer_at = [&](size_t i) -> Value* {
    return b_.CreateLoad(b_.getPtrTy(), b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), buffers, i));
  };
  for (size_t i = 0; i < kernel_.operands.size(); ++i) operand_base_.push_back(pointer_at(i));
  for (size_t i = 0; i < kernel_.stores.size(); ++i) store_base_.push_back(pointer_at(kernel_.operands.size() + i));
  if (schedule_.scratch_elements > 0) {
    MTL_CHECK(schedule_.scratch_elements <= (1 << 20), "a row of a loop kernel needs more than 4 MiB of scratch");
    scratch_ = entry_alloca(llvm::ArrayType::get(b_.getInt32Ty(), static_cast<uint64_t>(schedule_.scratch_elements)),
                            "scratch", 64);
  }
  auto word = [&](uint64_t i) -> Value* {
    return b_.CreateLoad(b_.getInt64Ty(), b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), step_, i));
  };
  Value* step = nullptr;  // mix64(mix64(seed) ^ step), shared by all streams
  size_t slot = kernel_.operands.size() + kernel_.stores.size();
  for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
    if (at(id).op != Instr::Op::random) continue;
    if (step == nullptr) step = mix64(b_.CreateXor(mix64(word(0)), word(1)));
    stream_[id] = mix64(b_.CreateXor(step, b_.CreatePtrToInt(pointer_at(slot++), b_.getInt64Ty())));
  }
}

void Emitter::emit_row_form() {
  auto one_row = [&](Value* row) {
    begin_row(row);
    for (size_t s = 0; s < kernel_.stores.size(); ++s) {
      const int64_t width = row_elements(kernel_.stores[s].buffer);
      store_row_[s] = kernel_.space == types::kUniform ? store_base_[s] : row_address(store_base_[s], row, width);
    }
    emit_row_body();
  };
  if (kernel_.space == types::kUniform) return one_row(number(0));
  loop(function_->getArg(2), function_->getArg(3), 1, one_row);
}

void Emitter::emit_segment_form() {
  accumulate_stores_ = true;
  for (size_t s = 0; s < kernel_.stores.size(); ++s) {
    if (kernel_.stores[s].accumulate < Reduce::argmax) continue;
    const auto n = static_cast<uint64_t>(program::elements(at(kernel_.stores[s].value).shape));
    best_[s] = entry_alloca(llvm::ArrayType::get(b_.getFloatTy(), n), "best", 64);
  }
  loop(function_->getArg(2), function_->getArg(3), 1, [&](Value* target) {
    for (size_t s = 0; s < kernel_.stores.size(); ++s) {
      store_row_[s] = row_address(store_base_[s], target, row_elements(kernel_.stores[s].buffer));
    }
    segment_begin_ = first_row(kernel_.space, kernel_.target, target);
    Value* end = first_row(kernel_.space, kernel_.target, b_.CreateAdd(target, number(1)));
    row_ = target;
    start_segment_stores();
    loop(segment_begin_, end, 1, [&](Value* row) {
      begin_row(row);
      emit_row_body();
    });
  });
}

// Rows inside, columns outside: the running sums of a block of columns stay in registers.
void Emitter::emit_column_block(Value* column, int64_t width) {
  const Stage& stage = schedule_.stages[0];
  std::vector<int> lanes;
  for (int64_t c = 0; c < width; c += kLanes) {
    lanes.push_back(static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::min<int64_t>(kLanes, width - c)))));
  }
  auto point_at = [&](size_t chunk) {
    Point point;
    if (schedule_.width == 1) return point;
    const int64_t from = static_cast<int64_t>(chunk) * kLanes;
    point.nest = &stage.nests[0];
    point.index = {b_.CreateAdd(column, number(from))};
    point.vector_dim = 0;
    point.lanes = lanes[chunk];
    point.mask = lane_mask(std::min<int64_t>(kLanes, width - from), lanes[chunk]);
    return point;
  };
  std::vector<std::vector<llvm::AllocaInst*>> sums(kernel_.stores.size());
  for (size_t s = 0; s < kernel_.stores.size(); ++s) {
    for (int n : lanes) {
      sums[s].push_back(entry_alloca(type_of(at(kernel_.stores[s].value).dtype, n), "sum", 64));
      b_.CreateStore(reduce_identity(kernel_.stores[s].accumulate, sums[s].back()->getAllocatedType()), sums[s].back());
    }
  }
  Value* rows = row_count(kernel_.space);
  loop(number(0), rows, 1, [&](Value* row) {
    begin_row(row);
    for (InstrId id : stage.scalars) emit_scalar(id);
    for (size_t chunk = 0; chunk < lanes.size(); ++chunk) {
      Point point = point_at(chunk);
      for (size_t s = 0; s < kernel_.stores.size(); ++s) {
        Value* value = splat(value_at(kernel_.stores[s].value, point), point.lanes);
        Value* held = b_.CreateLoad(value->getType(), sums[s][chunk]);
        b_.CreateStore(combine(kernel_.stores[s].accumulate, held, value), sums[s][chunk]);
      }
    }
  });
  for (size_t s = 0; s < kernel_.stores.size(); ++s) {
    for (size_t chunk = 0; chunk < lanes.size(); ++chunk) {
      Point point = point_at(chunk);
      Value* value = b_.CreateLoad(sums[s][chunk]->getAllocatedType(), sums[s][chunk]);
      if (kernel_.stores[s].accumulate == Reduce::max || kernel_.stores[s].accumulate == Reduce::min) {
        value =
            b_.CreateSelect(b_.CreateICmpEQ(rows, number(0)), llvm::Constant::getNullValue(value->getType()), value);
      }
      write(store_base_[s], value, point.index.empty() ? number(0) : point.index[0], 1, point);
    }
  }
}

void Emitter::emit_column_form() {
  if (!schedule_.pointwise) return emit_segment_form();  // one segment: all rows
  const int64_t width = schedule_.width, full = width / kColumnBlock * kColumnBlock;
  Value* begin = function_->getArg(2);
  Value* end = function_->getArg(3);
  if (full > 0) {
    Value* limit = b_.CreateSelect(b_.CreateICmpSLT(end, number(full)), end, number(full));
    loop(begin, limit, kColumnBlock, [&](Value* column) { emit_column_block(column, kColumnBlock); });
  }
  if (full == width) return;
  auto* last = llvm::BasicBlock::Create(context_, "last", function_);
  auto* done = llvm::BasicBlock::Create(context_, "done", function_);
  b_.CreateCondBr(b_.CreateICmpEQ(end, number(width)), last, done);
  b_.SetInsertPoint(last);
  emit_column_block(number(full), width - full);
  b_.CreateBr(done);
  b_.SetInsertPoint(done);
}

// Elements of a uniform value: [begin, end), begin a multiple of the vector's lanes.
void Emitter::emit_flat() {
  const Stage& stage = schedule_.stages[0];
  begin_row(number(0));
  for (InstrId id : stage.scalars) emit_scalar(id);
  store_row_ = store_base_;
  auto chunk = [&](Value* i, Value* mask) {
    Point point;
    point.nest = &stage.nests[0];
    point.index = {i};
    point.vector_dim = 0;
    point.lanes = kLanes;
    point.mask = mask;
    emit_roots(point, {}, 0);
  };
  Value* begin = function_->getArg(2);
  Value* end = function_->getArg(3);
  Value* whole = b_.CreateAdd(begin, b_.CreateAnd(b_.CreateSub(end, begin), number(-kLanes)));
  loop(begin, whole, kLanes, [&](Value* i) { chunk(i, nullptr); });
  loop(whole, end, kLanes, [&](Value* i) {
    Value* left = b_.CreateTrunc(b_.CreateSub(end, i), b_.getInt32Ty());
    chunk(i, b_.CreateICmpSLT(lane_numbers(kLanes), splat(left, kLanes)));
  });
}

void Emitter::emit() {
  emit_prologue();
  switch (kernel_.form) {
    case LoopKernel::Form::row:
      if (schedule_.lanes) {
        emit_lanes();
      } else if (is_flat(kernel_, schedule_)) {
        emit_flat();
      } else {
        emit_row_form();
      }
      break;
    case LoopKernel::Form::segment:
      emit_segment_form();
      break;
    case LoopKernel::Form::column:
      emit_column_form();
      break;
  }
  b_.CreateRetVoid();
}

bool is_flat(const LoopKernel& kernel, const Schedule& schedule) {
  if (kernel.form != LoopKernel::Form::row || kernel.space != types::kUniform || !schedule.pointwise) return false;
  if (schedule.width < 64) return false;
  for (const auto& store : kernel.stores) {
    if (program::elements(kernel.instrs[store.value].shape) != schedule.width) return false;
  }
  return true;
}

void emit_kernel(llvm::Module& module, const Program& program, const LoopKernel& kernel, const Schedule& schedule,
                 const std::string& name) {
  Emitter(module, program, kernel, schedule, name).emit();
}

}  // namespace mtl::codegen
