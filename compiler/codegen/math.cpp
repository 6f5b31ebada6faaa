// Polynomials and range reductions of exp, log, tanh and erf, in LLVM IR.
#include "compiler/codegen/math.h"

#include <limits>

namespace mtl::codegen {

using llvm::Value;

namespace {

llvm::Type* as_many(llvm::Type* scalar, llvm::Type* like) {
  auto* vector = llvm::dyn_cast<llvm::VectorType>(like);
  return vector == nullptr ? scalar : llvm::VectorType::get(scalar, vector->getElementCount());
}

}  // namespace

llvm::Type* Math::int_type(llvm::Type* like) {
  return as_many(b_.getInt32Ty(), like);
}
llvm::Type* Math::float_type(llvm::Type* like) {
  return as_many(b_.getFloatTy(), like);
}

Value* Math::fma(Value* a, Value* b, Value* c) {
  return b_.CreateIntrinsic(llvm::Intrinsic::fmuladd, {a->getType()}, {a, b, c});
}

Value* Math::polynomial(Value* x, llvm::ArrayRef<double> c) {
  Value* sum = number(x->getType(), c.back());
  for (size_t i = c.size() - 1; i-- > 0;) sum = fma(sum, x, number(x->getType(), c[i]));
  return sum;
}

Value* Math::fabs(Value* x) {
  return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
}

Value* Math::copy_sign(Value* magnitude, Value* sign) {
  return b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude, sign);
}

// exp(x) = 2^n exp(r), |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds x / ln 2 and leaves n in the low bits of the sum.
Value* Math::exp(Value* x) {
  llvm::Type* type = x->getType();
  llvm::Type* ints = int_type(type);
  const double magic = 12582912.0;
  Value* shifted = fma(x, number(type, 1.44269504088896341), number(type, magic));
  Value* n = b_.CreateFSub(shifted, number(type, magic));
  Value* r = fma(n, number(type, -0.693359375), x);
  r = fma(n, number(type, 2.12194440054690583e-4), r);
  Value* p = polynomial(
      r, {0.49999993412261023, 0.16666520105546223, 0.041668394259157575, 0.008368780622220864, 0.0013814464751916579});
  p = fma(b_.CreateFMul(r, r), p, b_.CreateFAdd(r, number(type, 1)));
  // 2^n as 2^h * 2^(n - h), so that both factors are normal up to the ends of the range.
  Value* bits = b_.CreateSub(b_.CreateBitCast(shifted, ints), llvm::ConstantInt::get(ints, 0x4B400000));
  Value* half = b_.CreateAShr(bits, 1);
  auto power = [&](Value* e) {
    return b_.CreateBitCast(b_.CreateShl(b_.CreateAdd(e, llvm::ConstantInt::get(ints, 127)), 23), type);
  };
  Value* y = b_.CreateFMul(b_.CreateFMul(p, power(half)), power(b_.CreateSub(bits, half)));
  y = b_.CreateSelect(b_.CreateFCmpOGT(x, number(type, 88.7228317)),
                      number(type, std::numeric_limits<double>::infinity()), y);
  return b_.CreateSelect(b_.CreateFCmpOLT(x, number(type, -87.336544)), number(type, 0), y);
}

