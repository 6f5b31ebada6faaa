// Tests of runtime/model/weights.h.
#include "runtime/model/weights.h"

#include <catch2/catch.hpp>
#include <cstdint>

using mtl::model::Weights;

TEST_CASE("weights lie aligned, in order, and zeroed") {
  Weights weights({{"a", {3}}, {"b.weight", {4, 5}}, {"c", {}}, {"none", {0, 7}}, {"d", {16}}});
  REQUIRE(weights.entries().size() == 5);
  const int64_t offsets[] = {0, 16, 48, 64, 64}, sizes[] = {3, 20, 1, 0, 16};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(weights.entries()[i].offset == offsets[i]);
    CHECK(weights.entries()[i].size == sizes[i]);
  }
  CHECK(weights.size() == 80);
  CHECK(reinterpret_cast<uintptr_t>(weights.data()) % 64 == 0);
  for (int64_t i = 0; i < weights.size(); ++i) CHECK(weights.data()[i] == 0.0f);
  REQUIRE(weights.find("b.weight") != nullptr);
  CHECK(weights.of(*weights.find("b.weight")) == weights.data() + 16);
  CHECK(weights.find("b") == nullptr);
  auto gradients = weights.like();
  CHECK(gradients[79] == 0.0f);
}

TEST_CASE("a model without parameters has weights too") {
  Weights weights({});
  CHECK(weights.size() == 0);
  CHECK(weights.data() != nullptr);
}
