// Tests of runtime/data/vectors.h.
#include "runtime/data/vectors.h"

#include <catch2/catch.hpp>

#include "tests/unit/runtime/data/fixture.h"

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
  IdSet set;
  std::optional<Fitted::Vectors> vectors;
  Parsed(const char* text, bool lowercase = false, size_t most = 0) : set(words(lowercase)) {
    vectors = parse_vectors(text, "v.txt", "en", most, set, emitter);
  }
  // [words, width]: zeros where there is no vector.
  std::vector<float> dense() const {
    std::vector<float> out(set.size() * static_cast<size_t>(vectors->width));
    for (size_t word = 0; word < set.size(); ++word)
      if (const float* row = vectors->find(word))
        std::copy_n(row, vectors->width, out.begin() + static_cast<int64_t>(word) * vectors->width);
    return out;
  }
  std::vector<bool> known() const {
    std::vector<bool> out;
    for (const int32_t row : vectors->row_of) out.push_back(row >= 0);
    return out;
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
    CHECK(parsed.dense() == std::vector<float>{0, 0, 3, -0.4f, 0, 0, 1, 2});
    CHECK(parsed.known() == std::vector<bool>{false, true, false, true});
  }
}

TEST_CASE("a vocabulary in lower case prefers the row of the word itself") {
  const Parsed parsed("Cat 9 9\nDOG 5 5\ncat 1 2\nDog 6 6\n", true);
  REQUIRE(parsed.vectors);
  CHECK(parsed.dense() == std::vector<float>{0, 0, 1, 2, 5, 5, 0, 0});
}

TEST_CASE("words with blanks in them are other words; malformed lines are counted") {
  const Parsed parsed("dog 1 2\ncat dog 8 8\nthe 1\ncat x 2\n. . 3 4\nthe 5 6\n");
  REQUIRE(parsed.vectors);
  CHECK(parsed.dense() == std::vector<float>{0, 0, 0, 0, 1, 2, 5, 6});
  REQUIRE(parsed.codes() == "W0503 ");
  const auto report = parsed.emitter.sorted()[0];
  CHECK(report.message == "2 lines of `v.txt` left out: not a word and its numbers");
  CHECK(report.files[0].line == 3);
}

TEST_CASE("a line that is not finite, has more numbers or is no text is left out, whichever it is") {
  const Parsed first("cat nan 1\ndog 1 2\nthe 3 4\n");
  REQUIRE(first.vectors);
  CHECK(first.vectors->width == 2);
  CHECK(first.dense() == std::vector<float>{0, 0, 0, 0, 1, 2, 3, 4});
  CHECK(first.emitter.sorted()[0].message == "1 line of `v.txt` left out: not a word and its numbers");
  const Parsed more(
      "dog 1 2\ncat 1 2 3\nbird 1 2 3\nb\xFF"
      "d 1 2\nthe 1e-400 -1e-50\ncat 1 1e39\n");
  REQUIRE(more.vectors);
  CHECK(more.dense() == std::vector<float>{0, 0, 0, 0, 1, 2, 0, 0});
  CHECK(more.emitter.sorted()[0].message == "4 lines of `v.txt` left out: not a word and its numbers");
}

TEST_CASE("a vector takes no more memory than its line, however wide the first one is") {
  std::string text = "cat";
  for (int i = 0; i < 100000; ++i) text += " 1";
  const Parsed parsed(text.c_str(), false, 3);
  REQUIRE(parsed.vectors);
  CHECK(parsed.vectors->width == 100000);
  CHECK(parsed.vectors->values.size() == 100000);
}

TEST_CASE("a file of vectors is read piece by piece, whatever its line ends") {
  Folder folder;
  std::string text = "\xEF\xBB\xBF";
  for (int i = 0; i < 200000; ++i) text += "other" + std::to_string(i) + " 1 2\r\n";
  folder.write("v.txt", text + "the 5 6");
  folder.write("mac.txt", "cat 1 2\rthe 5 6\r");
  for (const char* name : {"v.txt", "mac.txt"}) {
    mtl::SourceMap sources;
    mtl::diag::Emitter emitter(&sources);
    IdSet set = words(false);
    VocabSpec vocab;
    vocab.name = "en";
    vocab.keep = 0;
    const auto vectors = read_vectors(folder.path() + "/" + name, vocab, set, emitter);
    REQUIRE(vectors);
    CHECK(emitter.sorted().empty());
    REQUIRE(vectors->find(3) != nullptr);
    CHECK(vectors->find(3)[1] == 6);
  }
}

TEST_CASE("files without vectors, or without any known word") {
  CHECK(Parsed("hello\nworld\n").codes() == "E0526 ");
  const Parsed other("bird 1 2\n");
  CHECK(other.vectors);
  CHECK(other.codes() == "W0504 ");
}

TEST_CASE("words that only the file has are kept from its beginning, up to a number") {
  const Parsed parsed("bird 7 8\nthe 1 2\nBird 9 9\n. . 3 3\nfish 5\nfrog 6 x\n\xff 1 1\ncow 3 4\nhen 5 6\n", false, 7);
  REQUIRE(parsed.vectors);
  CHECK(parsed.set.names == std::vector<std::string>{"<unk>", "cat", "dog", "the", "bird", "Bird", "cow"});
  CHECK(parsed.dense() == std::vector<float>{0, 0, 0, 0, 0, 0, 1, 2, 7, 8, 9, 9, 3, 4});
  CHECK(parsed.known() == std::vector<bool>{false, false, false, true, true, true, true});
  CHECK(parsed.vectors->coverage.more == 3);
  const Parsed lower("Bird 7 8\nBIRD 1 1\nbird 9 9\nThe 5 6\n", true, 99);
  REQUIRE(lower.vectors);
  CHECK(lower.set.names.back() == "bird");
  CHECK(lower.dense() == std::vector<float>{0, 0, 0, 0, 0, 0, 5, 6, 9, 9});
  CHECK(lower.vectors->coverage.found == 1);
  CHECK(lower.vectors->coverage.folded == 1);
  CHECK(lower.vectors->coverage.words == 3);
}

TEST_CASE("words of dev have their vectors, and how many words the file has is counted") {
  Folder folder;
  folder.write("train", "The\ncat\nThe\n");
  folder.write("dev", "bird\nhen\nThe\n");
  folder.write("glove.txt", "the 1 2\nbird 3 4\ncat 5 6\nlater 7 8\n");
  Spec spec = one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0})))});
  spec.sources[0].dev = {"dev"};
  spec.vocabs[0].embeddings = "glove.txt";
  {
    const Loading loading(spec, folder);
    REQUIRE(loading.data);
    const VectorCoverage& coverage = loading.data->fitted.vectors.at("en").coverage;
    CHECK(coverage.words == 2);
    CHECK(coverage.found == 1);
    CHECK(coverage.would_fold == 1);
    CHECK(coverage.others == 2);
    CHECK(coverage.others_found == 1);
    CHECK(coverage.more == 3);
    const int32_t bird = loading.data->fitted.vocabs.at("en").id_of("bird");
    CHECK(loading.data->sources[0].dev.columns.at("w").ids == std::vector<int32_t>{bird, 0, 1});
  }
  spec.vocabs[0].keep = 0;
  const Loading none(spec, folder);
  REQUIRE(none.data);
  CHECK(none.data->fitted.vocabs.at("en").size() == 3);
  spec.vocabs[0].keep = 10;
  spec.vocabs[0].max_size = 4;
  const Loading few(spec, folder);
  REQUIRE(few.data);
  CHECK(few.data->fitted.vocabs.at("en").names.back() == "the");
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
