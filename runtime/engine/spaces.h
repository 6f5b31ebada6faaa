// The row spaces of a program as its steps see them: those of the bound batches, the uniform space, the fixed spaces,
// whose rows follow from their parents', and the derived ones: sums of their siblings, copies for pairs.
#pragma once
#include <memory>
#include <vector>

#include "compiler/program/program.h"
#include "runtime/core/deploy/rows.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/plan.h"

namespace mtl::engine {

class BoundSpaces {
 public:
  explicit BoundSpaces(const program::Program& program);
  void bind(const Inputs& inputs);
  // Bring spaces up to date with the batches' present rows: derived ones before fits() and capacity(), fixed ones
  // after reserve(). They allocate nothing once reserve() has seen as many rows.
  void refresh_derived();
  void refresh();
  void reserve(const Capacity& capacity);

  const runtime::SpaceView* const* views() const { return views_.data(); }
  const runtime::SpaceView* view(types::SpaceId id) const { return views_[id]; }
  // Whether a capacity is the bucket of the present rows; and that bucket.
  bool fits(const Capacity& capacity) const;
  Capacity capacity() const;

 private:
  struct Fixed {
    types::SpaceId id = 0;
    int64_t size = 0;
    bool identities = false;  // a call may draw random numbers for its rows
    runtime::SpaceView view;
    std::vector<int32_t> offsets, parent, position, order;
    std::vector<uint64_t> identity;
  };
  struct Derived {
    types::SpaceId id = 0;
    std::vector<runtime::deploy::LengthSum::Term> terms;  // of the bound batches; of a sum
    std::vector<const runtime::SpaceView*> up;            // the same; of copies
    runtime::deploy::RowSpace rows;
  };
  void use(types::SpaceId id);
  void find_derived();
  void bind_derived(Derived& derived);
  void refresh_one(Derived& derived);
  int64_t rows_bucket(types::SpaceId id) const;
  int64_t longest_bucket(types::SpaceId id) const;

  const program::Program& program_;
  std::vector<bool> used_;
  std::vector<bool> derived_ids_;  // sums and copies, and the fixed spaces that copies lie below
  std::vector<bool> longest_matters_;
  std::vector<const runtime::SpaceView*> views_;
  std::vector<std::unique_ptr<Fixed>> fixed_;
  std::vector<std::unique_ptr<Derived>> derived_;
  runtime::SpaceView uniform_;
};

}  // namespace mtl::engine
