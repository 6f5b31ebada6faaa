// Tests of runtime/data/batch.h.
#include "runtime/data/batch.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "runtime/core/random.h"

using namespace mtl::data;
using Ids = std::vector<int32_t>;

namespace {
// Counts allocations, to prove that filling a batch makes none.
thread_local size_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size ? size : 1);
  if (!memory) std::abort();
  return memory;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace {

// Four sentences of 1, 3, 0 and 2 words; word k of the split has k % 3 + 1 letters.
Split sentences() {
  Split split;
  split.examples = 4;
  split.ragged["T"] = {"", {0, 1, 4, 4, 6}};
  Ragged letters{"T", {0}};
  for (int word = 0; word < 6; ++word) letters.offsets.push_back(letters.offsets.back() + word % 3 + 1);
  split.ragged["T.C"] = letters;
  Column words, chars, points;
  words.is_ids = chars.is_ids = true;
  words.dim = "T";
  for (int i = 0; i < 6; ++i) words.ids.push_back(10 + i);
  chars.dim = "T.C";
  for (int i = 0; i < letters.offsets.back(); ++i) chars.ids.push_back(100 + i);
  points.width = 2;
  points.numbers = {0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f};
  split.columns = {{"words", words}, {"chars", chars}, {"points", points}};
  return split;
}

Ids ids(const void* base, int64_t count) {
  const auto* begin = static_cast<const int32_t*>(base);
  return Ids(begin, begin + count);
}

}  // namespace

TEST_CASE("ids are drawn as unknown by seed, step and row, however they are packed") {
  Split split;
  split.examples = 20000;
  Column users, facts;
  users.is_ids = facts.is_ids = true;
  facts.width = 2;
  for (int i = 0; i < 20000; ++i) {
    users.ids.push_back(i % 7 == 0 ? kMissing : 5);
    facts.ids.insert(facts.ids.end(), {6, 7});
  }
  split.columns = {{"user", users}, {"facts", facts}};
  const std::vector<UnknownDraw> draws{
      {"ads.user", 1, 0.1f, {0}}, {"ads.facts", 2, 0.25f, {0, 3}}, {"ads.gone", 3, 1, {0}}};
  std::vector<uint32_t> order(20000);
  for (uint32_t i = 0; i < 20000; ++i) order[i] = i;
  Batch all(split, "ads", 20000), some(split, "ads", 3);
  const auto drawn = [&](uint64_t seed, uint64_t step) {
    all.fill(order);
    const size_t before = allocations;
    all.draw_unknown(draws, seed, step);
    CHECK(allocations == before);
    return ids(all.column("ads.user"), 20000);
  };
  const Ids first = drawn(1, 4);
  const Ids both = ids(all.column("ads.facts"), 40000);
  CHECK(std::count(first.begin(), first.end(), 0) == Approx(0.1 * 20000 * 6 / 7).epsilon(0.1));
  CHECK(std::count(first.begin(), first.end(), kMissing) == 2858);
  CHECK(std::count(both.begin(), both.end(), 0) == Approx(0.25 * 20000).epsilon(0.05));
  CHECK(std::count(both.begin(), both.end(), 3) == Approx(0.25 * 20000).epsilon(0.05));
  CHECK(drawn(1, 4) == first);
  CHECK(drawn(1, 5) != first);
  CHECK(drawn(2, 4) != first);
  const std::vector<uint32_t> three{17, 4711, 3};
  some.fill(three);
  some.draw_unknown(draws, 1, 4);
  CHECK(ids(some.column("ads.user"), 3) == Ids{first[17], first[4711], first[3]});
  CHECK(ids(some.column("ads.facts"), 2) == Ids{both[34], both[35]});
}

