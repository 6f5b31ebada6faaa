// Row spaces of packages against those that training batches have.
#include "runtime/core/deploy/rows.h"

#include <catch2/catch.hpp>
#include <random>

#include "runtime/core/deploy/errors.h"
#include "runtime/core/random.h"
#include "runtime/data/batch.h"

using namespace mtl::runtime;
using namespace mtl::runtime::deploy;

namespace {

template <class T>
std::vector<T> listed(const T* values, int64_t count) {
  return std::vector<T>(values, values + count);
}

void check_same(const SpaceView& found, const SpaceView& expected) {
  REQUIRE(found.rows == expected.rows);
  REQUIRE(found.parent_rows == expected.parent_rows);
  CHECK(found.longest == expected.longest);
  CHECK(listed(found.offsets, found.parent_rows + 1) == listed(expected.offsets, found.parent_rows + 1));
  CHECK(listed(found.order, found.parent_rows) == listed(expected.order, found.parent_rows));
  CHECK(listed(found.parent, found.rows) == listed(expected.parent, found.rows));
  CHECK(listed(found.position, found.rows) == listed(expected.position, found.rows));
  CHECK(listed(found.identity, found.rows) == listed(expected.identity, found.rows));
}

std::vector<int32_t> offsets_of(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> out{0};
  for (const int32_t n : lengths) out.push_back(out.back() + n);
  return out;
}

}  // namespace

TEST_CASE("row spaces are those of a batch") {
  std::mt19937 random(3);
  RowSpace examples, words, letters;
  for (int round = 0; round < 30; ++round) {
    std::vector<int32_t> word_counts, letter_counts;
    for (int e = 0; e < 1 + round % 9; ++e) word_counts.push_back(static_cast<int32_t>(random() % 5));
    for (const int32_t n : word_counts) {
      for (int32_t w = 0; w < n; ++w) letter_counts.push_back(static_cast<int32_t>(random() % 4));
    }
    mtl::data::Split split;
    split.examples = static_cast<int64_t>(word_counts.size());
    split.ragged["T"] = {"", offsets_of(word_counts)};
    split.ragged["T.C"] = {"T", offsets_of(letter_counts)};
    mtl::data::Batch batch(split, "s", split.examples);
    std::vector<uint32_t> all;
    for (uint32_t e = 0; e < word_counts.size(); ++e) all.push_back(e);
    batch.fill(all);
    examples.set_examples(split.examples);
    words.set_lengths(examples, word_counts);
    letters.set_lengths(words, letter_counts);
    check_same(examples.view(), *batch.space("s"));
    check_same(words.view(), *batch.space("s.T"));
    check_same(letters.view(), *batch.space("s.T.C"));
  }
}

TEST_CASE("static dimensions repeat for every row") {
  RowSpace examples, heads, alone;
  examples.set_examples(3);
  heads.set_fixed(examples.view(), 2);
  const SpaceView& view = heads.view();
  CHECK(view.rows == 6);
  CHECK(view.parent_rows == 3);
  CHECK(view.longest == 2);
  CHECK(listed(view.offsets, 4) == std::vector<int32_t>{0, 2, 4, 6});
  CHECK(listed(view.parent, 6) == std::vector<int32_t>{0, 0, 1, 1, 2, 2});
  CHECK(listed(view.position, 6) == std::vector<int32_t>{0, 1, 0, 1, 0, 1});
  CHECK(listed(view.order, 3) == std::vector<int32_t>{0, 1, 2});
  CHECK(view.identity[3] == child_identity(example_identity(1), 1));
  alone.set_fixed(4);
  CHECK(alone.rows() == 4);
  CHECK(alone.view().parent_rows == 1);
  CHECK(alone.view().identity[2] == child_identity(0, 2));
}

TEST_CASE("a dimension follows from others") {
  RowSpace examples, words, marks, joined;
  examples.set_examples(3);
  words.set_lengths(examples, {2, 0, 3});
  marks.set_lengths(examples, {1, 4, 0});
  const LengthSum::Term terms[] = {{&words.view(), 2}, {&marks.view(), -1}};
  joined.reserve(9, 3);
  joined.set_sum(examples.view(), {1, terms, 2});
  const SpaceView& view = joined.view();
  CHECK(listed(view.offsets, 4) == std::vector<int32_t>{0, 4, 4, 11});  // 1 - 4 is none
  CHECK(listed(view.order, 3) == std::vector<int32_t>{2, 0, 1});
  CHECK(view.longest == 7);
  CHECK(view.identity[1] == child_identity(example_identity(0), 1));
  CHECK_NOTHROW(check_length(examples.view(), {4, terms, 2}, "long enough"));
  CHECK_THROWS_WITH(check_length(examples.view(), {1, terms, 2}, "too short"), "too short, and one example lacks 3");
}

TEST_CASE("a dimension for each row of another") {
  RowSpace examples, words, marks, parts, pairs;
  examples.set_examples(3);
  words.set_lengths(examples, {2, 0, 1});
  marks.set_lengths(examples, {1, 4, 3});
  parts.set_fixed(words.view(), 2);
  const SpaceView* up[] = {&parts.view(), &words.view()};
  pairs.reserve(10, 6);
  pairs.set_copies({&marks.view(), up, 2});
  const SpaceView& view = pairs.view();
  CHECK(view.parent_rows == 6);
  CHECK(listed(view.offsets, 7) == std::vector<int32_t>{0, 1, 2, 3, 4, 7, 10});
  CHECK(listed(view.order, 6) == std::vector<int32_t>{4, 5, 0, 1, 2, 3});
  CHECK(view.longest == 3);
  CHECK(view.identity[5] == child_identity(parts.view().identity[4], 1));
  pairs.set_copies({&marks.view(), up + 1, 1});
  CHECK(listed(pairs.view().offsets, 4) == std::vector<int32_t>{0, 1, 2, 5});
  words.set_lengths(examples, {0, 50000, 0});
  marks.set_lengths(examples, {0, 50000, 0});
  CHECK_THROWS_AS(pairs.set_copies({&marks.view(), up + 1, 1}), InputError);
}

TEST_CASE("a space without rows, and one with too many") {
  RowSpace examples, words;
  examples.set_examples(0);
  words.set_lengths(examples, {});
  CHECK(words.rows() == 0);
  CHECK(words.view().offsets[0] == 0);
  examples.set_examples(2);
  CHECK_THROWS_AS(words.set_lengths(examples, {2000000000, 2000000000}), InputError);
  CHECK_THROWS_AS(words.set_lengths(examples, {1}), InputError);
  CHECK_THROWS_AS(words.set_fixed(examples.view(), 2000000000), InputError);
  words.set_lengths(examples, {1, 0});
  words.clear();
  CHECK(words.rows() == 0);
  CHECK(words.view().parent_rows == 0);
}
