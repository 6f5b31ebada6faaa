// Linear layers of packages: y[rows, outputs] = x[rows, inputs] w^T, with w[outputs, inputs] as PyTorch lays it out.
//
// A package computes a few rows at a time, so reading the weights is what takes long. Those of a wide layer are packed
// once, when they are loaded, into panels that are read from begin to end (product_tiles.h).
#pragma once
#include <cstddef>
#include <cstdint>

namespace mtl::runtime {

struct LinearShape {
  int64_t outputs, inputs;
};
void linear(int64_t rows, const float* x, const float* w, float* y, LinearShape shape);

// Layers with fewer outputs are not worth packing.
constexpr int64_t kLeastPackedOutputs = 32;
size_t linear_panel_floats(LinearShape shape);  // a multiple of 16
void pack_linear(const float* w, LinearShape shape, float* panel);
// As linear(), with the panel in place of w. Bits of a row do not depend on the other rows.
void linear_packed(int64_t rows, const float* x, const float* panel, float* y, LinearShape shape);

}  // namespace mtl::runtime
