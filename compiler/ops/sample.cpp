// See sample.h.
#include "compiler/ops/sample.h"

#include <algorithm>
#include <cmath>

#include "compiler/ops/evaluate_util.h"
#include "runtime/core/random.h"
#include "support/base/check.h"

namespace mtl::ops {

Spaces sample_spaces() {
  Spaces spaces;
  const SpaceId examples = spaces.add_source("s");
  const SpaceId t = spaces.add_ragged(examples, "T"), c = spaces.add_ragged(t, "C");
  const SpaceId u = spaces.add_ragged(examples, "U");
  const SpaceId pair = spaces.add_fixed(examples, 2);
  const SpaceId pairs = spaces.add_copies(t, u);
  spaces.add_copies(t, t);
  spaces.add_copies(u, t);
  const SpaceId deep = spaces.add_copies(spaces.add_fixed(c, 2), u);
  spaces.add_copies(pair, u);
  spaces.add_fixed(u, 2);
  spaces.add_copies(pairs, t);
  spaces.add_copies(deep, t);
  return spaces;
}

SampleSpaces sample_ids(const Spaces& spaces) {
  const auto id = [&](const char* name) { return spaces.find(name); };
  return {id("s"),
          id("s.T"),
          id("s.T.C"),
          id("s.U"),
          id("s[2]"),
          id("s.T.{s.U}"),
          id("s.T.{s.T}"),
          id("s.U.{s.T}"),
          id("s.T.C[2].{s.U}"),
          id("s[2].{s.U}"),
          id("s.U[2]"),
          id("s.T.{s.U}.{s.T}"),
          id("s.T.C[2].{s.U}.{s.T}")};
}

std::vector<HostSpace> sample_host_spaces(const Spaces& spaces) {
  constexpr int64_t kExamples = 4;
  constexpr int64_t kLengths[] = {3, 0, 4, 1, 2};
  std::vector<HostSpace> hosts(spaces.size());
  hosts[types::kUniform].identity = {0};
  for (SpaceId id = 1; id < spaces.size(); ++id) {
    const types::Space& space = spaces[id];
    const HostSpace& parent = hosts[space.parent];
    HostSpace& host = hosts[id];
    host.rows = 0;
    host.offsets = {0};
    for (int64_t above = 0; above < parent.rows; ++above) {
      int64_t length = kExamples;
      if (space.fixed) length = space.fixed->value();
      if (!space.dim.empty()) length = kLengths[(above + 3 * (space.depth - 1) + (space.dim == "U" ? 1 : 0)) % 5];
      if (space.copies) length = copied_length(spaces, hosts, id, above);
      if (space.length) length = std::max<int64_t>(0, length_in(spaces, hosts, space.parent, *space.length, above));
      for (int64_t i = 0; i < length; ++i) {
        host.parent.push_back(static_cast<int32_t>(above));
        host.position.push_back(static_cast<int32_t>(i));
        const bool is_example = space.parent == types::kUniform && !space.fixed;
        host.identity.push_back(is_example ? runtime::example_identity(i)
                                           : runtime::child_identity(parent.identity[above], i));
      }
      host.rows += length;
      host.offsets.push_back(static_cast<int32_t>(host.rows));
    }
  }
  return hosts;
}

namespace {

class Random {
 public:
  explicit Random(uint64_t salt) : row_(runtime::mix64(salt)) {}
  double unit() { return runtime::random_unit(runtime::random_bits(row_, next_++)); }
  int64_t below(int64_t n) { return std::min<int64_t>(n - 1, static_cast<int64_t>(unit() * n)); }

 private:
  uint64_t row_;
  uint32_t next_ = 0;
};

double draw(Random& random, const Domain& domain) {
  switch (domain.kind) {
    case Domain::Kind::normal:
      // Away from 0, where relu and abs have no derivative.
      for (;;) {
        const double x = 1.2 * (random.unit() + random.unit() + random.unit() + random.unit() - 2);
        if (std::abs(x) > 0.05) return x;
      }
    case Domain::Kind::positive:
      return 0.3 + 2 * random.unit();
    case Domain::Kind::unit:
      return 0.05 + 0.9 * random.unit();
    case Domain::Kind::boolean:
      return random.unit() < 0.5 ? 0 : 1;
    case Domain::Kind::ids: {
      const double kind = random.unit();
      if (kind < 0.1) return -1;
      if (kind < 0.2) return -2;
      return static_cast<double>(random.below(domain.below));
    }
    case Domain::Kind::distinct:
      break;
  }
  MTL_CHECK(false, "domain without a distribution");
}

// Multiples of a step in random order, shifted so that two tensors have no value in common.
void fill_distinct(Random& random, std::vector<double>& values) {
  const double shift = 0.01 + 0.08 * random.unit();
  const double middle = static_cast<double>(values.size()) / 2;
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1 * (static_cast<double>(i) - middle) + shift;
  for (size_t i = values.size(); i-- > 1;) std::swap(values[i], values[random.below(static_cast<int64_t>(i) + 1)]);
}

}  // namespace

HostTensor sample_tensor(const Type& type, const Domain& domain, const std::vector<HostSpace>& host_spaces,
                         uint64_t salt) {
  HostTensor tensor;
  tensor.type = type;
  tensor.values.resize(host_spaces[type.space].rows * element_count(type));
  Random random(salt);
  if (domain.kind == Domain::Kind::distinct) {
    fill_distinct(random, tensor.values);
  } else {
    for (double& value : tensor.values) value = draw(random, domain);
  }
  for (double& value : tensor.values) value = static_cast<float>(value);
  return tensor;
}

Domain domain_of(const Sample& sample, size_t operand) {
  if (operand < sample.domains.size()) return sample.domains[operand];
  const DType dtype = sample.operands[operand].dtype;
  if (dtype == DType::boolean) return {Domain::Kind::boolean, 0, true};
  if (dtype == DType::i32) return ids_below(3);
  return {};
}

}  // namespace mtl::ops
