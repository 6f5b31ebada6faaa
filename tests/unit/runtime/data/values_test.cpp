// What a cell's text becomes: blanks around it, marks of missing values, ways to write numbers, pieces of `split`.
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/data/input.h"
#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

namespace {

// Numbers of column `n`; NaN is -1 here.
std::vector<float> numbers_of(const Spec& spec, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  std::vector<float> out = loading.train().columns.at("n").numbers;
  for (float& x : out) x = std::isnan(x) ? -1 : x;
  return out;
}
std::string report_of(const Spec& spec, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder);
  CHECK_FALSE(loading.data);
  return loading.report();
}
Names labels_of(Format format, const std::string& train, bool trim = true) {
  Spec spec = one_source(format, {column("y", ValueKind::label, named({"y"}))});
  spec.sources[0].trim = trim;
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  return loading.data->fitted.sets.at("s.y").names;
}
ColumnSpec number(std::vector<Transform> transforms = {}) {
  return column("n", ValueKind::number, named({"n"}), std::move(transforms));
}

}  // namespace

TEST_CASE("marks of missing values are numbers in a column of numbers") {
  Spec spec = one_source(Format::csv, {number()});
  spec.sources[0].missing = {"-200", "1e3"};
  CHECK(numbers_of(spec, "n\n1\n-200\n-200.0\n -2e2 \n1000\n200\n") == std::vector<float>{1, -1, -1, -1, -1, 200});
  Spec labels = one_source(Format::csv, {column("y", ValueKind::label, named({"y"}))});
  labels.sources[0].missing = {"-200"};
  Folder folder;
  folder.write("train", "y\n-200\n-200.0\n");
  CHECK(Loading(labels, folder).data->fitted.sets.at("s.y").names == Names{"-200.0"});  // a text is a text
}

TEST_CASE("marks of missing values are compared with JSON numbers") {
  Spec spec = one_source(Format::jsonl, {number()});
  spec.sources[0].missing = {"-200"};
  CHECK(numbers_of(spec, "{\"n\": -200}\n{\"n\": -200.0}\n{\"n\": \"-200.00\"}\n{\"n\": 2}\n") ==
        std::vector<float>{-1, -1, -1, 2});
}

TEST_CASE("marks of missing values are compared with pieces of numbers and with bins") {
  Spec row = one_source(Format::csv, {shaped({3}, number({transform(Kind::split, ";")}))});
  row.sources[0].missing = {"-9", ""};
  CHECK(numbers_of(row, "n\n1;-9.0;3\n4;;6\n") == std::vector<float>{1, -1, 3, 4, -1, 6});
  Spec bin = one_source(Format::csv, {column("n", ValueKind::label, named({"n"}), {bins(2)})});
  bin.sources[0].missing = {"-9"};
  Folder folder;
  folder.write("train", "n\n1\n-9.00\n3\n");
  CHECK(Loading(bin, folder).train().columns.at("n").ids == Ids{0, -1, 1});
}

TEST_CASE("numbers with a decimal comma and parted thousands") {
  Spec spec = one_source(Format::csv, {number()});
  SourceSpec& source = spec.sources[0];
  source.separator = ";";
  source.decimal = ",";
  source.thousands = ".";
  source.missing = {"-200"};
  CHECK(numbers_of(spec, "n\n1,5\n1.234,5\n1.234.567\n-200,0\n12\n,5\n1,5e2\n") ==
        std::vector<float>{1.5f, 1234.5f, 1234567, -1, 12, 0.5f, 150});
  CHECK(report_of(spec, "n\n1.5\n") ==
        "E0510 train:2 `1.5` is not a number (column `n`) // in the source, `decimal = \".\"` reads it as 1.5");
  source.thousands = "";
  CHECK(report_of(spec, "n\n1.500\n") ==
        "E0510 train:2 `1.500` is not a number (column `n`) // in the source, `decimal = \".\"` reads it as 1.5, and "
        "`thousands = \".\"` reads it as 1500");
}

TEST_CASE("JSON numbers are JSON's, whatever the source says of numbers in texts") {
  Spec spec = one_source(Format::jsonl, {number()});
  spec.sources[0].decimal = ",";
  spec.sources[0].thousands = ".";
  CHECK(numbers_of(spec, "{\"n\": 1.234}\n{\"n\": \"1.234\"}\n{\"n\": 2}\n{\"n\": 1.5e3}\n") ==
        std::vector<float>{1.234f, 1234, 2, 1500});
}

