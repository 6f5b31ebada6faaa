// Derives the rows of each space of a program from the batches at hand.
#include "runtime/engine/spaces.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "runtime/core/random.h"
#include "support/base/check.h"

namespace mtl::engine {

using types::kUniform;
using types::SpaceId;

BoundSpaces::BoundSpaces(const program::Program& program)
    : program_(program),
      used_(program.spaces.size()),
      derived_ids_(program.spaces.size()),
      longest_matters_(program.spaces.size()),
      views_(program.spaces.size()) {
  std::vector<bool> identities(program.spaces.size());
  used_[kUniform] = true;
  views_[kUniform] = &uniform_;
  for (const program::Buffer& buffer : program.buffers) use(buffer.space);
  for (const program::Step& step : program.steps) {
    if (const auto* kernel = std::get_if<program::LoopKernel>(&step.work)) {
      use(kernel->space);
      for (const program::Instr& instr : kernel->instrs) use(instr.space);
    } else {
      for (SpaceId id : std::get<program::Call>(step.work).spaces) {
        use(id);
        identities[id] = longest_matters_[id] = true;  // workspaces may depend on it
      }
    }
  }
  find_derived();
  for (SpaceId id = 1; id < program.spaces.size(); ++id) {
    if (!used_[id] || !program.spaces[id].fixed || derived_ids_[id]) continue;
    auto fixed = std::make_unique<Fixed>();
    fixed->id = id;
    fixed->size = program.spaces[id].fixed->value();
    fixed->identities = identities[id];
    views_[id] = &fixed->view;
    fixed_.push_back(std::move(fixed));
  }
}

void BoundSpaces::use(SpaceId id) {
  for (; !used_[id]; id = program_.spaces[id].parent) used_[id] = true;
}

void BoundSpaces::find_derived() {
  const types::Spaces& spaces = program_.spaces;
  for (SpaceId id = static_cast<SpaceId>(spaces.size()); id-- > 1;) {  // what a space follows from comes before it
    if (!used_[id]) continue;
    if (spaces[id].length) {
      for (const auto& [atoms, factor] : spaces[id].length->variable_part().terms()) {
        const auto part = spaces.ragged_child(spaces[id].parent, atoms.front());
        MTL_CHECK(atoms.size() == 1 && part, "the length of " + spaces[id].name + " is no sum of lengths");
        use(*part);
      }
    }
    if (spaces[id].copies) {
      use(*spaces[id].copies);
      for (SpaceId above : spaces.path_up(id, kUniform))
        derived_ids_[above] = derived_ids_[above] || spaces[above].fixed;
    }
    derived_ids_[id] = derived_ids_[id] || spaces[id].length || spaces[id].copies;
  }
  for (SpaceId id = 1; id < spaces.size(); ++id) {
    if (!derived_ids_[id]) continue;
    auto derived = std::make_unique<Derived>();
    derived->id = id;
    views_[id] = &derived->rows.view();
    derived_.push_back(std::move(derived));
  }
}

void BoundSpaces::bind(const Inputs& inputs) {
  for (SpaceId id = 1; id < views_.size(); ++id) {
    if (!used_[id] || program_.spaces[id].fixed || derived_ids_[id]) continue;
    views_[id] = inputs.space(program_.spaces[id].name);
    MTL_CHECK(views_[id] != nullptr, "no batch has the rows of " + program_.spaces[id].name);
  }
  for (auto& derived : derived_) bind_derived(*derived);
}

void BoundSpaces::bind_derived(Derived& derived) {
  const types::Space& space = program_.spaces[derived.id];
  derived.terms.clear();
  derived.up.clear();
  if (space.length) {
    for (const auto& [atoms, factor] : space.length->variable_part().terms())
      derived.terms.push_back({views_[*program_.spaces.ragged_child(space.parent, atoms.front())], factor});
  }
  if (space.copies) {
    for (SpaceId above : program_.spaces.path_up(derived.id, program_.spaces[*space.copies].parent))
      derived.up.push_back(views_[above]);
  }
}

int64_t BoundSpaces::rows_bucket(SpaceId id) const {
  if (id == kUniform || !used_[id]) return 1;
  const types::Space& space = program_.spaces[id];
  return space.fixed ? rows_bucket(space.parent) * space.fixed->value() : bucket(views_[id]->rows);
}

int64_t BoundSpaces::longest_bucket(SpaceId id) const {
  if (!longest_matters_[id] || program_.spaces[id].fixed) return 0;
  return bucket(views_[id]->longest);
}

bool BoundSpaces::fits(const Capacity& capacity) const {
  for (SpaceId id = 1; id < views_.size(); ++id) {
    if (capacity.rows[id] != rows_bucket(id) || capacity.longest[id] != longest_bucket(id)) return false;
  }
  return true;
}

Capacity BoundSpaces::capacity() const {
  Capacity capacity;
  for (SpaceId id = 0; id < views_.size(); ++id) {
    capacity.rows.push_back(rows_bucket(id));
    capacity.longest.push_back(longest_bucket(id));
  }
  return capacity;
}

void BoundSpaces::reserve(const Capacity& capacity) {
  for (auto& derived : derived_) {
    derived->rows.reserve(capacity.rows[derived->id], capacity.rows[program_.spaces[derived->id].parent]);
  }
  for (auto& fixed : fixed_) {
    const auto rows = static_cast<size_t>(capacity.rows[fixed->id]);
    if (fixed->parent.size() >= rows) continue;
    const auto n = static_cast<int32_t>(fixed->size);
    const auto parents = static_cast<int32_t>(rows / fixed->size);
    fixed->parent.resize(rows);
    fixed->position.resize(rows);
    for (int32_t r = 0; r < static_cast<int32_t>(rows); ++r) {
      fixed->parent[r] = r / n;
      fixed->position[r] = r % n;
    }
    fixed->offsets.resize(parents + 1);
    for (int32_t p = 0; p <= parents; ++p) fixed->offsets[p] = p * n;
    fixed->order.resize(parents);
    std::iota(fixed->order.begin(), fixed->order.end(), 0);
    if (fixed->identities) fixed->identity.resize(rows);
    runtime::SpaceView& view = fixed->view;
    view.offsets = fixed->offsets.data();
    view.parent = fixed->parent.data();
    view.position = fixed->position.data();
    view.order = fixed->order.data();
    view.identity = fixed->identity.empty() ? nullptr : fixed->identity.data();
    view.longest = fixed->size;
  }
}

void BoundSpaces::refresh_derived() {
  for (auto& derived : derived_) refresh_one(*derived);
}

namespace {
// Ends the program where the rows of a derived space are more than it can have, or than this machine holds.
template <class Length>
void check_derived_rows(int64_t parents, Length length) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max(), kBytes = 3 * sizeof(int32_t) + sizeof(uint64_t);
  int64_t rows = 0;
  for (int64_t p = 0; p < parents; ++p) rows += std::max<int64_t>(0, length(p));
  const size_t bytes = static_cast<size_t>(rows) * kBytes;
  if (rows > kMost || bytes > usable_memory()) out_of_memory("the pairs of positions in a batch", bytes);
}
}  // namespace

