// Tests of runtime/data/text.h.
#include "runtime/data/text.h"

#include <catch2/catch.hpp>

using namespace mtl::data;
using Views = std::vector<std::string_view>;

namespace {
Views words(std::string_view text) {
  Views out;
  split_words(text, out);
  return out;
}
Views pieces(std::string_view text, std::string_view separator) {
  Views out;
  split_at(text, separator, out);
  return out;
}
}  // namespace

TEST_CASE("lower case covers Latin, Greek and Cyrillic letters") {
  CHECK(lower_text("ABC xyz 123") == "abc xyz 123");
  CHECK(lower_text("ÄÖÜ ÉÑ Ł Ž Ÿ") == "äöü éñ ł ž ÿ");
  CHECK(lower_text("ΑΒΓ Ώ Σ") == "αβγ ώ σ");
  CHECK(lower_text("ПРИВЕТ Ё Ұ") == "привет ё ұ");
  CHECK(lower_text("ß × ÷ 語 نە 🎉") == "ß × ÷ 語 نە 🎉");  // no letters in upper case
  CHECK(lower_code_point(0x1E9E) == 0xDF);
  CHECK(lower_code_point(0x0178) == 0xFF);
}

TEST_CASE("split at spaces means runs of white space") {
  CHECK(pieces(" a  b\tc\n", " ") == Views{"a", "b", "c"});
  CHECK(pieces("", " ").empty());
  CHECK(pieces("   ", " ").empty());
}

TEST_CASE("split at another separator is exact") {
  CHECK(pieces("a|b c||d", "|") == Views{"a", "b c", "", "d"});
  CHECK(pieces("a, b", ", ") == Views{"a", "b"});
  CHECK(pieces("", "|").empty());
}

TEST_CASE("words are runs of letters and digits, and single other characters") {
  CHECK(words("Don't pay 3.50€!") == Views{"Don", "'", "t", "pay", "3", ".", "50", "€", "!"});
  CHECK(words("naïve café") == Views{"naïve", "café"});
  CHECK(words("a\u00A0b\u3000c") == Views{"a", "b", "c"});  // blanks beyond ASCII
  CHECK(words("“ja” 🎉🎉") == Views{"“", "ja", "”", "🎉", "🎉"});
  CHECK(words("").empty());
}

TEST_CASE("characters are code points") {
  Views out;
  split_characters("aß語🎉", out);
  CHECK(out == Views{"a", "ß", "語", "🎉"});
}

TEST_CASE("numbers") {
  CHECK(parse_number("3.5") == 3.5);
  CHECK(parse_number(" +2 ") == 2.0);
  CHECK(parse_number("-1e-3") == -1e-3);
  for (const char* tiny : {"1e-400", "-1e-400", "0.001e-399", "1000e-999999999999999999999"})
    CHECK(parse_number(tiny) == 0.0);
  CHECK(parse_number("0." + std::string(400, '0') + "1") == 0.0);
  CHECK_FALSE(parse_number("1" + std::string(400, '0') + "e-9").has_value());
  for (const char* bad : {"", "abc", "1,5", "1.5x", "nan", "inf", "1e999", "+-1", "++1", "0x10", "--1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_number(bad).has_value());
  }
}

TEST_CASE("truth values") {
  CHECK(parse_truth("Yes") == true);
  CHECK(parse_truth("0") == false);
  CHECK_FALSE(parse_truth("maybe").has_value());
}
