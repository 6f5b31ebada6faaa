// Order, cutting and mixing. Random draws are counter-based (runtime/core/random.h): keyed by seed, pass and source, or
// by seed, epoch and step.
#include "runtime/training/sources.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/core/random.h"
#include "support/base/check.h"

namespace mtl::training {

namespace {

uint64_t key_of(const std::string& what) {
  return runtime::hash_text(what.data(), what.size());
}

// In [0, bound), from 64 random bits (Lemire 2019, without his rejection: the bias is below 2^-32 here).
uint64_t below(uint64_t bits, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * bound) >> 64);
}

// Per example, the positions of its longest ragged dimension among those that lie directly under the example; 1
// where a source has none.
std::vector<int32_t> count_tokens(const data::Split& split) {
  std::vector<int32_t> tokens(static_cast<size_t>(split.examples), 1);
  for (const auto& [dim, ragged] : split.ragged) {
    if (!ragged.parent.empty()) continue;
    for (size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = std::max(tokens[i], ragged.offsets[i + 1] - ragged.offsets[i]);
  }
  return tokens;
}

}  // namespace

Stream::Stream(const data::Split& split, std::string source, BatchSize size, uint64_t seed)
    : source_(std::move(source)), limit_(size), seed_(seed), order_(static_cast<size_t>(split.examples)) {
  MTL_CHECK(split.examples > 0 && size.count > 0, "examples to make batches of");
  if (limit_.tokens) tokens_ = count_tokens(split);
  shuffle(0, order_);
}

void Stream::shuffle(int64_t pass, std::vector<uint32_t>& order) const {
  std::iota(order.begin(), order.end(), 0u);
  const uint64_t stream = runtime::random_stream(seed_, static_cast<uint64_t>(pass), key_of("order of " + source_));
  for (uint64_t i = order.size(); i > 1; --i)  // Fisher & Yates
    std::swap(order[i - 1], order[below(runtime::random_row(stream, i), i)]);
}

int64_t Stream::cut(const std::vector<uint32_t>& order, int64_t begin) const {
  const auto size = static_cast<int64_t>(order.size());
  if (!limit_.tokens) return std::min(size, begin + limit_.count);
  int64_t end = begin, sum = 0;
  while (end < size) {
    sum += tokens_[order[static_cast<size_t>(end)]];
    if (sum > limit_.count && end > begin) break;  // an example longer than the limit is a batch of its own
    ++end;
  }
  return end;
}

std::span<const uint32_t> Stream::next() {
  if (cursor_.at >= examples()) {
    cursor_ = {cursor_.pass + 1, 0};
    shuffle(cursor_.pass, order_);
  }
  const int64_t begin = cursor_.at;
  cursor_.at = cut(order_, begin);
  return std::span<const uint32_t>(order_).subspan(static_cast<size_t>(begin), static_cast<size_t>(cursor_.at - begin));
}

int64_t Stream::batches(int64_t pass) const {
  if (!limit_.tokens) return (examples() + limit_.count - 1) / limit_.count;
  std::vector<uint32_t> order(order_.size());
  shuffle(pass, order);
  int64_t count = 0;
  for (int64_t at = 0; at < examples(); at = cut(order, at)) ++count;
  return count;
}

int64_t Stream::most_examples() const {
  if (!limit_.tokens) return std::min(limit_.count, examples());
  std::vector<int32_t> sorted = tokens_;
  std::sort(sorted.begin(), sorted.end());
  int64_t count = 0, sum = 0;
  for (int32_t tokens : sorted) {
    sum += tokens;
    if (sum > limit_.count) break;
    ++count;
  }
  return std::max<int64_t>(count, 1);
}

void Stream::resume(Cursor cursor) {
  cursor_ = cursor;
  shuffle(cursor.pass, order_);
}

Mix::Mix(const MixConfig& config, const std::vector<Stream>& streams, uint64_t seed)
    : config_(config), streams_(streams), seed_(seed) {
  double most = 1, heaviest = 1e-300;
  for (const Stream& stream : streams) most = std::max(most, static_cast<double>(stream.examples()));
  for (const auto& [source, weight] : config.weights) heaviest = std::max(heaviest, weight);
  for (size_t i = 0; i < streams.size(); ++i) {
    if (streams[i].batches(0) > streams[largest_].batches(0)) largest_ = i;
    const double size = static_cast<double>(streams[i].examples());
    double weight = 1;
    if (config.kind == MixKind::proportional) weight = size;
    if (config.kind == MixKind::sqrt) weight = std::sqrt(size);
    // Relative to the largest source: sizes to a high power are more than there are numbers.
    if (config.kind == MixKind::temperature) weight = std::pow(size / most, 1.0 / config.temperature);
    if (config.kind == MixKind::weighted) {
      const auto found = config.weights.find(streams[i].source());
      weight = found == config.weights.end() ? 0.0 : found->second / heaviest;
    }
    weights_.push_back(weight);
  }
}

std::vector<int32_t> Mix::drawn(int64_t epoch, int64_t steps) const {
  std::vector<double> upto;
  double sum = 0;
  for (double weight : weights_) upto.push_back(sum += weight);
  const uint64_t draws = runtime::random_stream(seed_, static_cast<uint64_t>(epoch), key_of("mix of sources"));
  std::vector<int32_t> plan;
  for (int64_t step = 0; step < steps; ++step) {
    const uint64_t bits = runtime::random_row(draws, static_cast<uint64_t>(step));
    const double unit = static_cast<double>(bits >> 11) * 0x1p-53 * sum;
    const auto found = std::upper_bound(upto.begin(), upto.end(), unit);
    plan.push_back(static_cast<int32_t>(std::min<int64_t>(found - upto.begin(), std::ssize(upto) - 1)));
  }
  return plan;
}

std::vector<int32_t> Mix::plan(int64_t epoch) const {
  const auto count = static_cast<int32_t>(streams_.size());
  const int64_t largest = streams_[largest_].batches(epoch);
  std::vector<int32_t> plan;
  switch (config_.kind) {
    case MixKind::joint:
      plan.assign(static_cast<size_t>(largest), kAll);
      return plan;
    case MixKind::round_robin:
      for (int64_t step = 0; step < largest * count; ++step) plan.push_back(static_cast<int32_t>(step % count));
      return plan;
    case MixKind::in_turn:
      for (int32_t i = 0; i < count; ++i)
        plan.insert(plan.end(), static_cast<size_t>(streams_[static_cast<size_t>(i)].batches(epoch)), i);
      return plan;
    case MixKind::proportional:
    case MixKind::uniform:
    case MixKind::sqrt:
    case MixKind::temperature:
    case MixKind::weighted:
      break;
  }
  int64_t sum = 0;
  for (const Stream& stream : streams_) sum += stream.batches(epoch);
  return drawn(epoch, sum);
}

}  // namespace mtl::training
