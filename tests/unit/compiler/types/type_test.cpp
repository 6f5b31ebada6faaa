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

TEST_CASE("spaces of pairs copy a dimension of the data") {
  Spaces spaces;
  const SpaceId s = spaces.add_source("s"), q = spaces.add_ragged(s, "Q"), c = spaces.add_ragged(s, "C");
  const SpaceId pairs = spaces.add_copies(q, c);
  CHECK(spaces[pairs].name == "s.Q.{s.C}");
  CHECK(spaces[pairs].depth == 2);
  CHECK(spaces.add_copies(q, c) == pairs);
  CHECK(spaces.add_copies(s, c) == c);
  CHECK(source_text({DType::f32, pairs, {8}}, spaces) == "f32[Q, C, 8]");
  CHECK(spaces.same_dim(pairs, c));
  CHECK_FALSE(spaces.same_dim(pairs, q));
  // A copy of a copy is one of the data; a fixed space has no copies, a sum is one of copies.
  const SpaceId deep = spaces.add_fixed(pairs, 2);
  CHECK(spaces[spaces.add_copies(deep, pairs)].copies == c);
  CHECK(spaces.add_copies(q, spaces.add_fixed(s, 3)) == spaces.add_fixed(q, 3));
  const SpaceId longer = spaces.add_copies(q, spaces.add_length(s, Dim::atom("C") + Dim(1)));
  CHECK(spaces[longer].name == "s.Q.(C + 1)");
  CHECK(spaces.ragged_child(q, "C") == pairs);
  CHECK(spaces.path_up(deep, s) == std::vector<SpaceId>{pairs, q});
  CHECK(spaces.same_dim(longer, spaces.add_length(s, Dim::atom("C") + Dim(1))));
  CHECK_FALSE(spaces.same_dim(longer, pairs));
  // A nested dimension of the data is another.
  CHECK(spaces.add_ragged(q, "C") != pairs);
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
