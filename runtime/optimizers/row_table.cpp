// RowTable (optimizer.h): gradients of a table by row, and its deferred-exact update.
//
// Rows used in a step get slots in the order in which ids first appear; duplicates add up in order of appearance, so
// sums do not depend on the number of threads. lamb's trust ratio needs the norm of the whole table at each step,
// hence under lamb every step updates every row.
#include <algorithm>
#include <vector>

#include "runtime/core/parallel.h"
#include "runtime/optimizers/optimizer.h"
#include "runtime/optimizers/optimizer_rules.h"
#include "runtime/optimizers/row_replay.h"

namespace mtl::runtime {
namespace {

constexpr int64_t kRowGrain = 32;  // rows worth a thread

void add_rows(const int32_t* slots, const float* rows, int64_t count, int64_t width, Range columns, float* sums) {
  at_level([=](auto) MTL_BODY {
    for (int64_t i = 0; i < count; ++i) {
      if (slots[i] < 0) continue;
      const float* row = rows + i * width;
      float* sum = sums + slots[i] * width;
      MTL_INDEPENDENT
      for (int64_t j = columns.begin; j < columns.end; ++j) sum[j] += row[j];
    }
  });
}

}  // namespace

struct RowTable::State {
  OptimizerSettings settings;
  float *weights, *state1, *state2;
  int64_t rows, width;
  bool lazy = false;
  StepHistory history;
  std::vector<int32_t> done;      // of each row: how many steps of the history it has seen
  std::vector<int32_t> slot;      // of each row in this step, -1: none
  std::vector<int32_t> used;      // rows by slot
  std::vector<int32_t> slots_of;  // of the ids at hand
  std::vector<int32_t> behind;    // rows to catch up
  std::vector<uint32_t> mark;     // of each row: the last catch_up that saw it
  uint32_t call = 0;
  std::vector<float> sums;  // [slot, width]
  std::vector<LambNorms> norms;

  State(const OptimizerSettings& s, float* w, float* a, float* b, int64_t r, int64_t n)
      : settings(s), weights(w), state1(a), state2(b), rows(r), width(n), history(s) {
    done.assign(static_cast<size_t>(r), 0);
    slot.assign(static_cast<size_t>(r), -1);
    mark.assign(static_cast<size_t>(r), 0);
  }

  float* at(float* block, int64_t row) const { return block == nullptr ? nullptr : block + row * width; }

  void replay_row(int64_t row) {
    if (!lazy) history.replay(done[row], at(weights, row), at(state1, row), at(state2, row), width);
    done[row] = history.count();
  }
  // Rows lie far apart: their lines are asked for a little ahead.
  void prefetch(int64_t row) const {
    for (float* block : {weights, state1, state2}) {
      for (int64_t j = 0; block != nullptr && j < width; j += 16) __builtin_prefetch(at(block, row) + j, 1);
    }
  }
  void replay_behind() {
    const int64_t count = static_cast<int64_t>(behind.size()), parts = parts_of(count, kRowGrain);
    parallel_for(parts, [&](int64_t part) {
      const Range range = part_range(count, parts, part);
      for (int64_t i = range.begin; i < range.end; ++i) {
        if (i + 3 < range.end) prefetch(behind[i + 3]);
        replay_row(behind[i]);
      }
    });
  }
  void update_lamb(const RuleStep& step);
};

// Rows in blocks; the norms of blocks are added in order.
void RowTable::State::update_lamb(const RuleStep& step) {
  constexpr int64_t kRows = 64;
  const int64_t blocks = (rows + kRows - 1) / kRows;
  norms.assign(static_cast<size_t>(blocks), {});
  const auto gradient = [&](int64_t row) { return slot[row] < 0 ? nullptr : sums.data() + slot[row] * width; };
  parallel_for(blocks, [&](int64_t block) {
    for (int64_t row = block * kRows; row < std::min(rows, (block + 1) * kRows); ++row) {
      const LambNorms n = lamb_advance(step, at(weights, row), gradient(row), at(state1, row), at(state2, row), width);
      norms[block].weights += n.weights;
      norms[block].directions += n.directions;
    }
  });
  LambNorms all;
  for (const LambNorms& n : norms) {
    all.weights += n.weights;
    all.directions += n.directions;
  }
  const float ratio = lamb_ratio(all);
  parallel_for(blocks, [&](int64_t block) {
    for (int64_t row = block * kRows; row < std::min(rows, (block + 1) * kRows); ++row) {
      lamb_apply(step, ratio, at(weights, row), at(state1, row), at(state2, row), width);
    }
  });
}

RowTable::RowTable(const OptimizerSettings& settings, float* weights, float* state1, float* state2, int64_t rows,
                   int64_t width)
    : state_(new State(settings, weights, state1, state2, rows, width)) {}
RowTable::~RowTable() {
  delete state_;
}

void RowTable::catch_up(const int32_t* ids, int64_t count) {
  State& s = *state_;
  s.behind.clear();
  if (++s.call == 0) {  // the marks wrapped around
    std::fill(s.mark.begin(), s.mark.end(), 0u);
    s.call = 1;
  }
  for (int64_t i = 0; i < count; ++i) {
    const int32_t row = ids[i];
    if (row < 0 || s.mark[row] == s.call) continue;
    s.mark[row] = s.call;
    if (s.done[row] != s.history.count()) s.behind.push_back(row);
  }
  s.replay_behind();
}

void RowTable::begin_step() {
  State& s = *state_;
  for (const int32_t row : s.used) s.slot[row] = -1;
  s.used.clear();
}

void RowTable::add_gradient(const int32_t* ids, const float* rows, int64_t count) {
  State& s = *state_;
  const size_t before = s.used.size();
  s.slots_of.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int32_t row = ids[i];
    if (row >= 0 && s.slot[row] < 0) {
      s.slot[row] = static_cast<int32_t>(s.used.size());
      s.used.push_back(row);
    }
    s.slots_of[i] = row < 0 ? -1 : s.slot[row];
  }
  const size_t width = static_cast<size_t>(s.width);
  if (s.sums.size() < s.used.size() * width) s.sums.resize(std::max(s.sums.size() * 2, s.used.size() * width));
  std::fill(s.sums.begin() + static_cast<int64_t>(before * width),
            s.sums.begin() + static_cast<int64_t>(s.used.size() * width), 0.0f);
  // Threads share columns, not rows: each row's sum is made in the order of the ids.
  const int64_t parts = count >= 2 * kRowGrain ? parts_of(s.width, 32) : 1;
  parallel_for(parts, [&](int64_t part) {
    add_rows(s.slots_of.data(), rows, count, s.width, part_range(s.width, parts, part), s.sums.data());
  });
}

