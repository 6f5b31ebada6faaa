// Many threads on one model, each with its own context:
//   concurrent SENTENCES.conll [REQUESTS [THREADS]]
// Every answer has to be the one that a single thread gets; once a thread is warm it must not allocate; and the memory
// of the process must not grow by more than 1 MiB over all requests.
#include <assistant/assistant.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "allocations.h"  // first: its malloc is the one of this program
#include "sentences.h"

namespace {

using Examples = std::vector<assistant::AssistantExample>;
using Answers = std::vector<assistant::AssistantAnswers>;
constexpr size_t kBatch = 16;
constexpr int64_t kMostGrowth = 1 << 20;

std::atomic<int64_t> g_allocations{0}, g_wrong{0};

int64_t resident_bytes() {
  long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

bool same(const assistant::AssistantAnswers& a, const assistant::AssistantAnswers& b) {
  if (a.slots.spans.size() != b.slots.spans.size()) return false;
  for (size_t i = 0; i < a.slots.spans.size(); ++i) {
    const assistant::Span &x = a.slots.spans[i], &y = b.slots.spans[i];
    if (x.begin != y.begin || x.end != y.end || x.label != y.label) return false;
  }
  return a.intent.label == b.intent.label && a.intent.scores == b.intent.scores && a.slots.labels == b.slots.labels &&
         a.slots.scores == b.slots.scores;
}

// What one thread says, alone: one example at a time, and in batches, which may round otherwise.
struct Expected {
  Answers single, batched;
};

Expected expected(const assistant::Model& model, const Examples& examples) {
  assistant::Context context(model);
  Expected out{Answers(examples.size()), Answers(examples.size())};
  for (size_t i = 0; i < examples.size(); ++i) context.all(&examples[i], 1, &out.single[i]);
  for (size_t i = 0; i < examples.size(); i += kBatch)
    context.all(&examples[i], std::min(kBatch, examples.size() - i), &out.batched[i]);
  return out;
}

// One request: a sentence, or every 16th time a batch of them. Returns how many sentences were answered.
size_t request(assistant::Context& context, const Examples& examples, const Expected& right, size_t number,
               Answers& answers) {
  const size_t at = number % examples.size();
  if (number % 16 != 0) {
    context.all(&examples[at], 1, &answers[0]);
    if (!same(answers[0], right.single[at])) ++g_wrong;
    return 1;
  }
  const size_t begin = at / kBatch * kBatch, count = std::min(kBatch, examples.size() - begin);
  context.all(&examples[begin], count, answers.data());
  for (size_t i = 0; i < count; ++i)
    if (!same(answers[i], right.batched[begin + i])) ++g_wrong;
  return count;
}

// A thread's part. It is warm when it has seen every sentence alone and in its batch.
void work(const assistant::Model& model, const Examples& examples, const Expected& right, size_t first,
          std::atomic<int64_t>& left, std::atomic<int>& cold, const std::atomic<bool>& go) {
  assistant::Context context(model);
  Answers answers(kBatch);
  for (const auto& example : examples) context.all(&example, 1, &answers[0]);
  for (size_t i = 0; i < examples.size(); i += kBatch)
    context.all(&examples[i], std::min(kBatch, examples.size() - i), answers.data());
  --cold;
  while (!go) std::this_thread::yield();
  const int64_t before = t_allocations;
  for (size_t number = first; left.fetch_sub(1) > 0; ++number) request(context, examples, right, number, answers);
  g_allocations += t_allocations - before;
}

int run(const std::string& path, int64_t requests, int threads) {
  const assistant::Model model(ASSISTANT_WEIGHTS);
  Examples examples;
  for (auto& words : read_sentences(path)) examples.push_back({std::move(words)});
  const Expected right = expected(model, examples);
  std::atomic<int64_t> left{requests};
  std::atomic<int> cold{threads};
  std::atomic<bool> go{false};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back(work, std::cref(model), std::cref(examples), std::cref(right), static_cast<size_t>(t) * 37,
                         std::ref(left), std::ref(cold), std::cref(go));
  while (cold > 0) std::this_thread::yield();
  const int64_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  go = true;
  for (std::thread& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t after = resident_bytes();
  std::printf("%lld requests by %d threads in %.2f s\n", static_cast<long long>(requests), threads, seconds);
  std::printf("resident memory: %.2f MiB before, %.2f MiB after\n", before / 1048576.0, after / 1048576.0);
  std::printf("wrong answers: %lld\n", static_cast<long long>(g_wrong.load()));
  if (COUNTS_ALLOCATIONS)
    std::printf("allocations after warm-up: %lld\n", static_cast<long long>(g_allocations.load()));
  const bool grew = COUNTS_ALLOCATIONS && after - before > kMostGrowth;
  return g_wrong == 0 && g_allocations == 0 && !grew ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const int64_t requests = argc > 2 ? std::atoll(argv[2]) : 20000;
  return argc < 2 ? 2 : run(argv[1], requests, argc > 3 ? std::atoi(argv[3]) : 8);
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 1;
}
