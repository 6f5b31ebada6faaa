// The rows of one space in a batch (runtime/core/kernels.h, SpaceView), made from the lengths of its segments.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/core/kernels.h"

namespace mtl::runtime::deploy {

// Rows that follow from others: `constant`, and `factor` times as many as each term's space has for the same parent
// row.
struct LengthSum {
  struct Term {
    const SpaceView* space;
    int64_t factor;
  };
  int64_t constant;
  const Term* terms;
  size_t count;
  int64_t of(int64_t parent_row) const {
    int64_t length = constant;
    for (size_t i = 0; i < count; ++i) {
      const int32_t* offsets = terms[i].space->offsets + parent_row;
      length += terms[i].factor * (offsets[1] - offsets[0]);
    }
    return length;
  }
};

// Pairs: for each row of a parent the segment of `of` for its ancestor. up[0] is the parent, and `count` spaces lead up
// (ancestor_row).
struct Copies {
  const SpaceView* of;
  const SpaceView* const* up;
  int64_t count;
  const SpaceView& parent() const { return *up[0]; }
  int64_t length(int64_t parent_row) const {
    const int32_t* offsets = of->offsets + ancestor_row(up, count, parent_row);
    return offsets[1] - offsets[0];
  }
};

// Throws InputError if it is below 0 for a row of `parent`: "`T` has to be at least 3 ..." is what `rule` says.
void check_length(const SpaceView& parent, const LengthSum& sum, const char* rule);

// Throws InputError if one of the scores of a task is NaN: what it would answer means nothing.
void check_scores(const float* scores, size_t count, const char* task);

// Allocates nothing once it has seen as many rows and parent rows. The address of the view and of this object must
// stay; the arrays that the view points to may move when they grow.
class RowSpace {
 public:
  RowSpace() = default;
  RowSpace(const RowSpace&) = delete;  // the view points into it
  RowSpace& operator=(const RowSpace&) = delete;

  void clear();  // no rows; memory is kept
  // The examples of a batch: `count` rows under the one uniform row.
  void set_examples(int64_t count);
  // A ragged dimension: as many segments as `parent` has rows, of these lengths (>= 0). Throws InputError from 2^31
  // rows on.
  void set_lengths(const RowSpace& parent, const std::vector<int32_t>& lengths);
  // A static dimension: `size` rows for each row of `parent`, or, without one, for the uniform row.
  void set_fixed(const SpaceView& parent, int64_t size);
  void set_fixed(int64_t size);
  // A dimension that follows from others with the same parent, "Q + C" or "T - 1". Where that is below 0 there are
  // none.
  void set_sum(const SpaceView& parent, const LengthSum& sum);
  // Throws InputError from 2^31 rows on.
  void set_copies(const Copies& copies);
  // Room for so many rows, of so many parent rows. Keeps what is there.
  void reserve(int64_t rows, int64_t parent_rows);

  const SpaceView& view() const { return view_; }
  int64_t rows() const { return view_.rows; }

 private:
  void resize(int64_t rows, int64_t parent_rows);
  void point();  // the view, to where the numbers are now
  void fill_segments(const uint64_t* parent_identity, const std::vector<int32_t>& lengths);
  void fill_fixed(const uint64_t* parent_identity, int64_t parents, int64_t size);
  void sort_by_length();

  SpaceView view_;
  std::vector<int32_t> offsets_, parent_, position_, order_, counts_, lengths_;
  std::vector<uint64_t> identity_;
};

}  // namespace mtl::runtime::deploy