TEST_CASE("a text that is a number of another country says which setting reads it") {
  const Spec spec = one_source(Format::tsv, {number()});
  const auto help = [&](const std::string& cell) {
    const std::string report = report_of(spec, "n\n" + cell + "\n");
    const size_t at = report.find(" // ");
    return at == std::string::npos ? "" : report.substr(at + 4);
  };
  CHECK(help("1,500") == "in the source, `thousands = \",\"` reads it as 1500, and `decimal = \",\"` reads it as 1.5");
  CHECK(help("3,14") == "in the source, `decimal = \",\"` reads it as 3.14");
  CHECK(help("1.234,5") == "in the source, `decimal = \",\"` with `thousands = \".\"` reads it as 1234.5");
  CHECK(help("1,234.5") == "in the source, `thousands = \",\"` reads it as 1234.5");
  CHECK(help("12 000") == "in the source, `thousands = \" \"` reads it as 12000");
  CHECK(help("N/A") == "`missing = [\"N/A\"]` in the source says that this is a missing value");
  CHECK(help("inf") == "numbers are finite");
  CHECK(help("1,2,3").empty());
}

TEST_CASE("blanks around values and names do not count, unless trim = false") {
  CHECK(labels_of(Format::csv, "x, y \n1,pos\n2, pos \n3,pos\u00A0\n4,\u3000pos\n") == Names{"pos"});
  CHECK(labels_of(Format::csv, "x,y\n1,pos\n2,pos \n", false) == Names{"pos", "pos "});
  CHECK(labels_of(Format::csv, "\"x\", \"y\"\n1, \"a, b\" \n2,\t\"a, b\"\r\n") == Names{"a, b"});
  CHECK(labels_of(Format::tsv, "x\ty\n1\t\"pos\" \n") == Names{"\"pos\""});
  CHECK(labels_of(Format::jsonl, "{\"y \": \" pos\"}\n{\"y\": \"pos\"}\n") == Names{"pos"});
  Spec conll = one_source(Format::conll, {along({"T"}, column("tags", ValueKind::label, at({1}))),
                                          column("y", ValueKind::label, comment("y"))});
  Folder folder;
  folder.write("train", "# y = a \nx\tO \ny\tO\n\n# y = a\nz\tO\n");
  Loading loading(conll, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.tags").names == Names{"O"});
  CHECK(loading.data->fitted.sets.at("s.y").names == Names{"a"});
  conll.sources[0].trim = false;
  const Loading kept(conll, folder);
  REQUIRE(kept.data);
  CHECK(kept.data->fitted.sets.at("s.tags").names == Names{"O", "O "});
  CHECK(kept.data->fitted.sets.at("s.y").names == Names{"a", "a "});
}

TEST_CASE("a token of blanks alone is a token; one without characters is none") {
  const Spec spec = one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0})))});
  Folder folder;
  folder.write("train", "\u00A0\tO\n \tO\nx \tO\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", " ", "x", "\u00A0"});
  CHECK(report_of(spec, "\tO\nx\tO\n") ==
        "E0512 train:1 the cell of column `w` is empty // a token has at least one character: leave its line out, or "
        "write "
        "a word for it");
}

TEST_CASE("empty pieces of split are nothing") {
  const Spec spec =
      one_source(Format::csv, {along({"G"}, column("g", ValueKind::token, named({"g"}), {transform(Kind::split, "|")})),
                               column("s", ValueKind::labels, named({"g"}), {transform(Kind::split, "|")})});
  Folder folder;
  folder.write("train", "g\na|b\na | \n|b\na||b\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.reports().empty());
  CHECK(loading.train().ragged.at("G").offsets == Ids{0, 2, 3, 4, 6});
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "a", "b"});
  CHECK(loading.train().columns.at("s").numbers == std::vector<float>{1, 1, 1, 0, 0, 1, 1, 1});
}

TEST_CASE("an empty piece has a place in a row, and among numbers where it is missing") {
  const Spec row = one_source(Format::csv, {shaped({3}, number({transform(Kind::split, ";")}))});
  CHECK(report_of(row, "n\n1;;3\n") ==
        "E0512 train:2 value 2 of column `n` is empty // `missing = [\"\"]` in the source says that empty cells are "
        "missing "
        "values; `fill(...)` puts something in their place");
  Spec series = one_source(Format::csv, {along({"T"}, number({transform(Kind::split, ";")}))});
  CHECK(numbers_of(series, "n\n1;;3;\n") == std::vector<float>{1, 3});
  series.sources[0].missing = {""};
  CHECK(numbers_of(series, "n\n1;;3\n") == std::vector<float>{1, -1, 3});
}

