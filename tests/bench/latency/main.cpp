// One sentence at a time through a package, on one thread (a measurement, no test):
//   latency WEIGHTS SENTENCES.conll SECONDS
// The package is MODEL, its example EXAMPLE. Prints JSON: microseconds from the start of main to the first answer, and
// the median and the 99th percentile of a call, text in, all tasks out.
#include MODEL_HEADER

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/aot/programs/sentences.h"
#include "tests/bench/timing.h"

int main(int argc, char** argv) try {
  const auto start = bench::Clock::now();
  if (argc < 4) return 2;
  const MODEL::Model model(argv[1]);
  MODEL::Context context(model);
  auto answers = context.all(MODEL::EXAMPLE::from_text("play some music"));
  const double first = bench::microseconds_since(start);
  std::vector<MODEL::EXAMPLE> examples;
  for (auto& words : read_sentences(argv[2])) examples.push_back({std::move(words)});
  const bench::Spread times =
      bench::time_calls(examples.size(), std::atof(argv[3]), [&](size_t i) { context.all(&examples[i], 1, &answers); });
  std::printf("{\"first_us\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"label\": %d}\n", first, times.p50, times.p99,
              static_cast<int>(answers.intent.label));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
