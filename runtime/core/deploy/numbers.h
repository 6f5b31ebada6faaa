// The arithmetic of number columns, there and back. NaN is a missing value and stays one.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

namespace mtl::runtime::deploy {

// (x - mean) / deviation; a constant column (deviation 0) becomes 0.
inline double standardized(double x, double mean, double deviation) {
  return deviation > 0 ? (x - mean) / deviation : x * 0;
}
// (x - minimum) / (maximum - minimum); a constant column becomes 0.
inline double scaled(double x, double minimum, double maximum) {
  return maximum > minimum ? (x - minimum) / (maximum - minimum) : x * 0;
}
// log(1 + x); -infinity where there is none, which no column takes.
inline double log_of_one_more(double x) {
  return std::isnan(x) || x > -1 ? std::log1p(x) : -std::numeric_limits<double>::infinity();
}
// The class of x: how many of the rising edges are not above it.
inline double bin_of(double x, const double* edges, size_t count) {
  return std::isnan(x) ? x : static_cast<double>(std::upper_bound(edges, edges + count, x) - edges);
}

}  // namespace mtl::runtime::deploy
