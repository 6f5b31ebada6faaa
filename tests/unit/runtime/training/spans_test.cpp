// Tests of runtime/training/spans.h.
#include "runtime/training/spans.h"

#include <catch2/catch.hpp>

using namespace mtl::training;

namespace {

using Names = std::vector<std::string>;
using Spans = std::vector<Span>;

// The stretches of a sentence whose tags are a set of labels too.
Spans spans_in(const Names& tags) {
  const auto form = find_span_form(tags);
  REQUIRE(form);
  return spans_of(tags, *form);
}

}  // namespace

TEST_CASE("spans of tags, as conlleval reads them") {
  const SpanForm form;
  CHECK(spans_of({"O", "B-x", "I-x", "O"}, form) == Spans{{1, 3, "x"}});
  CHECK(spans_of({"B-x", "B-x"}, form) == Spans{{0, 1, "x"}, {1, 2, "x"}});
  CHECK(spans_of({"I-x", "I-y", "I-y"}, form) == Spans{{0, 1, "x"}, {1, 3, "y"}});
  CHECK(spans_of({"B-x", "I-y"}, form) == Spans{{0, 1, "x"}, {1, 2, "y"}});
  CHECK(spans_of({"B-x", "I-x", "E-x", "I-x"}, form) == Spans{{0, 3, "x"}, {3, 4, "x"}});
  CHECK(spans_of({"S-x", "S-x", "O", "I-x"}, form) == Spans{{0, 1, "x"}, {1, 2, "x"}, {3, 4, "x"}});
  CHECK(spans_of({"O", "_"}, form).empty());
  CHECK(spans_of({}, form).empty());
}

TEST_CASE("one reading of every scheme and form of tags") {
  const Spans expected{{0, 3, "per"}, {4, 5, "loc"}};
  CHECK(spans_in({"B-per", "I-per", "I-per", "O", "B-loc"}) == expected);  // BIO
  CHECK(spans_in({"I-per", "I-per", "I-per", "O", "I-loc"}) == expected);  // IOB1
  CHECK(spans_in({"B-per", "I-per", "E-per", "O", "S-loc"}) == expected);  // IOBES
  CHECK(spans_in({"B-per", "I-per", "L-per", "O", "U-loc"}) == expected);  // BILOU
  CHECK(spans_in({"B-per", "M-per", "E-per", "O", "S-loc"}) == expected);  // BMES
  CHECK(spans_in({"B-per", "M-per", "E-per", "O", "W-loc"}) == expected);  // BMEWO
  CHECK(spans_in({"B_per", "I_per", "I_per", "O", "B_loc"}) == expected);
  CHECK(spans_in({"per-B", "per-I", "per-I", "O", "loc-B"}) == expected);
  CHECK(spans_in({"per_B", "per_I", "per_I", "O", "loc_B"}) == expected);
  CHECK(spans_in({"b-per", "i-per", "i-per", "o", "b-loc"}) == expected);
  const Spans bare{{0, 3, ""}, {4, 5, ""}};
  CHECK(spans_in({"B", "I", "I", "O", "B"}) == bare);
  CHECK(spans_in({"B", "M", "E", "O", "S"}) == bare);
  CHECK(spans_in({"B", "M", "E", "S", "S"}) == Spans{{0, 3, ""}, {3, 4, ""}, {4, 5, ""}});  // words of a sentence
}

TEST_CASE("which label sets mark spans") {
  const auto marks = [](const Names& names) { return find_span_form(names).has_value(); };
  CHECK(marks({"O", "B-a-b", "I-a-b"}));
  CHECK(marks({"S-x", "O"}));
  CHECK(marks({"O", "I-x"}));
  CHECK(marks({"B-x", "I-x"}));
  CHECK_FALSE(marks({"O"}));
  CHECK_FALSE(marks({"I-x"}));
  CHECK_FALSE(marks({"S", "M", "L"}));  // sizes
  CHECK_FALSE(marks({"B", "S", "X"}));
  CHECK_FALSE(marks({"0", "1", "2"}));
  CHECK_FALSE(marks({"NOUN", "VERB"}));
  CHECK_FALSE(marks({"O", "B-x", "NOUN"}));
  CHECK_FALSE(marks({"O", "NN-S", "B-VB"}));
  CHECK_FALSE(marks({"NN", "VV-S", "B", "E", "S"}));
  CHECK_FALSE(marks({"I-PRP", "DT", "B-NN"}));
  CHECK(labels_beside_tags({"B-x", "I-x", "_"}) == Names{"_"});
  CHECK(labels_beside_tags({"x", "B-x", "I-x", "O"}) == Names{"x"});
  CHECK(labels_beside_tags({"B-x", "I-x", "O"}).empty());
  CHECK(labels_beside_tags({"NOUN", "VERB", "B-x"}).empty());
}
