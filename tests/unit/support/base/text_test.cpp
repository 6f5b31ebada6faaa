// Tests of support/base/text.h.
#include "support/base/text.h"

#include <catch2/catch.hpp>

using namespace mtl;

TEST_CASE("edit distance counts transpositions as one") {
  CHECK(edit_distance("layer", "layer") == 0);
  CHECK(edit_distance("layer", "lyaer") == 1);
  CHECK(edit_distance("layer", "lare") == 2);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance(std::string(40, 'a'), std::string(40, 'a')) == 99);
}

TEST_CASE("nearest finds what was probably meant") {
  const std::vector<std::string> words{"layer", "param", "let", "private"};
  CHECK(nearest("layr", words) == "layer");
  CHECK(nearest("privat", words) == "private");
  CHECK(nearest("lte", words) == "let");
  CHECK_FALSE(nearest("monitor", words));
  CHECK_FALSE(nearest("x", words));
  CHECK_FALSE(nearest("layer", std::vector<std::string>{"layer"}));
  const std::vector<std::string> tie{"abcd", "abx"};
  CHECK(nearest("abc", tie) == "abx");
}

TEST_CASE("join, count_of and split") {
  const std::vector<std::string> words{"a", "b", "c"};
  CHECK(join(words) == "a, b, c");
  CHECK(join(words, ", ", " and ") == "a, b and c");
  CHECK(join({}) == "");
  CHECK(count_of(1, "row") == "1 row");
  CHECK(count_of(0, "row") == "0 rows");
  CHECK(count_of(2, "entry") == "2 entries");
  CHECK(count_of(2, "class") == "2 classes");
  CHECK(count_of(2, "batch") == "2 batches");
  CHECK(count_of(2, "epoch") == "2 epochs");
  CHECK(split("a,,b", ",") == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ",") == std::vector<std::string>{""});
}

TEST_CASE("UTF-8 is checked strictly") {
  CHECK(find_invalid_utf8("plain é 漢 😀") == std::string::npos);
  CHECK(find_invalid_utf8("ab\xFF") == 2);
  CHECK(find_invalid_utf8("\xC0\x80") == 0);          // overlong
  CHECK(find_invalid_utf8("\xED\xA0\x80") == 0);      // surrogate
  CHECK(find_invalid_utf8("a\xE6\xBC") == 1);         // cut
  CHECK(find_invalid_utf8("\xF4\x90\x80\x80") == 0);  // above U+10FFFF
}

TEST_CASE("what would command a terminal is spelled") {
  CHECK(printable("\x1b]0;x\x07 \x7F") == "\\x1b]0;x\\x07 \\x7f");
  CHECK(printable("a\xE2\x80\xAE"
                  "b\xC2\x9B"
                  "c\xE2\x80\xA8") == "a\\u202eb\\u009bc\\u2028");
  CHECK(printable("a\nb\tc\r", "\n\t") == "a\nb\tc\\r");
  CHECK(printable("é語🎉\xFF") == "é語🎉\\xff");
  CHECK(find_command("é語🎉") == std::string::npos);
  CHECK(find_command("ab\x1b") == 2);
  CHECK(find_command("\xE2\x81\xA6") == 0);
}

TEST_CASE("excerpts are short and show control characters") {
  CHECK(excerpt("a\tb\n") == "a\\tb\\n");
  CHECK(excerpt("abcdef", 3) == "abc...");
  CHECK(excerpt("é\xFF\x01") == "é\\xff\\x01");
}
