// Products of linear layers, with weights as they lie and with packed ones.
#include "runtime/core/deploy/linear.h"

#include "runtime/core/gemm.h"
#include "runtime/core/packed_product.h"

namespace mtl::runtime {
namespace {

Gemm product(int64_t rows, const float* x, const float* w, float* y, LinearShape shape) {
  return product_of(rows, shape.outputs, shape.inputs, {x, shape.inputs}, {w, shape.inputs, true}, y, shape.outputs);
}

}  // namespace

void linear(int64_t rows, const float* x, const float* w, float* y, LinearShape shape) {
  gemm_serial(product(rows, x, w, y, shape));
}

size_t linear_panel_floats(LinearShape shape) {
  const int64_t columns = at_level([=](auto level) { return tiles::packed_columns<decltype(level)>(shape.outputs); });
  return static_cast<size_t>(tiles::up_to_multiple(columns * shape.inputs, kMostLanes));
}
void pack_linear(const float* w, LinearShape shape, float* panel) {
  const Gemm p = product(0, nullptr, w, nullptr, shape);
  at_level([=](auto level) MTL_BODY { tiles::pack_b<decltype(level)>(p, 0, p.n, panel); });
}
void linear_packed(int64_t rows, const float* x, const float* panel, float* y, LinearShape shape) {
  const Gemm p = product(rows, x, nullptr, y, shape);
  at_level([=](auto level) MTL_BODY { tiles::packed_part<decltype(level)>(p, nullptr, panel, 0, p.m, 0, p.n); });
}

}  // namespace mtl::runtime
