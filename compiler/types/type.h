// Types of graph values, and the row spaces that carry batch and raggedness.
//
// A source file describes one example; in the graph a value has, in front of its static dimensions, a *space*:
// the set of rows that exist in one batch. `f32[T, 128]` of source atis is f32[128] over the space "atis.T": one
// row for each token of each sentence of the batch, packed, without padding. A ragged value is never padded, so a
// padding mistake cannot be made below this line.
//
//   uniform                      one row: parameters, losses, constants
//     atis                       the examples of source atis in the batch
//       atis.T                   the positions of T of all these examples, one after the other
//         atis.T.C               a C of its own for every position of T
//       atis[14]                 14 rows for each example: a static dimension that a module is mapped over
//       atis.(T + 1)             as many as its length says: two sequences joined, a part of one
//       atis.Q
//         atis.Q.{atis.C}        for every position of Q all those of C: pairs
//     snips ...
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/types/dim.h"

namespace mtl::types {

enum class DType : uint8_t { f32, i32, boolean };  // boolean is stored as f32 0 or 1
std::string_view dtype_name(DType dtype);

using SpaceId = uint32_t;
inline constexpr SpaceId kUniform = 0;

struct Space {
  std::string name;           // "", "atis", "atis.T", "atis.T.C"
  SpaceId parent = kUniform;  // of an example space: kUniform
  std::string source;         // "atis"
  std::string dim;            // "T"; empty for an example space
  // How many ragged dimensions a row stands behind: 0 for the examples, 1 for atis.T, 2 for atis.T.C.
  int depth = 0;
  // Fixed spaces: every row of the parent has this many rows. A module that is called with extra static dimensions
  // in front runs over such a space; moving the dimension in and out of the space (ops map_in, map_out) moves no data.
  std::optional<Dim> fixed;
  // Derived spaces: every row of the parent has this many rows, a sum over the parent's ragged dimensions, whose
  // names are its atoms ("Q + C", "T - 1"). `dim` is its text.
  std::optional<Dim> length;
  // Spaces of pairs: every row of the parent has the rows that this space has for an ancestor of that row. `dim` is
  // what it is called there. It is a ragged dimension of the data, of the same source.
  std::optional<SpaceId> copies;
};

// All spaces of a graph; id 0 is the uniform space.
class Spaces {
 public:
  Spaces();
  SpaceId add_source(const std::string& source);               // the example space; idempotent
  SpaceId add_ragged(SpaceId parent, const std::string& dim);  // idempotent
  SpaceId add_fixed(SpaceId parent, const Dim& rows);          // "atis[14]"; idempotent
  // The space with so many rows for each row of `parent`: the fixed one if no ragged dimension is in `length`, one
  // that the data has if that is all there is, or a derived one. Idempotent.
  SpaceId add_length(SpaceId parent, const Dim& length);
  std::optional<SpaceId> find_length(SpaceId parent, const Dim& length) const;  // one that is there already
  // The space with the rows of `space` for each row of `parent`, whose ancestor is the parent of `space`: that one, or
  // one of pairs. Of a fixed or derived space it is one of the same length. Idempotent.
  SpaceId add_copies(SpaceId parent, SpaceId space);
  // Whether two spaces are one ragged dimension to whoever wrote it: one of them, or both, has copies of the other's.
  bool same_dim(SpaceId a, SpaceId b) const;
  // From the parent of a space up to below an ancestor of it: what leads from its rows to the ancestor's.
  std::vector<SpaceId> path_up(SpaceId space, SpaceId ancestor) const;
  // The rows that a space has for each row of its parent: "T", 14, "T + 1".
  Dim length_of(SpaceId id) const;
  std::optional<SpaceId> ragged_child(SpaceId parent, const std::string& dim) const;  // no derived one
  std::set<SpaceId> data_dims(SpaceId id) const;  // ragged ones of the data that the rows of a space follow from
  SpaceId find(const std::string& name) const;    // MTL_CHECKs
  const Space& operator[](SpaceId id) const { return spaces_[id]; }
  size_t size() const { return spaces_.size(); }
  bool is_ancestor(SpaceId ancestor, SpaceId space) const;  // reflexive; kUniform is everyone's
  // The deeper of two spaces on one chain; nullopt if neither is an ancestor of the other.
  std::optional<SpaceId> join(SpaceId a, SpaceId b) const;
  // Ragged dimensions of a space, outermost first: {"T", "C"}.
  std::vector<std::string> ragged(SpaceId id) const;
  bool operator==(const Spaces& other) const;

 private:
  SpaceId add_below(SpaceId parent, std::string name, std::string dim);
  std::vector<Space> spaces_;
};

struct Type {
  DType dtype = DType::f32;
  SpaceId space = kUniform;
  std::vector<Dim> dims;  // static dimensions, features last

  int rank() const { return static_cast<int>(dims.size()); }
  Dim elements() const { return product(dims); }  // per row
  bool operator==(const Type&) const = default;
};

// As in the graph: "f32<atis.T>[128]"; uniform: "f32[26, 256]"; scalar: "f32".
std::string graph_text(const Type& type, const Spaces& spaces);
// As a user writes it: "f32[T, 128]".
std::string source_text(const Type& type, const Spaces& spaces);

}  // namespace mtl::types
