#include "training/spans.h"

#include <catch2/catch.hpp>

using namespace mtl::training;

TEST_CASE("spans of tags, as conlleval reads them") {
  using Spans = std::vector<Span>;
  CHECK(spans_of({"O", "B-x", "I-x", "O"}) == Spans{{1, 3, "x"}});
  CHECK(spans_of({"B-x", "B-x"}) == Spans{{0, 1, "x"}, {1, 2, "x"}});
  CHECK(spans_of({"I-x", "I-y", "I-y"}) == Spans{{0, 1, "x"}, {1, 3, "y"}});
  CHECK(spans_of({"B-x", "I-y"}) == Spans{{0, 1, "x"}, {1, 2, "y"}});
  CHECK(spans_of({"B-x", "I-x", "E-x", "I-x"}) == Spans{{0, 3, "x"}, {3, 4, "x"}});
  CHECK(spans_of({"S-x", "S-x", "O", "I-x"}) == Spans{{0, 1, "x"}, {1, 2, "x"}, {3, 4, "x"}});
  CHECK(spans_of({"O", "_"}).empty());
  CHECK(spans_of({}).empty());
}

TEST_CASE("which label sets mark spans") {
  CHECK(has_span_tags({"O", "B-a-b", "I-a-b"}));
  CHECK(has_span_tags({"S-x", "O"}));
  CHECK_FALSE(has_span_tags({"O"}));
  CHECK_FALSE(has_span_tags({"NOUN", "VERB"}));
  CHECK_FALSE(has_span_tags({"O", "B-x", "NOUN"}));
}
