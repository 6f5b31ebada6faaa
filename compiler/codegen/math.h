// Transcendental functions as inline polynomials, on a float or a vector of floats: they vectorise at any width, give
// the same bits on every machine with FMA, and need no library. Relative error about 1e-7 (coefficients are weighted
// minimax fits of our own, by Lawson's algorithm); NaN in, NaN out; subnormals count as zero.
#pragma once
#include <llvm/IR/IRBuilder.h>

namespace mtl::codegen {

class Math {
 public:
  explicit Math(llvm::IRBuilder<>& builder) : b_(builder) {}

  llvm::Value* exp(llvm::Value* x);
  llvm::Value* log(llvm::Value* x);
  llvm::Value* tanh(llvm::Value* x);
  llvm::Value* sigmoid(llvm::Value* x);
  llvm::Value* erf(llvm::Value* x);
  llvm::Value* pow(llvm::Value* x, llvm::Value* y);

  llvm::Value* number(llvm::Type* like, double value) { return llvm::ConstantFP::get(like, value); }
  llvm::Value* fabs(llvm::Value* x);
  // i32 or a vector of i32, with as many lanes as `like`.
  llvm::Type* int_type(llvm::Type* like);
  llvm::Type* float_type(llvm::Type* like);

 private:
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  // c[0] + c[1] x + ... by Horner.
  llvm::Value* polynomial(llvm::Value* x, llvm::ArrayRef<double> c);
  llvm::Value* copy_sign(llvm::Value* magnitude, llvm::Value* sign);

  llvm::IRBuilder<>& b_;
};

}  // namespace mtl::codegen