void BoundSpaces::refresh_one(Derived& derived) {
  const types::Space& space = program_.spaces[derived.id];
  const runtime::SpaceView& parent = *views_[space.parent];
  if (space.copies) {
    const runtime::deploy::Copies copies{views_[*space.copies], derived.up.data(), std::ssize(derived.up)};
    check_derived_rows(parent.rows, [&](int64_t p) { return copies.length(p); });
    derived.rows.set_copies(copies);
  } else if (space.length) {
    const runtime::deploy::LengthSum sum{space.length->constant_term(), derived.terms.data(), derived.terms.size()};
    check_derived_rows(parent.rows, [&](int64_t p) { return sum.of(p); });
    derived.rows.set_sum(parent, sum);
  } else {
    derived.rows.set_fixed(parent, space.fixed->value());
  }
}

void BoundSpaces::refresh() {
  for (auto& fixed : fixed_) {  // parents come first
    const SpaceId parent_id = program_.spaces[fixed->id].parent;
    const runtime::SpaceView& parent = *views_[parent_id];
    fixed->view.parent_rows = parent.rows;
    fixed->view.rows = parent.rows * fixed->size;
    if (!fixed->identities) continue;
    for (int64_t r = 0; r < fixed->view.rows; ++r) {
      const uint64_t who = parent_id == kUniform ? 0 : parent.identity[r / fixed->size];
      fixed->identity[r] = runtime::child_identity(who, static_cast<uint64_t>(r % fixed->size));
    }
  }
}

}  // namespace mtl::engine