TEST_CASE("sequences that lack pieces say so where lengths differ") {
  const Spec spec = one_source(
      Format::csv, {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, "|")})),
                    along({"T"}, column("t", ValueKind::label, named({"t"}), {transform(Kind::split, "|")}))});
  CHECK(report_of(spec, "w,t\na|b|c,O||O\n") ==
        "E0513 train:2 columns of different lengths along `T`: `w` has 3, `t` has 2 // empty pieces of `split` do not "
        "count");
}

TEST_CASE("rows of separators alone are no examples") {
  const Spec spec = [] {
    Spec out = one_source(Format::csv, {number()});
    out.sources[0].separator = ";";
    out.sources[0].missing = {""};
    return out;
  }();
  Folder folder;
  folder.write("train", ";;\nn;m;k\n1;2;3\n;;;;\n; ;\n;1;\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().examples == 2);
  CHECK(loading.report() == "W0508 train:1 3 rows without a value in any cell skipped");
}

TEST_CASE("comments of CoNLL are named with = or with a colon") {
  const auto of = [](const std::string& text, const std::string& key) {
    const Spec spec = one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0}))),
                                                 column("y", ValueKind::label, comment(key))});
    Folder folder;
    folder.write("train", text + "\nx\tO\n");
    const Loading loading(spec, folder);
    return loading.data ? loading.data->fitted.sets.at("s.y").names.at(0) : loading.report();
  };
  CHECK(of("# intent: lamp/on", "intent") == "lamp/on");
  CHECK(of("# text: a = b", "text") == "a = b");
  CHECK(of("# text = a: b", "text") == "a: b");
  CHECK(of("# meta::genre = news", "meta::genre") == "news");
  CHECK(of("# time = 12:30", "time") == "12:30");
  CHECK(of("# turn it on", "intent")
            .find("no comment of its sentences has a name, `# intent = ...` or `# intent: ...`") != std::string::npos);
}

TEST_CASE("fields of CoNLL-U are named in any case, and features by their field") {
  const char* const text =
      "1\tder\tder\tDET\tART\tCase=Nom|Number=Sing\t2\tdet\t_\tSpaceAfter=No\n"
      "2\tHund\tHund\tNOUN\tNN\tNumber=Sing\t0\troot\t_\t_\n";
  const auto of = [&](const std::string& name) {
    const Spec spec = one_source(Format::conllu, {along({"T"}, column("w", ValueKind::token, named({"Form"}))),
                                                  along({"T"}, column("y", ValueKind::label, named({name})))});
    Folder folder;
    folder.write("train", text);
    const Loading loading(spec, folder);
    return loading.data ? loading.data->fitted.sets.at("s.y").names : Names{loading.report()};
  };
  CHECK(of("upos") == Names{"DET", "NOUN"});
  CHECK(of("Deprel") == Names{"det", "root"});
  CHECK(of("feats.Case") == Names{"Nom", "_"});
  CHECK(of("FEATS.number") == Names{"Sing"});
  CHECK(of("misc.SpaceAfter") == Names{"No", "_"});
  CHECK(of("upos.Case")[0].find("E0508") == 0);
}

TEST_CASE("the last examples are held out, in the order of the files or of a column") {
  Spec spec =
      one_source(Format::csv, {number(), column("t", ValueKind::number, named({"t"}), {transform(Kind::minmax)})});
  SourceSpec& source = spec.sources[0];
  source.holdout_last = true;
  source.holdout_count = 2;
  source.missing = {"?"};
  Folder folder;
  folder.write("train", "n,t\n1,9\n2,5\n3,?\n4,7\n5,9\n");
  const auto parts = [&] {
    const Loading loading(spec, folder);
    REQUIRE(loading.data);
    return std::pair(loading.train().columns.at("n").numbers, loading.data->sources[0].dev.columns.at("n").numbers);
  };
  using Floats = std::vector<float>;
  CHECK(parts() == std::pair(Floats{1, 2, 3}, Floats{4, 5}));
  source.holdout_by = "t";
  CHECK(parts() == std::pair(Floats{2, 3, 4}, Floats{1, 5}));
  source.holdout_count = 3;
  CHECK(parts() == std::pair(Floats{2, 3}, Floats{1, 4, 5}));
  source.holdout_count = 0;
  source.holdout_fraction = 0.2;
  CHECK(parts() == std::pair(Floats{1, 2, 3, 4}, Floats{5}));
}

