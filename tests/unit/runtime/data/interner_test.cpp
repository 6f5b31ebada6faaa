// Tests of runtime/data/interner.h.
#include "runtime/data/interner.h"

#include <catch2/catch.hpp>
#include <string>

using mtl::data::Interner;

TEST_CASE("texts are numbered in order of appearance, each once") {
  Interner texts;
  CHECK_FALSE(texts.find("a"));
  CHECK(texts.add("a") == 0);
  CHECK(texts.add("") == 1);
  CHECK(texts.add(std::string("a\0b", 3)) == 2);
  CHECK(texts.add("a") == 0);
  CHECK(texts.add("") == 1);
  CHECK(texts.size() == 3);
  CHECK(texts.text(0) == "a");
  CHECK(texts.text(1).empty());
  CHECK(texts.text(2) == std::string("a\0b", 3));
  CHECK(texts.find("") == 1u);
  CHECK_FALSE(texts.find("b"));
}

TEST_CASE("texts are found again however many there are") {
  Interner texts;
  for (uint32_t i = 0; i < 100'000; ++i) REQUIRE(texts.add("word " + std::to_string(i * 7919)) == i);
  for (uint32_t i = 0; i < 100'000; i += 37) {
    CHECK(texts.text(i) == "word " + std::to_string(i * 7919));
    CHECK(texts.find("word " + std::to_string(i * 7919)) == i);
  }
  CHECK_FALSE(texts.find("word 1"));
}
