// Reading for prediction, and the JSON that a model file carries.
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/data/record.h"
#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

namespace {

Spec tagging_with_letters() {
  return one_source(
      Format::conll,
      {along({"T"}, column("words", ValueKind::token, at({0}))),
       along({"T", "C"}, column("letters", ValueKind::token, at({0}), {transform(Kind::characters)})),
       along({"T"}, column("tags", ValueKind::label, at({1}))), column("intent", ValueKind::label, comment("intent"))},
      {{"en", true}});
}
const char* const kTwoWords = "# intent = play\nPlay\tO\njazz\tB\n";

struct Encoded {
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter{&sources};
  std::optional<RawInput> input;
  Encoded(const Spec& spec, const Fitted& fitted, const Names& columns, RawFormat format, std::string_view text) {
    input = encode_text(spec.sources[0], fitted, columns, format, text, "input", emitter);
  }
  std::string report() const { return emitter.error_count() == 1 ? emitter.sorted()[0].kind->code : "none or many"; }
};

}  // namespace

TEST_CASE("raw lines are texts of the one text column") {
  Folder folder;
  folder.write("train", kTwoWords);
  const Spec spec = tagging_with_letters();
  const Loading loading(spec, folder);
  const Encoded encoded(spec, loading.data->fitted, {"words", "letters"}, RawFormat::lines, "Play jazz!\n\nplay\r\n");
  REQUIRE(encoded.input);
  CHECK(encoded.input->split.examples == 2);
  CHECK(encoded.input->split.ragged.at("T").offsets == Ids{0, 3, 4});
  CHECK(encoded.input->split.columns.count("tags") == 0);
  const IdSet& words = loading.data->fitted.vocabs.at("en");
  CHECK(encoded.input->split.columns.at("words").ids ==
        Ids{words.find("play"), words.find("jazz"), 0, words.find("play")});
  using Places = std::vector<mtl::runtime::TextRange>;
  const Tokens& tokens = encoded.input->examples[0].tokens.at("T");
  CHECK(tokens.texts == Names{"Play", "jazz", "!"});
  CHECK(tokens.places == Places{{0, 4}, {5, 9}, {9, 10}});
  CHECK(encoded.input->examples[1].row == -1);
  CHECK(encoded.input->examples[2].row == 1);
}

