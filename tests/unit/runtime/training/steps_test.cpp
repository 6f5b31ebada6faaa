// A step allocates nothing once the plans of its batch sizes are made.
#include "runtime/training/steps.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <new>

#include "compiler/sema/checked.h"
#include "runtime/data/load.h"
#include "runtime/training/initialise.h"
#include "tests/unit/runtime/model/temporary_folder.h"

static std::atomic<bool> counting{false};
static std::atomic<int64_t> allocations{0};

static void* counted(size_t size, size_t alignment) {
  if (counting.load(std::memory_order_relaxed)) ++allocations;
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new(size_t size) {
  return counted(size, alignof(std::max_align_t));
}
void* operator new[](size_t size) {
  return counted(size, alignof(std::max_align_t));
}
void* operator new(size_t size, std::align_val_t a) {
  return counted(size, static_cast<size_t>(a));
}
void* operator new[](size_t size, std::align_val_t a) {
  return counted(size, static_cast<size_t>(a));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

using namespace mtl;
using namespace mtl::training;

static const char* kSource = R"(
use std.sequence
vocab en { }
data req {
  format = conll
  train = "train.conll"
  words  : token(en)[T] = column(0)
  slots  : label[T]     = column(1)
  intent : label        = comment("intent")
}
model slu {
  shared encoder = embed(16) >> dropout(0.2) >> bilstm(16)
  let h = encoder(req.words)
  task intent predicts req.intent { head = h |> mean(over = T) |> linear(|target|) }
  task slots predicts req.slots { head = h |> linear(|target|), loss = crf() }
  train { optimizer = adamw(lr = 1e-2, weight_decay = 0.01), batch = 8, clip_norm = 1.0 }
}
)";

TEST_CASE("a step allocates nothing") {
  TemporaryFolder folder;
  {
    std::ofstream out(folder.path("train.conll"));
    for (int i = 0; i < 64; ++i) {
      out << "# intent = " << (i % 3) << "\n";
      for (int t = 0; t <= i % 5; ++t) out << "w" << (i * 7 + t * 3) % 40 << "\tt" << (i + t) % 4 << "\n";
      out << "\n";
    }
  }
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const auto file = sema::check_text("m.mtl", kSource, sources, {}, emitter);
  REQUIRE(file);
  const auto program = elaborate::describe(*file, emitter);
  REQUIRE(program);
  data::LoadOptions load;
  load.data_dir = folder.path("");
  const auto dataset = data::load(program->data, load, emitter);
  REQUIRE(dataset);
  const auto session = Session::open(make_elaborator(*file, program->data, dataset->fitted, emitter), {});
  REQUIRE(session);
  initialise(session->params(), *dataset, 1, session->weights());
  const auto steps = Steps::make(*session, program->train, program->data, *dataset, 1, emitter);
  REQUIRE(steps);
  const auto begin = steps->cursors();
  const auto go = [&](int64_t number) {
    const bool finite = steps->run(Mix::kAll, number, 0.5, 1).finite;
    steps->optimizer().update(1.0, 1);
    return finite;
  };
  for (int64_t i = 0; i < 40; ++i) REQUIRE(go(i));  // five passes: all plans are made
  steps->resume(begin);                             // and the same batches once more
  allocations = 0;
  counting = true;
  bool finite = true;
  for (int64_t i = 40; i < 80; ++i) finite = go(i) && finite;
  counting = false;
  CHECK(finite);
  CHECK(allocations == 0);
}
