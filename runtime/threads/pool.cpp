// See pool.h. A fork and join costs 1 us while helpers spin and about 4 us beside 20 us of work (bench_kernels, "a
// region of two parts"; two cores of an EPYC 7003 in a virtual machine).
#include "runtime/threads/pool.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/core/kernels.h"
#include "runtime/threads/crew.h"
#include "runtime/threads/processors.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace mtl::runtime {
namespace {

// How long a thread spins before it sleeps: longer than the gaps between the regions of a step.
constexpr std::chrono::microseconds kSpin{100};

void sleep_while(std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

#if defined(__x86_64__)
void pause() {
  _mm_pause();
}
unsigned float_mode() {
  return _mm_getcsr() & ~0x3Fu;  // without the flags of what has happened
}
void set_float_mode(unsigned mode) {
  if (float_mode() != mode) _mm_setcsr(mode);
}
#else
void pause() {}
unsigned float_mode() {
  return 0;
}
void set_float_mode(unsigned) {}
#endif

// True as soon as `ready` is, false after kSpin.
template <class Ready>
bool spin_until(Ready&& ready) {
  constexpr int kPauses = 32;
  for (auto end = std::chrono::steady_clock::time_point::max();;) {
    for (int i = 0; i < kPauses; ++i) {
      if (ready()) return true;
      pause();
    }
    const auto now = std::chrono::steady_clock::now();
    if (end == std::chrono::steady_clock::time_point::max()) end = now + kSpin;
    if (now >= end) return false;
  }
}

int64_t nanoseconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec;
}
int64_t processor_time() {
  return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

thread_local bool t_in_part = false;
thread_local int t_number = 0;

class Pool {
 public:
  explicit Pool(int threads) : count_(threads), crew_(threads) {
    for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { help(i); });
  }
  ~Pool() {
    stopping_.store(true);
    signal_.fetch_add(1);
    wake(signal_, INT_MAX);
    for (std::thread& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int count() const { return count_; }

  void run(int64_t parts, void (*run)(void*, int64_t), void* context) {
    const bool measured = crew_.is_measured();
    const int64_t begin = measured ? nanoseconds(CLOCK_MONOTONIC) : 0, worked = measured ? processor_time() : 0;
    const int helpers = static_cast<int>(parts < crew_.size() ? parts : crew_.size()) - 1;
    if (helpers > 0) open(parts, run, context, measured, helpers);
    t_in_part = true;
    if (helpers > 0)
      take_parts(region_, true);
    else
      for (int64_t i = 0; i < parts; ++i) run(context, i);
    t_in_part = false;
    const int64_t useful = measured ? processor_time() - worked : 0;
    if (helpers > 0) wait(static_cast<uint32_t>(parts));
    if (measured) crew_.add(nanoseconds(CLOCK_MONOTONIC) - begin, useful + (helpers > 0 ? helped_.load() : 0));
  }

 private:
  // A region has a number; next_ is that number and, below it, the part to take next, or kClosed while its description
  // is written. So a part can be claimed only of the region whose description was read before.
  static constexpr uint32_t kClosed = UINT32_MAX;
  static uint32_t region_of(uint64_t next) { return static_cast<uint32_t>(next >> 32); }

  void open(int64_t parts, void (*run)(void*, int64_t), void* context, bool measured, int helpers) {
    // Whoever is still looking at the region before must not take a part of it with this one's description.
    next_.store(static_cast<uint64_t>(++region_) << 32 | kClosed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    run_.store(run, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    parts_.store(static_cast<uint32_t>(parts), std::memory_order_relaxed);
    float_mode_.store(float_mode(), std::memory_order_relaxed);
    measured_.store(measured, std::memory_order_relaxed);
    crew_size_.store(crew_.size(), std::memory_order_relaxed);
    helped_.store(0, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    next_.store(static_cast<uint64_t>(region_) << 32);
    if (sleepers_.load() == 0) return;
    signal_.fetch_add(1);
    wake(signal_, crew_.size() < count_ ? INT_MAX : helpers);  // who sleeps may be who is not wanted
  }

  void take_parts(uint32_t region, bool is_caller) {
    uint64_t next = next_.load(std::memory_order_acquire);
    while (region_of(next) == region) {
      const auto run = run_.load(std::memory_order_relaxed);
      void* const context = context_.load(std::memory_order_relaxed);
      const uint32_t parts = parts_.load(std::memory_order_relaxed), part = static_cast<uint32_t>(next);
      const bool timed = !is_caller && measured_.load(std::memory_order_relaxed);
      if (part >= parts) return;
      if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      const int64_t begin = timed ? processor_time() : 0;
      run(context, part);
      if (timed) helped_.fetch_add(processor_time() - begin);
      const bool last = done_.fetch_add(1) + 1 == parts;
      if (last && caller_sleeps_.load()) wake(done_, 1);
      next = next_.load(std::memory_order_acquire);
    }
  }

  // Until all parts are done, those that others have begun too.
  void wait(uint32_t parts) {
    const auto all_done = [&] { return done_.load(std::memory_order_acquire) == parts; };
    if (spin_until(all_done)) return;
    caller_sleeps_.store(true);
    for (uint32_t done; (done = done_.load()) != parts;) sleep_while(done_, done);
    caller_sleeps_.store(false);
  }

  void help(int number) {
    t_number = number;
    t_in_part = true;  // it does nothing else
    uint32_t seen = 0, region = 0;
    const auto something_new = [&] {
      const uint64_t next = next_.load(std::memory_order_acquire);
      region = region_of(next);
      return stopping_.load() || (region != seen && static_cast<uint32_t>(next) != kClosed);
    };
    while (true) {
      if (!spin_until(something_new)) {
        const uint32_t signal = signal_.load();
        sleepers_.fetch_add(1);
        if (!something_new()) sleep_while(signal_, signal);
        sleepers_.fetch_sub(1);
        continue;
      }
      if (stopping_.load()) return;
      seen = region;
      if (number >= crew_size_.load(std::memory_order_relaxed)) continue;
      set_float_mode(float_mode_.load(std::memory_order_relaxed));
      take_parts(seen, false);
    }
  }

  const int count_;
  Crew crew_;            // the caller's
  uint32_t region_ = 0;  // the caller's
  std::atomic<void (*)(void*, int64_t)> run_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<uint32_t> parts_{0};
  std::atomic<unsigned> float_mode_{0};
  std::atomic<bool> measured_{false};
  std::atomic<int> crew_size_{0};
  std::atomic<int64_t> helped_{0};  // nanoseconds of processor time in the parts of others
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<uint64_t> next_{0};
  alignas(64) std::atomic<uint32_t> done_{0};
  std::atomic<bool> caller_sleeps_{false};
  alignas(64) std::atomic<uint32_t> signal_{0};
  std::atomic<int> sleepers_{0};
  std::vector<std::thread> threads_;
};

struct Threads {
  std::atomic<int> count{0};  // 0: not asked for yet
  std::atomic<bool> taken{false};
  std::unique_ptr<Pool> pool;  // of whoever has taken it
};
// Never destroyed: threads that sleep at the end of the program are ended with it.
Threads& the_threads() {
  static Threads* const threads = new Threads;
  return *threads;
}

void alone(int64_t parts, void (*run)(void*, int64_t), void* context) {
  for (int64_t i = 0; i < parts; ++i) run(context, i);
}

}  // namespace

bool in_parallel() {
  return t_in_part;
}
int thread_number() {
  return t_number;
}

void set_threads(int count) {
  the_threads().count.store(count < 1 ? 1 : count > kMostThreads ? kMostThreads : count);
}
int threads() {
  Threads& all = the_threads();
  int count = all.count.load();
  if (count == 0) {
    const int usable = usable_processors();
    count = usable > kMostThreads ? kMostThreads : usable;
    all.count.store(count);
  }
  return count;
}

void run_parts(int64_t parts, void (*run)(void*, int64_t), void* context) {
  if (parts <= 1 || t_in_part || threads() == 1) return alone(parts, run, context);
  Threads& all = the_threads();
  if (all.taken.exchange(true)) return alone(parts, run, context);
  if (all.pool == nullptr || all.pool->count() != threads()) {
    all.pool.reset();
    all.pool = std::make_unique<Pool>(threads());
  }
  all.pool->run(parts, run, context);
  all.taken.store(false);
}

}  // namespace mtl::runtime
