// Counter-based random numbers: the one definition that generated code, kernels, the reference evaluation and the
// initialisation of weights share. A number depends on the seed, the step, a key (path of the layer and number of
// the distinct call), the identity of its row and its element in the row, and on nothing else: not on how the batch
// was packed, not on the number of threads.
#pragma once
#include <cstdint>

namespace mtl::runtime {

// Finaliser of splitmix64 (Steele, Lea & Flood 2014).
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}
// A 32-bit finaliser of low bias; cheap in vector registers.
constexpr uint32_t mix32(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7FEB352Du;
  x = (x ^ (x >> 15)) * 0x846CA68Bu;
  return x ^ (x >> 16);
}

// Who a row is: the example's number in its split, then its position at each level below.
constexpr uint64_t example_identity(uint64_t example) {
  return mix64(example + 1);
}
constexpr uint64_t child_identity(uint64_t parent, uint64_t position) {
  return mix64(parent ^ ((position + 1) << 1));
}
// The identity of the uniform row is 0.

constexpr uint64_t random_stream(uint64_t seed, uint64_t step, uint64_t key) {
  return mix64(mix64(mix64(seed) ^ step) ^ key);
}
constexpr uint64_t random_row(uint64_t stream, uint64_t identity) {
  return mix64(stream ^ identity);
}
constexpr uint32_t random_bits(uint64_t row, uint32_t element) {
  return mix32(mix32(element + static_cast<uint32_t>(row)) ^ static_cast<uint32_t>(row >> 32));
}
// In [0, 1), with 24 bits.
constexpr float random_unit(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

// FNV-1a, for keys made of paths.
constexpr uint64_t hash_text(const char* text, uint64_t size, uint64_t hash = 0xCBF29CE484222325ull) {
  for (uint64_t i = 0; i < size; ++i) hash = (hash ^ static_cast<uint8_t>(text[i])) * 0x100000001B3ull;
  return hash;
}

}  // namespace mtl::runtime
