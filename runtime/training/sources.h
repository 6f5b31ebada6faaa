// Which examples a step trains on: one endless stream of shuffled batches per source, and the mix that says which
// sources take part in a step and when an epoch is over (grammar/book/training.md).
//
// All of it is a function of the seed and of counters, so it resumes from the counters alone.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "support/settings/train_config.h"

namespace mtl::training {

// Passes over a source, each in an order of its own, cut into batches.
class Stream {
 public:
  struct Cursor {
    int64_t pass = 0;
    int64_t at = 0;  // examples of this pass that have been given out
  };

  Stream(const data::Split& split, std::string source, BatchSize size, uint64_t seed);
  // The next batch; valid until the next call. A pass that is through starts over in another order.
  std::span<const uint32_t> next();
  int64_t batches(int64_t pass) const;
  int64_t most_examples() const;  // in any batch, at most
  int64_t examples() const { return static_cast<int64_t>(order_.size()); }
  const std::string& source() const { return source_; }
  Cursor cursor() const { return cursor_; }
  void resume(Cursor cursor);

 private:
  void shuffle(int64_t pass, std::vector<uint32_t>& order) const;
  int64_t cut(const std::vector<uint32_t>& order, int64_t begin) const;  // end of the batch that begins there

  std::string source_;
  BatchSize limit_;
  uint64_t seed_;
  std::vector<int32_t> tokens_;  // by example; empty unless the limit counts them
  std::vector<uint32_t> order_;
  Cursor cursor_;
};

// Which stream each step of an epoch takes a batch of. Streams stand in file order.
class Mix {
 public:
  static constexpr int32_t kAll = -1;
  // `streams` must outlive the mix.
  Mix(const MixConfig& config, const std::vector<Stream>& streams, uint64_t seed);
  // One number for each step: a stream's, or kAll: a batch of each (joint).
  std::vector<int32_t> plan(int64_t epoch) const;
  // The weight of a stream in the mixes that draw; 0: it is never drawn.
  double weight(size_t stream) const { return weights_[stream]; }

 private:
  std::vector<int32_t> drawn(int64_t epoch, int64_t steps) const;

  MixConfig config_;
  const std::vector<Stream>& streams_;
  uint64_t seed_;
  std::vector<double> weights_;
  size_t largest_ = 0;  // the stream with most batches
};

}  // namespace mtl::training
