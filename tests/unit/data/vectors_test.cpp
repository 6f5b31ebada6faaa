#include "data/vectors.h"

#include <catch2/catch.hpp>

#include "tests/unit/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {
IdSet words(bool lowercase) {
  IdSet out;
  out.has_unknown = true;
  out.lowercase = lowercase;
  for (const char* word : {"<unk>", "cat", "dog", "the"}) out.add(word);
  return out;
}
struct Parsed {
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter{&sources};
  std::optional<Fitted::Vectors> vectors;
  Parsed(const char* text, bool lowercase = false) {
    vectors = parse_vectors(text, "v.txt", "en", words(lowercase), emitter);
  }
  std::string codes() const {
    std::string out;
    for (const auto& d : emitter.sorted()) out += std::string(d.kind->code) + " ";
    return out;
  }
};
}  // namespace

TEST_CASE("rows of known words are kept, with and without a header line") {
  for (const char* text : {"the 1 2\nbird 7 7\ncat 3 -4e-1\n", "3 2\nthe 1 2\nbird 7 7\ncat 3 -4e-1\n"}) {
    const Parsed parsed(text);
    REQUIRE(parsed.vectors);
    CHECK(parsed.codes().empty());
    CHECK(parsed.vectors->width == 2);
    CHECK(parsed.vectors->values == std::vector<float>{0, 0, 3, -0.4f, 0, 0, 1, 2});
    CHECK(parsed.vectors->known == std::vector<bool>{false, true, false, true});
  }
}

TEST_CASE("a vocabulary in lower case prefers the row of the word itself") {
  const Parsed parsed("Cat 9 9\nDOG 5 5\ncat 1 2\nDog 6 6\n", true);
  REQUIRE(parsed.vectors);
  CHECK(parsed.vectors->values == std::vector<float>{0, 0, 1, 2, 5, 5, 0, 0});
}

TEST_CASE("words with blanks in them are other words; malformed lines are counted") {
  const Parsed parsed("dog 1 2\ncat dog 8 8\nthe 1\ncat x 2\n. . 3 4\nthe 5 6\n");
  REQUIRE(parsed.vectors);
  CHECK(parsed.vectors->values == std::vector<float>{0, 0, 0, 0, 1, 2, 5, 6});
  REQUIRE(parsed.codes() == "W0503 ");
  const auto report = parsed.emitter.sorted()[0];
  CHECK(report.message == "2 lines of `v.txt` left out: not a word and its numbers");
  CHECK(report.files[0].line == 3);
}

TEST_CASE("files without vectors, or without any known word") {
  CHECK(Parsed("hello\nworld\n").codes() == "E0526 ");
  const Parsed other("bird 1 2\n");
  CHECK(other.vectors);
  CHECK(other.codes() == "W0504 ");
}

TEST_CASE("vectors are loaded with the data") {
  Folder folder;
  folder.write("train", "the\ncat\n");
  folder.write("glove.txt", "the 1 2 3\n");
  Spec spec = one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0})))});
  spec.vocabs[0].embeddings = "glove.txt";
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.vectors.at("en").width == 3);
  spec.vocabs[0].embeddings = "none.txt";
  CHECK(Loading(spec, folder).report().substr(0, 14) == "E0500 none.txt");
}