TEST_CASE("a number of examples that looks like a share is pointed out") {
  Spec spec = one_source(Format::csv, {number()});
  spec.sources[0].holdout_count = 10;
  std::string text = "n\n";
  for (int i = 0; i < 1500; ++i) text += std::to_string(i) + "\n";
  Folder folder;
  folder.write("train", text);
  CHECK(Loading(spec, folder).report() ==
        "W0509 source `s`: `holdout` is a number of examples, 10 of 1500 // `holdout = 10%` takes that share of them");
  spec.sources[0].holdout_count = 20;  // enough to be meant
  CHECK(Loading(spec, folder).reports().empty());
}

TEST_CASE("a lone CR ends lines where no LF does") {
  const Spec spec = one_source(Format::csv, {column("y", ValueKind::label, named({"y"}))});
  Folder folder;
  const auto names = [&](const std::string& text) {
    folder.write("train", text);
    const Loading loading(spec, folder);
    return loading.data ? loading.data->fitted.sets.at("s.y").names : Names{loading.report()};
  };
  CHECK(names("x,y\r1,a\r2,b\r") == Names{"a", "b"});
  CHECK(names("x,y\r1,a\r2,b\r\n") == Names{"a", "b"});
  CHECK(names("x,y\n1,a\rb\n") == Names{"a\rb"});
}

TEST_CASE("compressed files are named as such") {
  const Spec spec = one_source(Format::csv, {column("y", ValueKind::label, named({"y"}))});
  const auto report = [&](const std::string& text) {
    Folder folder;
    folder.write("train", text);
    const Loading loading(spec, folder);
    const std::string all = loading.report();
    return all.substr(0, 12) + all.substr(all.find("` is ") + 1);
  };
  CHECK(report("\x1F\x8B\x08\n") == "E0538 train  is gzip data, not text // `gunzip` unpacks it");
  CHECK(report("PK\x03\x04\n") ==
        "E0538 train  is zip data, not text // unpack it; of a spreadsheet, export its table as CSV");
}

TEST_CASE("files of lines: example i is line i of each") {
  Folder folder;
  std::filesystem::create_directory(folder.path() + "/train");
  ColumnSpec words = along({"T"}, column("w", ValueKind::token, named({"in"}), {transform(Kind::split, " ")}));
  ColumnSpec label = column("y", ValueKind::label, named({"label"}));
  words.binding.kind = label.binding.kind = Binding::Kind::file;
  const Spec spec = one_source(Format::lines, {words, label});
  folder.write("train/in", "a b\nc\n\n");
  folder.write("train/label", "x\ny");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(loading.data->fitted.sets.at("s.y").names == Names{"x", "y"});
  folder.write("train/label", "x\n");
  CHECK(Loading(spec, folder).report().find("E0536 in:2 ") == 0);
  folder.write("train/label", "x\n\n");
  CHECK(Loading(spec, folder).report().find("E0512 label:2 the cell of column `y` is empty") == 0);
  folder.write("train/label", "x\n\xFF\n");
  CHECK(Loading(spec, folder).report().find("E0506 label:2 ") == 0);
}

TEST_CASE("files of lines are read from the cache until one of them changes") {
  Folder folder, cache;
  std::filesystem::create_directory(folder.path() + "/train");
  ColumnSpec label = column("y", ValueKind::label, named({"label"}));
  label.binding.kind = Binding::Kind::file;
  const Spec spec = one_source(Format::lines, {label});
  folder.write("train/label", "x\ny\n");
  CHECK(Loading(spec, folder, 0, cache.path()).train().examples == 2);
  CHECK_FALSE(std::filesystem::is_empty(cache.path()));
  folder.write("train/label", "x\ny\nz\n");
  CHECK(Loading(spec, folder, 0, cache.path()).train().examples == 3);
}

TEST_CASE("offsets of tokens are those of the text as the input has it") {
  const Spec spec = one_source(
      Format::jsonl, {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, " ")}))});
  Folder folder;
  folder.write("train", "{\"w\": \"play jazz\"}\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  mtl::SourceMap sources;
  mtl::diag::Emitter emitter(&sources);
  const auto input = encode_text(spec.sources[0], loading.data->fitted, {"w"}, RawFormat::source,
                                 "{\"w\": \"  play jazz \"}\n", "input", emitter);
  REQUIRE(input);
  const Tokens& tokens = input->examples[0].tokens.at("T");
  CHECK(tokens.texts == Names{"play", "jazz"});
  CHECK(tokens.places == std::vector<mtl::runtime::TextRange>{{2, 6}, {7, 11}});
  CHECK(tokens.raw == "  play jazz ");
}
