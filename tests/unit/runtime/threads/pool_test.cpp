// The pool of threads: every part once, whoever calls, and how many threads are taken where help is scarce.
#include "runtime/threads/pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "runtime/core/kernels.h"
#include "runtime/core/parallel.h"
#include "runtime/threads/crew.h"

using namespace mtl::runtime;

TEST_CASE("every part runs once, on any number of threads") {
  for (const int count : {1, 2, 3, 16, 128}) {
    set_threads(count);
    REQUIRE(threads() == count);
    for (int64_t parts : {0, 1, 2, 7, 1000}) {
      for (int round = 0; round < 20; ++round) {
        std::vector<std::atomic<int>> runs(static_cast<size_t>(parts));
        std::atomic<int> out_of_range{0};
        parallel_for(parts, [&](int64_t part) {
          ++runs[static_cast<size_t>(part)];
          if (thread_number() < 0 || thread_number() >= count || (parts > 1 && count > 1 && !in_parallel()))
            ++out_of_range;
        });
        CHECK(out_of_range == 0);
        for (const auto& n : runs) REQUIRE(n == 1);
      }
    }
  }
  set_threads(2);
}

TEST_CASE("the number of threads is from 1 to 128") {
  set_threads(-3);
  CHECK(threads() == 1);
  set_threads(100000);
  CHECK(threads() == 128);
  set_threads(2);
}

// A thread that is late for one region must not take parts of the next with the description of the first: many short
// regions that differ in everything.
TEST_CASE("regions in quick succession do not mix") {
  set_threads(4);
  for (int64_t round = 0; round < 20000; ++round) {
    const int64_t parts = 2 + round % 5;
    std::atomic<int64_t> sum{0};
    parallel_for(parts, [&sum, round](int64_t part) { sum += round * 10 + part; });
    REQUIRE(sum == parts * round * 10 + parts * (parts - 1) / 2);
  }
  set_threads(2);
}

TEST_CASE("a region inside of a region runs on its thread") {
  set_threads(4);
  std::atomic<int> wrong{0}, inner{0};
  parallel_for(16, [&](int64_t) {
    const auto me = std::this_thread::get_id();
    parallel_for(8, [&](int64_t) {
      ++inner;
      if (std::this_thread::get_id() != me) ++wrong;
    });
  });
  CHECK(inner == 128);
  CHECK(wrong == 0);
  set_threads(2);
}

TEST_CASE("two threads may have regions at a time") {
  set_threads(3);
  std::atomic<int64_t> sums[2] = {};
  const auto work = [&](int which) {
    for (int round = 0; round < 2000; ++round) parallel_for(9, [&](int64_t part) { sums[which] += part; });
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  CHECK(sums[0] == 2000 * 36);
  CHECK(sums[1] == 2000 * 36);
  set_threads(2);
}

TEST_CASE("parts compute in the caller's floating-point mode") {
#if defined(__x86_64__)
  set_threads(4);
  const unsigned before = __builtin_ia32_stmxcsr();
  for (const unsigned mode : {before | 0x8040u, before & ~0x8040u}) {
    __builtin_ia32_ldmxcsr(mode);
    std::atomic<int> others{0};
    parallel_for(64, [&](int64_t) {
      if ((__builtin_ia32_stmxcsr() & 0x8040u) != (mode & 0x8040u)) ++others;
      std::this_thread::yield();
    });
    CHECK(others == 0);
  }
  __builtin_ia32_ldmxcsr(before);
  set_threads(2);
#endif
}

namespace {

// Feeds a crew what a machine would show it where `size` threads have `rate(size)`, for some seconds of measured
// regions; returns the mean size.
template <class Rate>
double mean_size(Crew& crew, double seconds, Rate&& rate) {
  double sizes = 0, all = 0;
  for (double time = 0; time < seconds; time += 1e-4) {
    const int size = crew.size();
    sizes += size;
    all += 1;
    if (crew.is_measured()) crew.add(100'000, static_cast<int64_t>(100'000 * rate(size)));
  }
  return sizes / all;
}

}  // namespace

TEST_CASE("a quiet machine keeps all threads at work") {
  for (const int most : {2, 16}) {
    Crew crew(most);
    CHECK(mean_size(crew, 10, [](int size) { return 0.9 * size; }) == most);
  }
}

TEST_CASE("threads that hinder are given up, and taken again when they help") {
  Crew crew(2);
  mean_size(crew, 1, [](int size) { return size == 2 ? 0.7 : 0.98; });
  CHECK(mean_size(crew, 20, [](int size) { return size == 2 ? 0.7 : 0.98; }) < 1.1);
  mean_size(crew, 3, [](int size) { return 0.9 * size; });
  CHECK(mean_size(crew, 10, [](int size) { return 0.9 * size; }) == 2);
}

TEST_CASE("threads that help a little stay") {
  Crew crew(2);
  mean_size(crew, 1, [](int size) { return size == 2 ? 1.0 : 0.6; });
  CHECK(mean_size(crew, 20, [](int size) { return size == 2 ? 1.0 : 0.6; }) > 1.8);
}
