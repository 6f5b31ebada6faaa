// Tests of runtime/engine/plan.h.
#include "runtime/engine/plan.h"

#include <catch2/catch.hpp>

#include "compiler/program/lower.h"
#include "tests/run/graphs.h"

namespace mtl::engine {

TEST_CASE("buckets hold their counts and waste an eighth at most") {
  int64_t last = 0;
  int distinct = 0;
  for (int64_t n = 1; n < 5000; ++n) {
    const int64_t b = bucket(n);
    REQUIRE(b >= n);
    REQUIRE(b <= n + n / 8 + 1);
    REQUIRE(bucket(b) == b);
    REQUIRE(b >= last);
    distinct += b != last ? 1 : 0;
    last = b;
  }
  CHECK(distinct < 90);
  CHECK(bucket(0) == 1);
}

TEST_CASE("no two buffers that live at once share memory") {
  for (const tests::NamedGraph& made : tests::model_graphs()) {
    const program::Program program = program::lower(made.graph.graph);
    Capacity capacity;
    for (const auto& space : made.graph.batch.spaces) {
      capacity.rows.push_back(bucket(space.rows));
      capacity.longest.push_back(8);
    }
    const std::vector<Lifetime> lives = lifetimes(program, capacity);
    const MemoryPlan plan = plan_memory(program, capacity);
    size_t sum = 0;
    for (const Lifetime& a : lives) {
      sum += a.bytes;
      REQUIRE(plan.offset[a.buffer] != kNotPlanned);
      REQUIRE(plan.offset[a.buffer] % 64 == 0);
      REQUIRE(plan.offset[a.buffer] + a.bytes <= plan.bytes);
      for (const Lifetime& b : lives) {
        if (a.buffer >= b.buffer || a.last < b.first || b.last < a.first) continue;
        const size_t x = plan.offset[a.buffer], y = plan.offset[b.buffer];
        const bool apart = x + a.bytes <= y || y + b.bytes <= x;
        REQUIRE(apart);
      }
    }
    INFO(made.name);
    CHECK(plan.bytes < sum);
  }
}

}  // namespace mtl::engine
