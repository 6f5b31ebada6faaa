// Tests of support/base/json.h.
#include "support/base/json.h"

#include <catch2/catch.hpp>

using namespace mtl;
using Catch::Matchers::Contains;

namespace {

std::string repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string fault(const std::string& text) {
  const auto json = parse_json(text);
  REQUIRE_FALSE(json);
  return json.error().what;
}

}  // namespace

TEST_CASE("JSON is read as nlohmann's own parser reads it") {
  for (const std::string text : {R"({"a": [1, -2, 3.5, true, null, "x\ny"], "b": {"c": {}, "d": []}})", "[]", "{}", "3",
                                 "\"t\"", "null", "[[1], 2, [[3]]]"}) {
    CAPTURE(text);
    const auto json = parse_json(text);
    REQUIRE(json);
    CHECK(*json == nlohmann::json::parse(text));
  }
}

TEST_CASE("a fault of JSON has its place") {
  CHECK(fault(R"({"a": 1,})") == "unexpected `}` at column 9");
  CHECK(fault(R"({"a": [1, 2)") == "it ends too early");
  CHECK(fault("") == "it ends too early");
  CHECK_FALSE(parse_json("[1e999]"));
  CHECK(parse_json("[1e999]").error().too_large == "1e999");
}

TEST_CASE("JSON may be nested 128 deep, and no deeper") {
  CHECK(parse_json(repeat("[", 128) + repeat("]", 128)));
  CHECK(fault(repeat("[", 129) + repeat("]", 129)) == "it is nested deeper than 128");
  CHECK(parse_json(repeat(R"({"a":)", 128) + "1" + repeat("}", 128)));
  CHECK(fault(repeat(R"({"a":)", 129) + "1" + repeat("}", 129)) == "it is nested deeper than 128");
  CHECK(fault(repeat("[", 10'000'000)) == "it is nested deeper than 128");
}

TEST_CASE("a key is in an object once") {
  CHECK_THAT(fault(R"({"a": 1, "b": 2, "a": 3})"), Contains("`a` is there twice"));
  CHECK_THAT(fault(R"([{"x": {"": 1, "": 2}}])"), Contains("is there twice"));
  CHECK(parse_json(R"([{"a": 1}, {"a": 2, "b": {"a": 3}}])"));
}

TEST_CASE("a JSON text takes 20 times its size at most") {
  CHECK_THAT(fault("[" + repeat("{},", 1'000'000) + "1]"), Contains("20 times"));
  CHECK(parse_json("[" + repeat("1,", 1'000'000) + "1]"));
  CHECK(parse_json("[" + repeat("\"a\",", 1'000'000) + "1]"));
  CHECK(parse_json("[" + repeat("{},", 100) + "1]"));  // small ones may be anything
}
