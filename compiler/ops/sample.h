// Instances to test ops on: the sample spaces, a small ragged batch of them, and random operands. Shared by the tests
// of gradients and of the text form, and by those that compare lowered code with evaluate().
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/ops/op.h"

namespace mtl::ops {

// Short names for writing samples.
struct SampleSpaces {
  SpaceId s, t, c, u, pair;                              // "s" (examples), "s.T", "s.T.C", "s.U", "s[2]"
  SpaceId pairs, self_pairs, swapped_pairs, deep_pairs;  // "s.T.{s.U}", "s.T.{s.T}", "s.U.{s.T}", "s.T.C[2].{s.U}"
  SpaceId fixed_pairs, fixed_rows;                       // "s[2].{s.U}", "s.U[2]"
  SpaceId repeated, deep_repeated;                       // "s.T.{s.U}.{s.T}", "s.T.C[2].{s.U}.{s.T}"
};
SampleSpaces sample_ids(const Spaces& spaces);

// uniform, "s" and those below it that SampleSpaces names, parents first.
Spaces sample_spaces();
// A batch for any spaces: 4 examples, segments of 0 to 4 rows (one of them empty), fixed rows as the space says.
std::vector<HostSpace> sample_host_spaces(const Spaces& spaces);
// Values of the domain, all of them floats. The same (type, domain, salt) gives the same values.
HostTensor sample_tensor(const Type& type, const Domain& domain, const std::vector<HostSpace>& host_spaces,
                         uint64_t salt);
// What a sample's operand is drawn from.
Domain domain_of(const Sample& sample, size_t operand);

inline Type f32(SpaceId space, std::vector<Dim> dims = {}) {
  return {DType::f32, space, std::move(dims)};
}
inline Type i32(SpaceId space, std::vector<Dim> dims = {}) {
  return {DType::i32, space, std::move(dims)};
}
inline Type boolean(SpaceId space, std::vector<Dim> dims = {}) {
  return {DType::boolean, space, std::move(dims)};
}
inline Domain ids_below(int64_t below) {
  return {Domain::Kind::ids, below, true};
}
inline Domain of_kind(Domain::Kind kind) {
  return {kind};
}

}  // namespace mtl::ops
