// How many threads of the pool are worth having at the moment.
//
// A thread that the machine runs only now and then helps little, and everybody waits for the part that it has begun. So
// regions are measured: processor time spent in parts for each second of the clock is the rate of a number of threads.
// It is nearly that number on a quiet machine, and nothing else is tried then. Where it is hardly more than half as
// many could reach, half as many are tried for one interval, and the better stay; what was given up is tried again from
// time to time. Results are the same bits on any number of threads, so this changes nothing but speed.
#pragma once
#include <algorithm>
#include <cstdint>

namespace mtl::runtime {

class Crew {
 public:
  explicit Crew(int most) : most_(most), size_(most) {}

  int size() const { return size_; }
  // Whether to measure the next region: all where something is in doubt, one of seven where nothing is.
  bool is_measured() { return in_doubt_ || on_trial_ || ++regions_ % 7 == 0; }
  // A measured region: nanoseconds of the clock, and of processor time spent in its parts.
  void add(int64_t elapsed, int64_t useful) {
    elapsed_ += elapsed;
    useful_ += useful;
    if (elapsed_ < kInterval) return;
    // Processor time of several threads is worth less: they share caches, and are moved about.
    judge((size_ > 1 ? 0.85 : 1.0) * static_cast<double>(useful_) / static_cast<double>(elapsed_));
    elapsed_ = useful_ = 0;
  }

 private:
  static constexpr int64_t kInterval = 40'000'000;  // ten time slices of a scheduler
  static constexpr int kLongest = 8;                // intervals between trials

  void judge(double rate) {
    if (on_trial_) {
      on_trial_ = false;
      if (rate > rate_) {
        patience_ = 1;
      } else {
        size_ = other_;
        patience_ = std::min(2 * patience_, kLongest);
      }
      left_ = patience_;
      return;
    }
    rate_ = rate;
    in_doubt_ = size_ > 1 && rate < 0.6 * size_;
    if (--left_ > 0) return;
    if (in_doubt_)
      try_size(size_ / 2);
    else if (size_ < most_)
      try_size(std::min(most_, 2 * size_));
  }
  void try_size(int size) {
    other_ = size_;
    size_ = size;
    on_trial_ = true;
  }

  const int most_;
  int size_, other_ = 1;
  bool in_doubt_ = true, on_trial_ = false;
  double rate_ = 0;
  int patience_ = 1, left_ = 1;
  uint32_t regions_ = 0;
  int64_t elapsed_ = 0, useful_ = 0;
};

}  // namespace mtl::runtime
