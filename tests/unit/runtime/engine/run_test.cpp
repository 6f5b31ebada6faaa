// What an engine promises beside right numbers: no allocation in a run, plans by bucket, the same bits on any number of
// threads, gradients of embedding tables by rows.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "tests/run/compare.h"
#include "tests/run/graphs.h"
#include "tests/unit/runtime/engine/count_allocations.h"

namespace mtl {

TEST_CASE("a run allocates nothing once its plan exists") {
  for (const tests::NamedGraph& made : tests::model_graphs()) {
    tests::HostEngine engine(made.graph.graph, made.graph.batch, true, true);
    for (int i = 0; i < 3; ++i) engine.run();  // the plan is made, and oneDNN's code for these products
    const long before = tests::allocations();
    for (int i = 0; i < 5; ++i) engine.run();
    const long made_in_runs = tests::allocations() - before;
    INFO(made.name);
    CHECK(made_in_runs == 0);
  }
}

TEST_CASE("one and two threads give the same bits") {
  const int threads = runtime::threads();
  for (tests::TestGraph made :
       {tests::bow_graph(96, 30, 400, 128, 256), tests::model_graphs()[1].graph, tests::model_graphs()[5].graph}) {
    std::vector<std::vector<double>> first;
    for (int count : {1, 2}) {
      runtime::set_threads(count);
      tests::HostEngine engine(made.graph, made.batch, true);
      engine.run();
      std::vector<std::vector<double>> got;
      for (const ir::Output& output : made.graph.outputs) got.push_back(engine.values(output.name));
      if (count == 1) first = got;
      CHECK(first == got);
    }
  }
  runtime::set_threads(threads);
}

TEST_CASE("batches of other sizes get plans of their own, and their numbers") {
  const tests::TestGraph large = tests::bow_graph(24, 9, 50, 16, 24);
  const tests::TestGraph small = tests::bow_graph(5, 4, 50, 16, 24);
  tests::HostEngine engine(small.graph, small.batch, true);
  auto loss_of = [&](const tests::TestGraph& made) {
    ir::HostBatch batch = made.batch;
    batch.params = small.batch.params;
    engine.rebind(batch);
    engine.run();
    const auto expected = ir::evaluate(small.graph, batch);
    CHECK(engine.values("objective")[0] == Approx(expected.at("objective").values[0]).epsilon(1e-5));
  };
  loss_of(small);
  CHECK(engine.engine().plans() == 1);
  loss_of(large);
  CHECK(engine.engine().plans() == 2);
  loss_of(small);
  loss_of(large);
  CHECK(engine.engine().plans() == 2);
}

TEST_CASE("the gradient of an embedding table comes as rows") {
  const tests::TestGraph made = tests::bow_graph(12, 7, 40, 16, 24);
  tests::HostEngine dense(made.graph, made.batch, true, false);
  tests::HostEngine sparse(made.graph, made.batch, true, true);
  REQUIRE(dense.engine().program().sparse.empty());
  REQUIRE(sparse.engine().program().sparse.size() == 1);
  CHECK(sparse.engine().program().sparse[0].param == "embed");
  dense.run();
  const engine::SparseRows before = sparse.engine().sparse_rows(0);
  CHECK(before.ids != nullptr);
  sparse.run();
  const engine::SparseRows rows = sparse.engine().sparse_rows(0);
  REQUIRE(rows.count == made.batch.spaces[2].rows);
  std::vector<double> sum(40 * 16);
  for (int64_t r = 0; r < rows.count; ++r) {
    for (int d = 0; d < 16 && rows.ids[r] >= 0; ++d) sum[rows.ids[r] * 16 + d] += rows.rows[r * 16 + d];
  }
  const std::vector<double> expected = dense.values("grad embed");
  for (size_t i = 0; i < sum.size(); ++i) CHECK(sum[i] == Approx(expected[i]).margin(1e-6));
}

}  // namespace mtl