double RowTable::gradient_sum_of_squares() const {
  return sum_of_squares(state_->sums.data(), static_cast<int64_t>(state_->used.size()) * state_->width);
}

void RowTable::update(const UpdateStep& update) {
  State& s = *state_;
  const RuleStep step = rule_step(s.settings, update);
  if (s.settings.rule == OptimizerRule::lamb) return s.update_lamb(step);
  const int64_t count = static_cast<int64_t>(s.used.size()), parts = parts_of(count, kRowGrain);
  const int32_t now = s.history.count() + 1;
  parallel_for(parts, [&](int64_t part) {
    const Range range = part_range(count, parts, part);
    for (int64_t i = range.begin; i < range.end; ++i) {
      const int64_t row = s.used[i];
      if (i + 3 < range.end) s.prefetch(s.used[i + 3]);
      s.replay_row(row);  // nothing to do where catch_up was called
      update_range(s.settings.rule, step, s.at(s.weights, row), s.sums.data() + i * s.width, s.at(s.state1, row),
                   s.at(s.state2, row), s.width);
      s.done[row] = now;
    }
  });
  s.history.note(update);
  if (s.history.full()) flush();
}

void RowTable::flush() {
  State& s = *state_;
  const int64_t parts = parts_of(s.rows, kRowGrain);
  parallel_for(parts, [&](int64_t part) {
    const Range range = part_range(s.rows, parts, part);
    for (int64_t row = range.begin; row < range.end; ++row) {
      s.replay_row(row);
      s.done[row] = 0;
    }
  });
  s.history.forget();
}

void RowTable::set_lazy(bool lazy) {
  state_->lazy = lazy;
}

RowTable::Deferred RowTable::deferred() const {
  Deferred out{state_->done, {}};
  for (int32_t i = 0; i < state_->history.count(); ++i) out.rates.push_back(state_->history.rate(i));
  return out;
}

bool RowTable::resume(const Deferred& deferred, const UpdateStep& last) {
  const auto steps = static_cast<int64_t>(deferred.rates.size());
  const auto may_be = [&](int32_t seen) { return seen >= 0 && seen <= steps; };
  if (static_cast<int64_t>(deferred.seen.size()) != state_->rows || steps >= StepHistory::kCapacity ||
      steps > last.step || !std::all_of(deferred.seen.begin(), deferred.seen.end(), may_be))
    return false;
  state_->done = deferred.seen;
  state_->history.forget();
  UpdateStep step = last;
  step.step = last.step - steps;
  for (const float rate : deferred.rates) {
    step.lr = rate;
    ++step.step;
    state_->history.note(step);
  }
  return true;
}

}  // namespace mtl::runtime
