// The rows of one space in a batch (runtime/kernels.h, SpaceView), made from the lengths of its segments.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/kernels.h"

namespace mtl::runtime::deploy {

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
  void set_fixed(const RowSpace& parent, int64_t size);
  void set_fixed(int64_t size);

  const SpaceView& view() const { return view_; }
  int64_t rows() const { return view_.rows; }

 private:
  void resize(int64_t rows, int64_t parent_rows);
  void fill_fixed(const uint64_t* parent_identity, int64_t parents, int64_t size);
  void sort_by_length();

  SpaceView view_;
  std::vector<int32_t> offsets_, parent_, position_, order_, counts_;
  std::vector<uint64_t> identity_;
};

}  // namespace mtl::runtime::deploy
