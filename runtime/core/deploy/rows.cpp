// Builds offsets and parents of rows from lengths, and checks them against the bounds of memory.
#include "runtime/core/deploy/rows.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "runtime/core/deploy/errors.h"
#include "runtime/core/random.h"

namespace mtl::runtime::deploy {
namespace {

constexpr int64_t kMostRows = std::numeric_limits<int32_t>::max();

void check_rows(int64_t rows) {
  if (rows > kMostRows) throw InputError("too many positions in one batch: 2147483647 at most");
}

}  // namespace

void check_length(const SpaceView& parent, const LengthSum& sum, const char* rule) {
  for (int64_t p = 0; p < parent.rows; ++p) {
    if (const int64_t rest = sum.of(p); rest < 0)
      throw InputError(std::string(rule) + ", and one example lacks " + std::to_string(-rest));
  }
}

void check_scores(const float* scores, size_t count, const char* task) {
  for (size_t i = 0; i < count; ++i)
    if (scores[i] != scores[i])
      throw InputError(std::string("the scores of task `") + task + "` are no numbers (NaN) for this input");
}

void RowSpace::clear() {
  resize(0, 0);
  view_.longest = 0;
}

void RowSpace::resize(int64_t rows, int64_t parent_rows) {
  const auto n = static_cast<size_t>(rows), parents = static_cast<size_t>(parent_rows);
  offsets_.resize(parents + 1);
  order_.resize(parents);
  parent_.resize(n);
  position_.resize(n);
  identity_.resize(n);
  offsets_[0] = 0;
  view_.rows = rows;
  view_.parent_rows = parent_rows;
  point();
}

void RowSpace::point() {
  view_.offsets = offsets_.data();
  view_.parent = parent_.data();
  view_.position = position_.data();
  view_.order = order_.data();
  view_.identity = identity_.data();
}

void RowSpace::set_examples(int64_t count) {
  check_rows(count);
  resize(count, 1);
  for (int64_t i = 0; i < count; ++i) {
    const auto r = static_cast<size_t>(i);
    parent_[r] = 0;
    position_[r] = static_cast<int32_t>(i);
    identity_[r] = example_identity(static_cast<uint64_t>(i));
  }
  offsets_[1] = static_cast<int32_t>(count);
  order_[0] = 0;
  view_.longest = count;
}

void RowSpace::set_lengths(const RowSpace& parent, const std::vector<int32_t>& lengths) {
  if (static_cast<int64_t>(lengths.size()) != parent.rows())
    throw InputError("the lengths of " + std::to_string(lengths.size()) + " sequences for " +
                     std::to_string(parent.rows()) + " rows");
  fill_segments(parent.identity_.data(), lengths);
}

void RowSpace::set_sum(const SpaceView& parent, const LengthSum& sum) {
  lengths_.resize(static_cast<size_t>(parent.rows));
  for (int64_t p = 0; p < parent.rows; ++p) {
    lengths_[static_cast<size_t>(p)] = static_cast<int32_t>(std::clamp<int64_t>(sum.of(p), 0, kMostRows));
  }
  fill_segments(parent.identity, lengths_);
}

void RowSpace::set_copies(const Copies& copies) {
  const SpaceView& parent = copies.parent();
  lengths_.resize(static_cast<size_t>(parent.rows));
  for (int64_t p = 0; p < parent.rows; ++p) lengths_[static_cast<size_t>(p)] = static_cast<int32_t>(copies.length(p));
  fill_segments(parent.identity, lengths_);
}

void RowSpace::reserve(int64_t rows, int64_t parent_rows) {
  const auto n = static_cast<size_t>(rows), parents = static_cast<size_t>(parent_rows);
  offsets_.reserve(parents + 1);
  order_.reserve(parents);
  lengths_.reserve(parents);
  parent_.reserve(n);
  position_.reserve(n);
  identity_.reserve(n);
  counts_.reserve(n + 2);
  point();
}

void RowSpace::fill_segments(const uint64_t* parent_identity, const std::vector<int32_t>& lengths) {
  const int64_t rows = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  check_rows(rows);
  resize(rows, static_cast<int64_t>(lengths.size()));
  size_t row = 0;
  view_.longest = 0;
  for (size_t p = 0; p < lengths.size(); ++p) {
    for (int32_t i = 0; i < lengths[p]; ++i, ++row) {
      parent_[row] = static_cast<int32_t>(p);
      position_[row] = i;
      identity_[row] = child_identity(parent_identity[p], static_cast<uint64_t>(i));
    }
    offsets_[p + 1] = static_cast<int32_t>(row);
    view_.longest = std::max<int64_t>(view_.longest, lengths[p]);
  }
  sort_by_length();
}

void RowSpace::set_fixed(const SpaceView& parent, int64_t size) {
  fill_fixed(parent.identity, parent.rows, size);
}

void RowSpace::set_fixed(int64_t size) {
  constexpr uint64_t kUniform = 0;
  fill_fixed(&kUniform, 1, size);
}

void RowSpace::fill_fixed(const uint64_t* parent_identity, int64_t parents, int64_t size) {
  check_rows(parents > 0 && size > kMostRows / parents ? kMostRows + 1 : parents * size);
  resize(parents * size, parents);
  size_t row = 0;
  for (int64_t p = 0; p < parents; ++p) {
    for (int64_t i = 0; i < size; ++i, ++row) {
      parent_[row] = static_cast<int32_t>(p);
      position_[row] = static_cast<int32_t>(i);
      identity_[row] = child_identity(parent_identity[p], static_cast<uint64_t>(i));
    }
    offsets_[static_cast<size_t>(p) + 1] = static_cast<int32_t>(row);
    order_[static_cast<size_t>(p)] = static_cast<int32_t>(p);
  }
  view_.longest = size;
}

// Parent rows by falling length, equal ones in their order: a counting sort.
void RowSpace::sort_by_length() {
  const auto longest = static_cast<size_t>(view_.longest);
  const auto parents = static_cast<size_t>(view_.parent_rows);
  const auto shorter_by = [&](size_t p) { return longest - static_cast<size_t>(offsets_[p + 1] - offsets_[p]); };
  counts_.assign(longest + 2, 0);
  for (size_t p = 0; p < parents; ++p) ++counts_[shorter_by(p) + 1];
  for (size_t k = 1; k <= longest; ++k) counts_[k] += counts_[k - 1];
  for (size_t p = 0; p < parents; ++p) order_[static_cast<size_t>(counts_[shorter_by(p)]++)] = static_cast<int32_t>(p);
}

}  // namespace mtl::runtime::deploy
