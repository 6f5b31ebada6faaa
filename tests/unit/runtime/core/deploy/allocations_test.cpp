// Columns and row spaces allocate nothing for a batch that is no larger than one before.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "runtime/core/deploy/columns.h"
#include "runtime/core/deploy/rows.h"
#include "runtime/model/write_weights.h"

#if !defined(__SANITIZE_ADDRESS__)  // which has its own operator new

namespace {
size_t g_allocations = 0;
}

void* operator new(size_t size) {
  ++g_allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

using namespace mtl::runtime::deploy;

TEST_CASE("a warm column and its rows allocate nothing") {
  const std::string bytes =
      weights_bytes(0, {{"v", SectionSpec::Kind::vocabulary, nullptr, 0, {"<unk>", "play", "3=a", "a"}}});
  alignas(64) static char memory[4096];
  REQUIRE(bytes.size() <= sizeof memory);
  bytes.copy(memory, bytes.size());
  const SectionSpec section{"v", SectionSpec::Kind::vocabulary, 4};
  const WeightsFile file = WeightsFile::view(memory, bytes.size(), 0, &section, 1);

  Transform splits[2];
  splits[0].kind = Transform::Kind::words;
  splits[1].kind = Transform::Kind::characters;
  Transform comma;
  comma.text = ",";
  ColumnSpec words, letters, numbers, categories, truth, crossed;
  words.kind = letters.kind = ColumnSpec::Kind::token;
  words.lowercase = letters.lowercase = true;
  words.levels = 1;
  letters.levels = 2;
  words.transforms = letters.transforms = splits;
  words.transform_count = 1;
  letters.transform_count = 2;
  categories.kind = ColumnSpec::Kind::category;
  categories.apart = true;
  numbers.width = categories.width = categories.cells = crossed.cells = 4;
  crossed.kind = ColumnSpec::Kind::category;
  crossed.cross = true;
  crossed.buckets = 100;
  numbers.transforms = &comma;
  numbers.transform_count = 1;
  truth.kind = ColumnSpec::Kind::boolean;
  Column a(words, file.vocabulary(0)), b(letters, file.vocabulary(0)), c(numbers), d(categories, file.vocabulary(0)),
      e(truth), f(crossed);
  RowSpace examples, of_words, of_letters;
  const std::string_view cells[] = {"a", "b", "a long value that fits no small string", "a"};
  const auto fill = [&](int count) {
    for (Column* column : {&a, &b, &c, &d, &e, &f}) column->clear();
    for (int i = 0; i < count; ++i) {
      a.add_text("Play SOME music that is longer than small strings: ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜ");
      b.add_text("Play SOME music that is longer than small strings: ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜ");
      c.add_text("1, 2.5, 3e2, 4");
      d.add_texts(cells, 4);
      e.add_text(" Yes ");
      f.add_texts(cells, 4);
    }
    check_same_lengths(a, 0, b, 0);
    examples.set_examples(count);
    of_words.set_lengths(examples, a.lengths(0));
    of_letters.set_lengths(of_words, b.lengths(1));
  };
  fill(9);
  const size_t before = g_allocations;
  for (const int count : {9, 1, 5, 0, 9}) fill(count);
  const size_t made = g_allocations - before;
  CHECK(made == 0);
  CHECK(of_letters.rows() == static_cast<int64_t>(b.ids().size()));
}

#endif
