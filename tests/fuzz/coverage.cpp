// What GCC's -fsanitize-coverage=trace-pc calls at each branch: a counter of libFuzzer for it, which is how a fuzzer
// sees that an input went a new way. GCC compiles everything here, as clang 14 does not take ANTLR's headers.
#include <cstdint>

namespace {

constexpr uintptr_t kCounters = 1 << 16;
__attribute__((section("__libfuzzer_extra_counters"), used)) uint8_t counters[kCounters];

}  // namespace

extern "C" void __sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  uint8_t& counter = counters[(place ^ (place >> 16)) % kCounters];
  if (counter < 255) ++counter;
}