// log(2^e m) = e ln 2 + log1p(m - 1), m in [sqrt(1/2), sqrt(2)).
Value* Math::log(Value* x) {
  llvm::Type* type = x->getType();
  llvm::Type* ints = int_type(type);
  Value* base = llvm::ConstantInt::get(ints, 0x3F3504F3);
  Value* bits = b_.CreateSub(b_.CreateBitCast(x, ints), base);
  Value* e = b_.CreateSIToFP(b_.CreateAShr(bits, 23), type);
  Value* m = b_.CreateBitCast(b_.CreateAdd(b_.CreateAnd(bits, llvm::ConstantInt::get(ints, 0x7FFFFF)), base), type);
  Value* f = b_.CreateFSub(m, number(type, 1));
  Value* q = polynomial(f, {0.33333331709694775, -0.2500082105621542, 0.20001226667466573, -0.16623356479374937,
                            0.1420176246689892, -0.13160195053017812, 0.12761550360981994, -0.07634429908456807});
  Value* f2 = b_.CreateFMul(f, f);
  Value* tail = fma(b_.CreateFMul(f2, f), q, b_.CreateFMul(e, number(type, -2.12194440054690583e-4)));
  tail = fma(f2, number(type, -0.5), tail);
  Value* y = fma(e, number(type, 0.693359375), b_.CreateFAdd(f, tail));
  const double inf = std::numeric_limits<double>::infinity();
  y = b_.CreateSelect(b_.CreateFCmpOEQ(x, number(type, inf)), x, y);
  y = b_.CreateSelect(b_.CreateFCmpOLT(x, number(type, 1.17549435e-38)), number(type, -inf), y);
  // not x >= 0: negative or NaN
  Value* nan = number(type, std::numeric_limits<double>::quiet_NaN());
  return b_.CreateSelect(b_.CreateFCmpULT(x, number(type, 0)), nan, y);
}

Value* Math::tanh(Value* x) {
  llvm::Type* type = x->getType();
  Value* a = fabs(x);
  Value* z = b_.CreateFMul(x, x);
  Value* q = polynomial(
      z, {-0.33333262879826964, 0.1333089970922951, -0.05369296452415062, 0.020483306538628284, -0.005528624608739236});
  Value* small = fma(b_.CreateFMul(z, x), q, x);
  Value* e = exp(b_.CreateFAdd(a, a));
  Value* big = b_.CreateFSub(number(type, 1), b_.CreateFDiv(number(type, 2), b_.CreateFAdd(e, number(type, 1))));
  return b_.CreateSelect(b_.CreateFCmpOLT(a, number(type, 0.65)), small, copy_sign(big, x));
}

Value* Math::sigmoid(Value* x) {
  llvm::Type* type = x->getType();
  return b_.CreateFDiv(number(type, 1), b_.CreateFAdd(number(type, 1), exp(b_.CreateFNeg(x))));
}

// erf(x) = x p(x^2) below 0.97; above, 1 - exp(-p(x)), p a fit of -log(erfc(x)).
Value* Math::erf(Value* x) {
  llvm::Type* type = x->getType();
  Value* a = fabs(x);
  Value* small =
      b_.CreateFMul(x, polynomial(b_.CreateFMul(x, x),
                                  {1.1283791657266913, -0.3761262582409408, 0.11283585147037503, -0.02685381186936197,
                                   0.005188327560497146, -0.000801019252530064, 7.853857722551111e-05}));
  Value* t = b_.CreateSelect(b_.CreateFCmpOGT(a, number(type, 4)), number(type, 4), a);
  Value* p =
      polynomial(t, {-0.00018344414643478788, 1.1295568303870058, 0.6332626121996822, 0.10837247858585504,
                     -0.025178967803628324, 0.0041936110882840605, -0.0004391063733337261, 2.149611362163736e-05});
  Value* big = copy_sign(b_.CreateFSub(number(type, 1), exp(b_.CreateFNeg(p))), x);
  return b_.CreateSelect(b_.CreateFCmpOLT(a, number(type, 0.97)), small, big);
}

// |x|^y = exp(y log |x|); a negative base keeps its sign under odd y and is NaN under a fraction.
Value* Math::pow(Value* x, Value* y) {
  llvm::Type* type = x->getType();
  Value* magnitude = exp(b_.CreateFMul(y, log(fabs(x))));
  Value* zero = number(type, 0);
  Value* floor = b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, y);
  Value* half = b_.CreateFMul(y, number(type, 0.5));
  Value* odd = b_.CreateFCmpONE(b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, half), half);
  Value* nan = number(type, std::numeric_limits<double>::quiet_NaN());
  Value* negative = b_.CreateSelect(odd, b_.CreateFNeg(magnitude), magnitude);
  negative = b_.CreateSelect(b_.CreateFCmpOEQ(floor, y), negative, nan);
  Value* out = b_.CreateSelect(b_.CreateFCmpOLT(x, zero), negative, magnitude);
  return b_.CreateSelect(b_.CreateFCmpOEQ(y, zero), number(type, 1), out);
}

}  // namespace mtl::codegen
