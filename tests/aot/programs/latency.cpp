// How long a sentence takes, one at a time on one thread (a measurement, no test):
//   latency WEIGHTS SENTENCES.conll [PASSES]
// The package is MODEL, its example EXAMPLE. Prints the time from the start of main to the first answer, and the
// median and the 99th percentile over all sentences of the fastest of PASSES for each.
#include MODEL_HEADER

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "sentences.h"

namespace {

using Clock = std::chrono::steady_clock;
double microseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (const double t : times) sum += t;
  std::printf("%s: median %.1f us, p99 %.1f us, mean %.1f us\n", what, times[times.size() / 2],
              times[times.size() * 99 / 100], sum / static_cast<double>(times.size()));
}

}  // namespace

int main(int argc, char** argv) try {
  const auto start = Clock::now();
  if (argc < 3) return 2;
  const MODEL::Model model(argv[1]);
  MODEL::Context context(model);
  const auto first = context.all(MODEL::EXAMPLE::from_text("play some music"));
  std::printf("first answer after %.0f us (%d)\n", microseconds(start), static_cast<int>(first.intent.label));
  std::vector<MODEL::EXAMPLE> examples;
  for (auto& words : read_sentences(argv[2])) examples.push_back({std::move(words)});
  auto answers = first;
  for (const auto& example : examples) context.all(&example, 1, &answers);  // warm
  std::vector<double> every, best(examples.size(), 1e9);
  for (int pass = 0; pass < (argc > 3 ? std::atoi(argv[3]) : 5); ++pass) {
    for (size_t i = 0; i < examples.size(); ++i) {
      const auto begin = Clock::now();
      context.all(&examples[i], 1, &answers);
      every.push_back(microseconds(begin));
      best[i] = std::min(best[i], every.back());
    }
  }
  print("all passes", every);
  print("best of each sentence", best);
  return 0;
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 1;
}
