// Row spaces (chains, joins, fixed rows) and the two spellings of a type.
#include "compiler/types/type.h"

#include <catch2/catch.hpp>

using namespace mtl::types;

TEST_CASE("spaces form chains") {
  Spaces spaces;
  const SpaceId atis = spaces.add_source("atis"), snips = spaces.add_source("snips");
  const SpaceId t = spaces.add_ragged(atis, "T"), c = spaces.add_ragged(t, "C");
  CHECK(spaces.add_source("atis") == atis);
  CHECK(spaces.add_ragged(atis, "T") == t);
  CHECK(spaces.add_ragged(snips, "T") != t);
  CHECK(spaces[c].name == "atis.T.C");
  CHECK(spaces[c].depth == 2);
  CHECK(spaces[c].source == "atis");
  CHECK(spaces.find("atis.T") == t);
  CHECK(spaces.find("") == kUniform);
  CHECK(spaces.is_ancestor(atis, c));
  CHECK(spaces.is_ancestor(kUniform, c));
  CHECK(spaces.is_ancestor(c, c));
  CHECK_FALSE(spaces.is_ancestor(c, t));
  CHECK_FALSE(spaces.is_ancestor(snips, c));
  CHECK(spaces.join(atis, c) == c);
  CHECK(spaces.join(c, kUniform) == c);
  CHECK_FALSE(spaces.join(snips, t).has_value());
  CHECK(spaces.ragged(c) == std::vector<std::string>{"T", "C"});
}

TEST_CASE("fixed spaces are found again by parent and rows") {
  Spaces spaces;
  const SpaceId s = spaces.add_source("s");
  const SpaceId fixed = spaces.add_fixed(s, 14);
  CHECK(spaces.add_fixed(s, 14) == fixed);
  CHECK(spaces.add_fixed(s, 15) != fixed);
  CHECK(spaces.add_fixed(kUniform, 14) != fixed);
  CHECK(spaces[fixed].name == "s[14]");
  CHECK(spaces[fixed].fixed == Dim(14));
  CHECK(spaces.join(s, fixed) == fixed);
  CHECK(source_text({DType::f32, fixed, {8}}, spaces) == "f32[14, 8]");
  Spaces same = spaces;
  CHECK(same == spaces);
  same.add_source("other");
  CHECK_FALSE(same == spaces);
}

TEST_CASE("types print in two ways") {
  Spaces spaces;
  const SpaceId t = spaces.add_ragged(spaces.add_source("atis"), "T");
  CHECK(graph_text({DType::f32, t, {128}}, spaces) == "f32<atis.T>[128]");
  CHECK(graph_text({DType::i32, t, {}}, spaces) == "i32<atis.T>");
  CHECK(graph_text({DType::f32, kUniform, {26, 256}}, spaces) == "f32[26, 256]");
  CHECK(graph_text({}, spaces) == "f32");
  CHECK(source_text({DType::f32, t, {128}}, spaces) == "f32[T, 128]");
  CHECK(source_text({DType::boolean, t, {}}, spaces) == "bool[T]");
}
