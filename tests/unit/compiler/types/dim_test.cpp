// Dims: normal form, the three answers of a comparison, exact division, text.
#include "compiler/types/dim.h"

#include <catch2/catch.hpp>

using namespace mtl::types;

TEST_CASE("dims have one normal form") {
  const Dim en = Dim::atom("|en|"), k = Dim::atom("|a.k|");
  CHECK((en + k) * 2 == 2 * k + en + en);
  CHECK(en - en == Dim(0));
  CHECK(en * k == k * en);
  CHECK(Dim(3) * 4 == 12);
  CHECK((Dim(3) + 4).value() == 7);
  CHECK_FALSE(en.constant().has_value());
  CHECK(Dim(0).constant() == 0);
}

TEST_CASE("dims compare as yes, no or depends") {
  const Dim en = Dim::atom("|en|"), k = Dim::atom("|a.k|");
  CHECK(Dim(3).equals(3) == Answer::yes);
  CHECK(Dim(3).equals(4) == Answer::no);
  CHECK(en.equals(en) == Answer::yes);
  CHECK(en.equals(k) == Answer::depends);
  CHECK(en.equals(64) == Answer::depends);
  CHECK(en.equals(en + 1) == Answer::no);
  CHECK((2 * en).equals(7) == Answer::no);
  CHECK((2 * en).equals(8) == Answer::depends);
  CHECK((en + 5).equals(3) == Answer::no);
  CHECK((en + 5).equals(k) == Answer::depends);
}

TEST_CASE("dims divide exactly or not at all") {
  const Dim en = Dim::atom("|en|"), k = Dim::atom("|a.k|");
  CHECK(Dim(12).divided_by(4) == Dim(3));
  CHECK_FALSE(Dim(12).divided_by(5).has_value());
  CHECK_FALSE(Dim(12).divided_by(0).has_value());
  CHECK((4 * en + 2 * k).divided_by(2) == 2 * en + k);
  CHECK_FALSE((4 * en + 3).divided_by(2).has_value());
  CHECK((3 * en * k).divided_by(en) == 3 * k);
  CHECK((en + k).divided_by(en + k) == Dim(1));
  CHECK((4 * en + 4).divided_by(en + 1) == Dim(4));
  CHECK_FALSE((en + k).divided_by(en + 1).has_value());
}

TEST_CASE("dims print as a user writes them") {
  const Dim en = Dim::atom("|en|"), k = Dim::atom("|a.k|");
  CHECK(Dim(0).text() == "0");
  CHECK(Dim(128).text() == "128");
  CHECK((2 * en + 3).text() == "2 * |en| + 3");
  CHECK((en * k - en - 1).text() == "|a.k| * |en| - |en| - 1");
  CHECK((0 - en).text() == "-|en|");
}

TEST_CASE("dims stop at the largest number") {
  const int64_t largest = INT64_MAX;
  CHECK(Dim(largest) + Dim(1) == Dim(largest));
  CHECK(Dim(largest) * Dim(4) == Dim(largest));
  CHECK(Dim(INT64_MIN).text() == "-9223372036854775807");
  CHECK(product({3'000'000'000, 3'000'000'000, 3'000'000'000}) == Dim(largest));
}
