// What packages need of runtime/core/text.h beyond what tests/unit/runtime/data/text_test.cpp checks.
#include "runtime/core/text.h"

#include <catch2/catch.hpp>
#include <random>

#include "support/base/text.h"

using namespace mtl::runtime;

TEST_CASE("plain UTF-8 is what data files may consist of") {
  std::mt19937 random(5);
  const unsigned char telling[] = {0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xA0, 0x9F, 0xED,
                                   0xEF, 0xF0, 0x90, 0x8F, 0xF4, 0xF5, 0xFF, 0xE2, 0x82, 0xAC, 0x00};
  int good = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (size_t size = random() % 6; size > 0; --size) text += static_cast<char>(telling[random() % sizeof telling]);
    const bool expected = text.find('\0') == std::string::npos && mtl::find_invalid_utf8(text) == std::string::npos;
    if (is_plain_utf8(text) != expected) FAIL(mtl::excerpt(text));
    good += expected ? 1 : 0;
  }
  CHECK(good > 1000);
}

TEST_CASE("lower case reuses memory") {
  std::string out(100, 'x');
  const char* const place = out.data();
  lower_text("ÄPFEL und Übermut", out);
  CHECK(out == "äpfel und übermut");
  CHECK(out.data() == place);
  CHECK(lower_text("ΑΒΓ") == "αβγ");
}
