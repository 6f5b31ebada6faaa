// How long calls take one by one, in microseconds.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;
inline double microseconds_since(Clock::time_point then) {
  return std::chrono::duration<double, std::micro>(Clock::now() - then).count();
}

struct Spread {
  double p50 = 0, p99 = 0;
};
// call(i) for i = 0 .. count - 1 over and over, after 50 calls that are not counted.
template <class Call>
Spread time_calls(size_t count, double seconds, Call call) {
  for (size_t i = 0; i < 50; ++i) call(i % count);
  std::vector<double> times;
  const auto begin = Clock::now();
  for (size_t i = 0; microseconds_since(begin) < 1e6 * seconds; ++i) {
    const auto one = Clock::now();
    call(i % count);
    times.push_back(microseconds_since(one));
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

}  // namespace bench
