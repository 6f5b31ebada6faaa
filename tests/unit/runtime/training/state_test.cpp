// States are set after each step that ran their module: the mean over examples, positions and calls.
#include <catch2/catch.hpp>
#include <fstream>

#include "compiler/sema/checked.h"
#include "runtime/data/load.h"
#include "runtime/training/initialise.h"
#include "runtime/training/steps.h"
#include "tests/unit/runtime/model/temporary_folder.h"

namespace mtl::training {

static const char* kSource = R"(
data a {
  format = tsv
  train = "a.tsv"
  x : f32[2] = columns("x1".."x2")
  y : f32    = column("y")
}
data b {
  format = tsv
  train = "a.tsv"
  x : f32[2] = columns("x1".."x2")
  y : f32    = column("y")
}
module counted()(x: f32[D]) -> f32[D] {
  state seen  : f32    = zeros()
  state usual : f32[D] = zeros()
  update seen  = seen + 1.0
  update usual = 0.5 * usual + 0.5 * x
  return x - stop_gradient(usual)
}
model m {
  shared both = counted()
  shared twice = counted()
  private own = counted()
  task of_a predicts a.y { head = (both(a.x) + twice(a.x) + twice(2.0 * a.x) + own(a.x)) |> linear(1) }
  task of_b predicts b.y { head = (both(b.x) + own(b.x)) |> linear(1) }
  train { mix = round_robin, batch = 4 }
}
)";

TEST_CASE("states follow their updates") {
  TemporaryFolder folder;
  std::ofstream(folder.path("a.tsv")) << "x1\tx2\ty\n1\t10\t1\n2\t20\t1\n3\t30\t0\n6\t60\t1\n";
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const auto file = sema::check_text("m.mtl", kSource, sources, {}, emitter);
  for (const auto& d : emitter.sorted()) UNSCOPED_INFO(d.message);
  REQUIRE(file);
  const auto program = elaborate::describe(*file, emitter);
  REQUIRE(program);
  data::LoadOptions load;
  load.data_dir = folder.path("");
  const auto dataset = data::load(program->data, load, emitter);
  REQUIRE(dataset);
  const auto session = Session::open(make_elaborator(*file, program->data, dataset->fitted, emitter), {});
  for (const auto& d : emitter.sorted()) UNSCOPED_INFO(d.message);
  REQUIRE(session);
  initialise(session->params(), *dataset, 1, session->weights());
  const auto steps = Steps::make(*session, program->train, program->data, *dataset, 1, emitter);
  REQUIRE(steps);
  const auto at = [&](const std::string& path) {
    const model::Entry* entry = session->weights().find(path);
    INFO(path);
    REQUIRE(entry);
    const float* from = session->weights().of(*entry);
    return std::vector<float>(from, from + entry->size);
  };
  using Numbers = std::vector<float>;
  REQUIRE(steps->run(0, 0, 0.5, 1).finite);  // a step of source `a`: the mean row is (3, 30)
  CHECK(at("both.seen") == Numbers{1});
  CHECK(at("both.usual") == Numbers{1.5f, 15});
  CHECK(at("twice.seen") == Numbers{1});              // the mean of its calls
  CHECK(at("twice.usual") == Numbers{2.25f, 22.5f});  // of (1.5, 15) and (3, 30)
  CHECK(at("own@of_a.seen") == Numbers{1});
  CHECK(at("own@of_b.seen") == Numbers{0});
  REQUIRE(steps->run(1, 1, 0.5, 1).finite);
  CHECK(at("both.seen") == Numbers{2});
  CHECK(at("both.usual") == Numbers{2.25f, 22.5f});
  CHECK(at("twice.seen") == Numbers{1});
  CHECK(at("own@of_b.seen") == Numbers{1});
}

}  // namespace mtl::training