TEST_CASE("CoNLL input may lack its label columns") {
  Folder folder;
  folder.write("train", kTwoWords);
  const Spec spec = tagging_with_letters();
  const Loading loading(spec, folder);
  const Encoded bare(spec, loading.data->fitted, {"words", "tags", "intent"}, RawFormat::source, "play\nit\n\njazz\n");
  REQUIRE(bare.input);
  CHECK(bare.input->split.ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(bare.input->split.columns.at("tags").ids == Ids{kMissing, kMissing, kMissing});
  CHECK(bare.input->split.columns.at("intent").ids == Ids{kMissing, kMissing});
  CHECK(bare.input->examples[0].token_starts == std::vector<size_t>{0, 5});
  CHECK(bare.input->examples[0].token_dim == "T");
  const Encoded full(spec, loading.data->fitted, {"words", "tags"}, RawFormat::source, "play\tO\nit\tZZZ\n");
  REQUIRE(full.input);
  CHECK(full.input->split.columns.at("tags").ids == Ids{loading.data->fitted.sets.at("s.tags").find("O"), kUnseen});
  CHECK(full.emitter.sorted().empty());
}

TEST_CASE("tables may lack label columns but no inputs; several inputs are no raw line") {
  Folder folder;
  folder.write("train", "n\tc\ty\n1\ta\tX\n3\tb\tY\n");
  const Spec spec = one_source(
      Format::tsv, {column("n", ValueKind::number, named({"n"}), {transform(Kind::standardize)}),
                    column("c", ValueKind::category, named({"c"})), column("y", ValueKind::label, named({"y"}))});
  const Loading loading(spec, folder);
  const Encoded table(spec, loading.data->fitted, {"n", "c", "y"}, RawFormat::source, "c\tn\nb\t5\nz\t1\n");
  REQUIRE(table.input);
  CHECK(table.input->split.columns.at("n").numbers == std::vector<float>{3, -1});
  CHECK(table.input->split.columns.at("c").ids == Ids{2, 0});
  CHECK(table.input->split.columns.at("y").ids == Ids{kMissing, kMissing});
  CHECK(Encoded(spec, loading.data->fitted, {"n", "c"}, RawFormat::source, "c\nb\n").report() == "E0508");
  CHECK(Encoded(spec, loading.data->fitted, {"n"}, RawFormat::lines, "5\n").report() == "E0530");
  CHECK(Encoded(spec, loading.data->fitted, {"n"}, RawFormat::source, "").report() == "E0503");
}

TEST_CASE("encode_split reads a split with what was fitted") {
  Folder folder;
  folder.write("train", kTwoWords);
  folder.write("test", "# intent = stop\nplay\tO\n\njazz\tB\n");
  Spec spec = tagging_with_letters();
  Loading loading(spec, folder);
  spec.sources[0].test = {"test"};
  const auto split = encode_split(spec.sources[0], "test", loading.data->fitted, loading.options, loading.emitter);
  REQUIRE(split);
  CHECK(split->columns.at("intent").ids == Ids{kUnseen, kMissing});
  CHECK(loading.report() ==
        "W0500 `s.intent`: 1 label of test that train does not have: `stop`; 1 example, counted as wrong");
}

TEST_CASE("encode_split takes dev from train as load does") {
  Folder folder;
  std::string rows = "n\ty\n";
  for (int i = 0; i < 20; ++i) rows += std::to_string(i) + "\tX\n";
  folder.write("train", rows);
  Spec spec = one_source(Format::tsv,
                         {column("n", ValueKind::number, named({"n"})), column("y", ValueKind::label, named({"y"}))});
  CHECK(!has_split(spec.sources[0], "dev"));
  spec.sources[0].holdout_count = 6;
  CHECK(has_split(spec.sources[0], "dev"));
  Loading loading(spec, folder);
  const Source& source = loading.data->sources[0];
  for (const auto& [name, whole] : {std::pair("train", &source.train), std::pair("dev", &source.dev)}) {
    const auto split = encode_split(spec.sources[0], name, loading.data->fitted, loading.options, loading.emitter);
    REQUIRE(split);
    CHECK(split->columns.at("n").numbers == whole->columns.at("n").numbers);
  }
  CHECK(source.dev.examples == 6);
}

TEST_CASE("Fitted goes to JSON and back") {
  Folder folder;
  folder.write("train", "w\tn\tx\ty\nÄpfel \"a\"\t1\t2\tX\nb\t3\t9\tY\n");
  const Spec spec =
      one_source(Format::tsv,
                 {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, " ")})),
                  column("n", ValueKind::number, named({"n"}), {transform(Kind::log1p), transform(Kind::standardize)}),
                  column("x", ValueKind::label, named({"x"}), {bins(2)}), column("y", ValueKind::label, named({"y"}))});
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  const std::string json = to_json(loading.data->fitted);
  std::string why;
  const auto back = fitted_from_json(json, why);
  REQUIRE(back);
  CHECK(to_json(*back) == json);
  CHECK(back->numbers.at("s.n").mean == loading.data->fitted.numbers.at("s.n").mean);
  CHECK(back->vocabs.at("en").names == loading.data->fitted.vocabs.at("en").names);
  CHECK(fits_spec(*back, spec, why));
}

