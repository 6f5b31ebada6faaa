// Tests of support/base/source.h.
#include "support/base/source.h"

#include <catch2/catch.hpp>

using namespace mtl;

TEST_CASE("lines end with LF, CRLF or CR") {
  const SourceFile file("a.mtl", "one\r\ntwo\nthree\rfour");
  REQUIRE(file.line_count() == 4);
  CHECK(file.line(1) == "one");
  CHECK(file.line(2) == "two");
  CHECK(file.line(3) == "three");
  CHECK(file.line(4) == "four");
  CHECK(file.line_start(2) == 5);
  CHECK(file.locate(5).line == 2);
  CHECK(file.locate(5).column == 1);
}

TEST_CASE("columns count code points and skip a byte order mark") {
  const SourceFile file("a.mtl", "\xEF\xBB\xBFé=1\n");
  CHECK(file.locate(3).column == 1);
  CHECK(file.locate(5).column == 2);
  CHECK(file.locate(1000).line == 2);
}

TEST_CASE("ranges cover each other within one file") {
  const SourceRange a{1, 4, 6}, b{1, 10, 12}, other{2, 0, 1};
  CHECK(a.cover(b) == SourceRange{1, 4, 12});
  CHECK(a.cover(other) == a);
  CHECK(SourceRange{}.cover(a) == a);
  CHECK(a.cover({}) == a);
}

TEST_CASE("a source map counts files from one") {
  SourceMap map;
  const FileId id = map.add("x.mtl", "");
  CHECK(id == 1);
  CHECK(map.file(id).path() == "x.mtl");
  CHECK(map.file(id).line_count() == 1);
  CHECK(map.file(id).line(1).empty());
}