TEST_CASE("a batch packs the rows of the chosen examples in their order") {
  const Split split = sentences();
  Batch batch(split, "s", 3);
  batch.fill(std::vector<uint32_t>{3, 1, 0});
  CHECK(batch.examples() == 3);
  const auto* t = batch.space("s.T");
  REQUIRE(t);
  CHECK(t->rows == 6);
  CHECK(t->parent_rows == 3);
  CHECK(ids(t->offsets, 4) == Ids{0, 2, 5, 6});
  CHECK(ids(t->parent, 6) == Ids{0, 0, 1, 1, 1, 2});
  CHECK(ids(t->position, 6) == Ids{0, 1, 0, 1, 2, 0});
  CHECK(ids(t->order, 3) == Ids{1, 0, 2});  // lengths 2, 3, 1
  CHECK(t->longest == 3);
  CHECK(ids(batch.column("s.words"), 6) == Ids{14, 15, 11, 12, 13, 10});
  const auto* points = static_cast<const float*>(batch.column("s.points"));
  CHECK(std::vector<float>(points, points + 6) == std::vector<float>{3, 3.5f, 1, 1.5f, 0, 0.5f});

  const auto* c = batch.space("s.T.C");
  REQUIRE(c);
  CHECK(c->parent_rows == 6);
  CHECK(ids(c->offsets, 7) == Ids{0, 2, 5, 7, 10, 11, 12});  // words 4, 5, 1, 2, 3, 0 of 2, 3, 2, 3, 1, 1 letters
  CHECK(ids(c->order, 6) == Ids{1, 3, 0, 2, 4, 5});          // stable
  CHECK(ids(batch.column("s.chars"), 12) == Ids{107, 108, 109, 110, 111, 101, 102, 103, 104, 105, 106, 100});

  const auto* s = batch.space("s");
  CHECK(s->rows == 3);
  CHECK(s->parent_rows == 1);
  CHECK(ids(s->offsets, 2) == Ids{0, 3});
  CHECK(batch.space("s.X") == nullptr);
  CHECK(batch.column("s.x") == nullptr);
}

TEST_CASE("a row is the same one in every batch") {
  using mtl::runtime::child_identity;
  using mtl::runtime::example_identity;
  const Split split = sentences();
  Batch batch(split, "s", 4);
  batch.fill(std::vector<uint32_t>{3, 1});
  CHECK(batch.space("s")->identity[1] == example_identity(1));
  CHECK(batch.space("s.T")->identity[1] == child_identity(example_identity(3), 1));
  CHECK(batch.space("s.T.C")->identity[2] == child_identity(child_identity(example_identity(3), 1), 0));
  const uint64_t word = batch.space("s.T")->identity[2];
  batch.fill(std::vector<uint32_t>{1});
  CHECK(batch.space("s.T")->identity[0] == word);
}

TEST_CASE("empty sequences and an example taken twice") {
  const Split split = sentences();
  Batch batch(split, "s", 3);
  batch.fill(std::vector<uint32_t>{2, 0, 2});
  const auto* t = batch.space("s.T");
  CHECK(t->rows == 1);
  CHECK(ids(t->offsets, 4) == Ids{0, 0, 1, 1});
  CHECK(ids(t->order, 3) == Ids{1, 0, 2});
  batch.fill(std::vector<uint32_t>{2});
  CHECK(batch.space("s.T")->rows == 0);
  CHECK(batch.space("s.T")->longest == 0);
  CHECK(batch.space("s.T.C")->rows == 0);
}

TEST_CASE("the room is the largest that any choice needs") {
  const Split split = sentences();
  CHECK(Batch(split, "s", 1).capacity("s.T") == 3);
  CHECK(Batch(split, "s", 2).capacity("s.T") == 5);
  CHECK(Batch(split, "s", 2).capacity("s.T.C") == 11);  // sentences of 1, 6, 0 and 5 letters
  CHECK(Batch(split, "s", 100).capacity("s.T") == 6);
  CHECK(Batch(split, "s", 100, 4).capacity("s.T") == 4);
  CHECK(Batch(split, "s", 100, 2).capacity("s.T") == 3);  // the longest sentence fits alone
  CHECK(Batch(split, "s", 100, 2).capacity("s.T.C") == 9);
}

TEST_CASE("filling allocates nothing and moves nothing") {
  const Split split = sentences();
  Batch batch(split, "s", 4);
  const std::vector<uint32_t> all{0, 1, 2, 3}, some{3, 1};
  batch.fill(some);
  const void* words = batch.column("s.words");
  const void* offsets = batch.space("s.T")->offsets;
  const size_t before = allocations;
  batch.fill(all);
  batch.fill(some);
  const size_t after = allocations;
  CHECK(after == before);
  CHECK(batch.column("s.words") == words);
  CHECK(batch.space("s.T")->offsets == offsets);
}