TEST_CASE("what is read from a model file is not trusted") {
  std::string why;
  const auto refused = [&](const char* json) {
    why.clear();
    return !fitted_from_json(json, why) && !why.empty();
  };
  CHECK(refused(""));
  CHECK(refused("[]"));
  CHECK(refused("{\"version\": 2}"));
  CHECK(refused("{\"version\": 1, \"vocabs\": {}}"));
  CHECK(refused("{\"version\": 1, \"vocabs\": {\"en\": 3}, \"sets\": {}, \"numbers\": {}}"));
  const std::string head =
      "{\"version\": 1, \"sets\": {}, \"numbers\": {}, \"vocabs\": {\"en\": {\"lowercase\": false, \"has_unknown\": "
      "true, \"names\": ";
  CHECK(refused((head + "[\"a\", \"a\"]}}}").c_str()));
  CHECK(refused((head + "[\"a\", 1]}}}").c_str()));
  CHECK(refused((head + "[]}}}").c_str()));
  CHECK(refused(
      "{\"version\": 1, \"vocabs\": {}, \"sets\": {}, \"numbers\": {\"s.n\": {\"mean\": [1], \"deviation\": []}}}"));
  CHECK(refused("{\"version\": 1, \"vocabs\": {}, \"sets\": {}, \"numbers\": {\"s.n\": {\"mean\": [\"x\"]}}}"));

  const Spec spec =
      one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}), {transform(Kind::standardize)})});
  const auto empty =
      fitted_from_json("{\"version\": 1, \"vocabs\": {}, \"sets\": {}, \"numbers\": {\"s.n\": {}}}", why);
  REQUIRE(empty);
  CHECK_FALSE(fits_spec(*empty, spec, why));
  CHECK(why == "`s.n` lacks its mean");
}

namespace {

// What the readers say of a text that comes in two parts, the first of which ends behind `cut` bytes.
std::string read_in_parts(Format format, std::string_view text, size_t cut) {
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter(&sources);
  SkipBudget budget{100, 0, {}, 0};
  Rows rows("input", emitter, budget);
  std::string said;
  const auto note = [&](const std::string& what, uint64_t line) { said += what + "@" + std::to_string(line) + ";"; };
  Sink sink;
  sink.layout = [](const Layout&) { return true; };
  sink.record = [&](const Record& record) {
    for (const std::string_view cell : record.cells) said += std::string(cell) + "|";
    for (const Comment& comment : record.comments) said += std::string(comment.key) + "=";
    note("", record.line);
  };
  sink.skipped = [&](uint64_t line, std::string_view) { note("bad", line); };
  ReadState state;
  state.last = false;
  const size_t taken = read_part({format, "", true}, text.substr(0, cut), state, rows, sink);
  state.last = true;
  CHECK(taken <= cut);
  read_part({format, "", true}, text.substr(taken), state, rows, sink);
  CHECK(emitter.error_count() == 0);
  return said;
}

}  // namespace

TEST_CASE("a text is read alike wherever it is cut into parts") {
  const std::string csv = "a,b\r\n1,\"x,\n\"\"y\"\r\n\n2\n\"q\"z,3\n4,\n5,\"end\"";
  const std::string tsv = "a\tb\n1\t2\n\n3\n\xFF\t\xFF\n4\t\n5\t6";
  const std::string conll = "-DOC\tx\n\n# k = v\na\tA\nb\tB\n\n \nc\n\n# l = w\r\nd\tD\r\n\r\n\n# rest\n";
  const std::string jsonl = "{\"a\": 1}\n\n[2]\n{\n{\"a\": 3}";
  for (const auto& [format, text] :
       {std::pair{Format::csv, csv}, {Format::tsv, tsv}, {Format::conll, conll}, {Format::jsonl, jsonl}}) {
    const std::string whole = read_in_parts(format, text, 0);
    CHECK(whole.find("bad@") != std::string::npos);
    for (size_t cut = 1; cut <= text.size(); ++cut) {
      INFO(format_name(format) << " cut behind " << cut);
      CHECK(read_in_parts(format, text, cut) == whole);
    }
  }
}

TEST_CASE("a CoNLL file whose first part has spaces alone cannot have tabs behind it") {
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter(&sources);
  SkipBudget budget;
  Rows rows("input", emitter, budget);
  Sink sink;
  sink.layout = [](const Layout&) { return true; };
  sink.record = [](const Record&) {};
  ReadState state;
  state.last = false;
  CHECK(read_part({Format::conll, "", true}, "# a = b\n\n", state, rows, sink) == 9);
  CHECK(read_part({Format::conll, "", true}, "a A\n\n", state, rows, sink) == 5);
  CHECK(state.lines == 4);
  read_part({Format::conll, "", true}, "b\tB\n\n", state, rows, sink);
  CHECK(emitter.sorted().at(0).kind->code == std::string("E0740"));
}
