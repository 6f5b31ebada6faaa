#include "compiler/syntax/parse.h"

#include <catch2/catch.hpp>

using namespace mtl;
using namespace mtl::syntax;

TEST_CASE("an empty file parses") {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const File file = parse(sources.add("a.mtl", ""), emitter);
  CHECK(file.decls.empty());
  CHECK_FALSE(emitter.has_errors());
}
