// The functions that generated steps are written with, against those of the library in double.
#include "runtime/core/deploy/steps.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

namespace runtime = mtl::runtime;

namespace {

// The largest distance, in units of the last place of the larger one of the value and `least`.
double largest_error(float (*function)(float), double (*exact)(double), float from, float to, double least) {
  double worst = 0;
  for (int i = 0; i <= 200'000; ++i) {
    const float x = from + (to - from) * static_cast<float>(i) / 200'000.0f;
    const double expected = exact(x), unit = std::fmax(std::fabs(expected), least) * std::ldexp(1.0, -23);
    const double off = std::fabs(function(x) - expected) / unit;
    if (!(off <= worst)) worst = off;
  }
  return worst;
}

}  // namespace

TEST_CASE("Functions of generated steps are within a few units in the last place") {
  CHECK(largest_error(runtime::exp, std::exp, -80, 80, 0) < 3);
  CHECK(largest_error(
            runtime::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -30, 30, 0) < 4);
  CHECK(largest_error(runtime::tanh, std::tanh, -12, 12, 0) < 4);
  CHECK(largest_error(runtime::erf, std::erf, -6, 6, 0) < 4);
  CHECK(largest_error(runtime::erf, std::erf, -1e-3f, 1e-3f, 0) < 4);
}

TEST_CASE("Functions of generated steps keep NaNs and reach their bounds") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float (*function)(float) : {runtime::exp, runtime::sigmoid, runtime::tanh, runtime::erf})
    CHECK(std::isnan(function(std::nanf(""))));
  CHECK(runtime::exp(kInfinity) > 3.4e38f);
  CHECK(runtime::exp(-kInfinity) < 1e-37f);
  CHECK(runtime::sigmoid(kInfinity) == 1);
  CHECK(runtime::tanh(-kInfinity) == -1);
  CHECK(runtime::erf(kInfinity) == 1);
  CHECK(runtime::erf(-kInfinity) == -1);
}
