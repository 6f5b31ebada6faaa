// Scalar functions on registers: floats or i32, single or vectors. Truth is f32 0 or 1; LLVM folds it away between a
// comparison and the select that reads it.
#include "compiler/codegen/emitter.h"
#include "support/base/check.h"

namespace mtl::codegen {

using llvm::Value;
using program::Fn;
using types::DType;

Value* Emitter::truth(Value* bit) {
  llvm::Type* type = b_.getFloatTy();
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(bit->getType())) {
    type = llvm::FixedVectorType::get(type, vector->getNumElements());
  }
  return b_.CreateSelect(bit, llvm::ConstantFP::get(type, 1), llvm::ConstantFP::get(type, 0));
}

Value* Emitter::nonzero(Value* x) {
  Value* none = llvm::Constant::getNullValue(x->getType());
  return x->getType()->isIntOrIntVectorTy() ? b_.CreateICmpNE(x, none) : b_.CreateFCmpUNE(x, none);
}

Value* Emitter::apply_unary(Fn fn, Value* a) {
  llvm::Type* type = a->getType();
  const bool ints = type->isIntOrIntVectorTy();
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  auto number_like = [&](double value) { return llvm::ConstantFP::get(type, value); };
  switch (fn) {
    case Fn::neg:
      return ints ? b_.CreateNeg(a) : b_.CreateFNeg(a);
    case Fn::exp:
      return math_.exp(a);
    case Fn::log:
      return math_.log(a);
    case Fn::sqrt:
      return b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a);
    case Fn::rsqrt:
      return b_.CreateFDiv(number_like(1), b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a));
    case Fn::abs:
      return ints ? b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a, b_.getFalse()) : math_.fabs(a);
    case Fn::sign:
      MTL_CHECK(!ints, "sign of an i32");
      return b_.CreateSelect(b_.CreateFCmpOGT(a, zero), number_like(1),
                             b_.CreateSelect(b_.CreateFCmpOLT(a, zero), number_like(-1), a));
    case Fn::tanh:
      return math_.tanh(a);
    case Fn::sigmoid:
      return math_.sigmoid(a);
    case Fn::erf:
      return math_.erf(a);
    case Fn::floor:
      return ints ? a : b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, a);
    case Fn::logical_not:
      return truth(b_.CreateNot(nonzero(a)));
    case Fn::is_nan:
      return truth(ints ? b_.CreateICmpNE(a, a) : b_.CreateFCmpUNO(a, a));
    case Fn::to_f32:
      return ints ? b_.CreateSIToFP(a, math_.float_type(type)) : a;
    case Fn::to_i32:
      return ints ? a : b_.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {math_.int_type(type), type}, {a});
    default:
      break;
  }
  MTL_CHECK(false, "not a function of one value");
}

Value* Emitter::apply_binary(Fn fn, Value* a, Value* b) {
  const bool ints = a->getType()->isIntOrIntVectorTy();
  using P = llvm::CmpInst;
  auto compare = [&](P::Predicate of_ints, P::Predicate of_floats) {
    return truth(ints ? b_.CreateICmp(of_ints, a, b) : b_.CreateFCmp(of_floats, a, b));
  };
  switch (fn) {
    case Fn::add:
      return ints ? b_.CreateAdd(a, b) : b_.CreateFAdd(a, b);
    case Fn::sub:
      return ints ? b_.CreateSub(a, b) : b_.CreateFSub(a, b);
    case Fn::mul:
      return ints ? b_.CreateMul(a, b) : b_.CreateFMul(a, b);
    case Fn::div:
      return b_.CreateFDiv(a, b);
    case Fn::min:  // NaN if either is
      return b_.CreateBinaryIntrinsic(ints ? llvm::Intrinsic::smin : llvm::Intrinsic::minimum, a, b);
    case Fn::max:
      return b_.CreateBinaryIntrinsic(ints ? llvm::Intrinsic::smax : llvm::Intrinsic::maximum, a, b);
    case Fn::pow:
      return math_.pow(a, b);
    case Fn::eq:
      return compare(P::ICMP_EQ, P::FCMP_OEQ);
    case Fn::ne:
      return compare(P::ICMP_NE, P::FCMP_UNE);
    case Fn::lt:
      return compare(P::ICMP_SLT, P::FCMP_OLT);
    case Fn::le:
      return compare(P::ICMP_SLE, P::FCMP_OLE);
    case Fn::gt:
      return compare(P::ICMP_SGT, P::FCMP_OGT);
    case Fn::ge:
      return compare(P::ICMP_SGE, P::FCMP_OGE);
    case Fn::logical_and:
      return truth(b_.CreateAnd(nonzero(a), nonzero(b)));
    case Fn::logical_or:
      return truth(b_.CreateOr(nonzero(a), nonzero(b)));
    default:
      break;
  }
  MTL_CHECK(false, "not a function of two values");
}

Value* Emitter::apply(Fn fn, std::vector<Value*> args) {
  int lanes = 1;
  for (Value* arg : args) {
    if (auto* type = llvm::dyn_cast<llvm::FixedVectorType>(arg->getType())) {
      lanes = static_cast<int>(type->getNumElements());
    }
  }
  for (Value*& arg : args) arg = splat(arg, lanes);
  if (args.size() == 3) return b_.CreateSelect(nonzero(args[0]), args[1], args[2]);
  return args.size() == 1 ? apply_unary(fn, args[0]) : apply_binary(fn, args[0], args[1]);
}

}  // namespace mtl::codegen
