// What is wrong in files is said with file:line, the text, and what was expected.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {

Spec words_and_tags() {
  return one_source(Format::conll, {along({"T"}, column("words", ValueKind::token, at({0}))),
                                    along({"T"}, column("tags", ValueKind::label, at({1})))});
}
Spec number_and_label(Format format = Format::tsv) {
  return one_source(format,
                    {column("n", ValueKind::number, named({"n"})), column("y", ValueKind::label, named({"y"}))});
}
std::string report_of(const Spec& spec, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder);
  CHECK_FALSE(loading.data);
  return loading.report();
}
// Messages that name the file as a whole hold its folder, which is another one each time.
bool starts(const std::string& text, const std::string& prefix) {
  INFO(text);
  CHECK(text.substr(0, prefix.size()) == prefix);
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

TEST_CASE("files: missing, a folder, empty, nothing in them") {
  Folder folder;
  std::filesystem::create_directory(folder.path() + "/dir");
  folder.write("empty", "");
  folder.write("blank", "\n\n  \n");
  folder.write("header", "n\ty\n");
  folder.write("bom", "\xEF\xBB\xBF");
  Spec spec = words_and_tags();
  const auto with = [&](const std::string& file) {
    spec.sources[0].train = {file};
    const Loading loading(spec, folder);
    CHECK_FALSE(loading.data);
    return loading.report();
  };
  CHECK(with("nothing") ==
        "E0500 nothing cannot read `" + folder.path() +
            "/nothing`: No such file or directory // `--data DIR` says in which folder the files are");
  starts(with("dir"), "E0501 dir");
  starts(with("empty"), "E0502 empty");
  starts(with("bom"), "E0502 bom");
  CHECK(with("blank") == "E0503 blank `" + folder.path() + "/blank` holds no sentences");
  Spec table = number_and_label();
  table.sources[0].train = {"header"};
  CHECK(Loading(table, folder).report() == "E0503 header `" + folder.path() + "/header` holds no rows");
}

TEST_CASE("a pipe is no data file, and is not waited for") {
  Folder folder;
  REQUIRE(::mkfifo((folder.path() + "/train").c_str(), 0600) == 0);
  const Loading loading(words_and_tags(), folder);
  CHECK_FALSE(loading.data);
  starts(loading.report(), "E0535 train `" + folder.path() + "/train` is a pipe or a device");
  Spec device = words_and_tags();
  device.sources[0].train = {"/dev/null"};
  starts(Loading(device, folder).report(), "E0535 null `/dev/null` is a pipe or a device");
}

TEST_CASE("rows with the wrong number of cells show both counts") {
  CHECK(report_of(words_and_tags(), "a\tX\nb\n") == "E0507 train:2 this row has 1 cell; 2 cells expected");
  CHECK(report_of(words_and_tags(), "a\tX\nb\tY\tZ\n") == "E0507 train:2 this row has 3 cells; 2 cells expected");
  CHECK(report_of(words_and_tags(), "a X\nb\n") == "E0507 train:2 this row has 1 cell; 2 cells expected");
  CHECK(
      report_of(words_and_tags(), "a\tX\nb Y\n") ==
      "E0507 train:2 this row has 1 cell; 2 cells expected // cells are parted by tabs in this file; `separator = ...` "
      "in the source changes that");
  CHECK(
      report_of(words_and_tags(), "a\tX\n# note\nb\tY\n") ==
      "E0507 train:2 this row has 1 cell; 2 cells expected // cells are parted by tabs in this file; `separator = ...` "
      "in the source changes that");
  CHECK(report_of(number_and_label(), "n\ty\n1\ta\n2\n") ==
        "E0507 train:3 this row has 1 cell; 2, as in the header, expected");
}

TEST_CASE("columns that are not there") {
  CHECK(report_of(words_and_tags(), "a\nb\n") ==
        "E0509 train:1 column `tags` is number 1 of the file, and rows have 1 cell // columns are counted from 0; "
        "`separator = ...` in the "
        "source says how cells are parted");
  CHECK(report_of(one_source(Format::tsv, {column("y", ValueKind::label, named({"label"}))}), "n\tlable\n1\ta\n") ==
        "E0508 train:1 there is no column `label` in this file // did you mean `lable`?");
  CHECK(report_of(number_and_label(), "n,y\n1,a\n") ==
        "E0508 train:1 there is no column `n` in this file // its columns are n,y; `separator = \",\"` in the source "
        "parts them");
  CHECK(report_of(number_and_label(), "n\ty\ty\n1\ta\tb\n") == "E0525 train:1 the header names the column `y` twice");
  Spec spec = words_and_tags();
  spec.sources[0].columns.push_back(column("intent", ValueKind::label, comment("intent")));
  CHECK(report_of(spec, "# intend = x\na\tX\n") ==
        "E0508 train there is no comment `intent` in this file // did you mean `intend`?");
  CHECK(report_of(number_and_label(Format::jsonl), "{\"n\": 1, \"z\": 2}\n") ==
        "E0508 train there is no key `y` in this file // its records have n, z");
}

TEST_CASE("cells that are no numbers, no truth values, or empty") {
  CHECK(report_of(number_and_label(), "n\ty\n1\ta\n1,5\tb\n") ==
        "E0510 train:3 `1,5` is not a number (column `n`) // in the source, `decimal = \",\"` reads it as 1.5");
  CHECK(report_of(number_and_label(), "n\ty\n?\ta\n") ==
        "E0510 train:2 `?` is not a number (column `n`) // `missing = [\"?\"]` in the source says that this is a "
        "missing value");
  starts(report_of(number_and_label(), "n\ty\n1\t\n"), "E0512 train:2 the cell of column `y` is empty");
  starts(report_of(number_and_label(), "n\ty\n\ta\n"), "E0512 train:2 the cell of column `n` is empty");
  starts(report_of(one_source(Format::tsv, {column("b", ValueKind::boolean, named({"b"}))}), "b\nyes\nmaybe\n"),
         "E0511 train:3 `maybe` is not true or false (column `b`)");
  CHECK(report_of(one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}), {transform(Kind::log1p)})}),
                  "n\n1\n-2\n") ==
        "E0523 train:3 column `n`: log1p of `-2` is not a finite number // `log1p` takes numbers above -1");
}

TEST_CASE("the line of a bad token is the token's") {
  Spec spec = one_source(Format::conll, {along({"T"}, column("n", ValueKind::number, at({1})))});
  starts(report_of(spec, "a\t1\nb\t2\n\nc\t3\nd\tx\n"), "E0510 train:5 `x` is not a number");
}

TEST_CASE("bytes that are no UTF-8, NUL bytes, lines without end") {
  CHECK(report_of(words_and_tags(), "a\tX\nb\xFF\tY\n") ==
        "E0506 train:2 byte 2 of this line is not UTF-8 // data files are UTF-8; convert this one, with iconv for "
        "instance");
  starts(report_of(words_and_tags(), std::string("a\tX\nb\0\tY\n", 10)), "E0505 train:2 a NUL byte at column 2");
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string("a\tX\n")) utf16 += std::string(1, c) + std::string(1, '\0');
  const std::string report = report_of(words_and_tags(), utf16);
  CHECK(report.find("UTF-16") != std::string::npos);
  starts(report_of(words_and_tags(), std::string((size_t{64} << 20) + 1, 'x')),
         "E0504 train:1 a line of more than 64 MiB");
}

TEST_CASE("columns of one dimension have to be equally long") {
  const Spec spec = one_source(
      Format::tsv, {along({"T"}, column("words", ValueKind::token, named({"w"}), {transform(Kind::split, " ")})),
                    along({"T"}, column("tags", ValueKind::label, named({"t"}), {transform(Kind::split, " ")}))});
  CHECK(report_of(spec, "w\tt\na b\tX Y\na b c\tX Y\n") ==
        "E0513 train:3 columns of different lengths along `T`: `words` has 3, `tags` has 2");
  CHECK(report_of(spec, "w\tt\n \tX\n") ==
        "E0513 train:2 columns of different lengths along `T`: `words` has 0, `tags` has 1");
}

TEST_CASE("empty sequences are rejected unless the column lets them in") {
  Spec spec =
      one_source(Format::tsv, {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, " ")})),
                               column("y", ValueKind::label, named({"y"}))});
  starts(report_of(spec, "w\ty\na\tX\n \tX\n"), "E0514 train:3 column `w` is empty here: `T` would have no positions");
  spec.sources[0].columns[0].allow_empty = true;
  Folder folder;
  folder.write("train", "w\ty\na\tX\n \tX\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().ragged.at("T").offsets == std::vector<int32_t>{0, 1, 1});
}

TEST_CASE("JSON that is none, and values of the wrong kind") {
  starts(report_of(number_and_label(Format::jsonl), "{\"n\": 1, \"y\": \"a\"}\n{\"n\": 1,, \"y\": 2}\n"),
         "E0515 train:2 this line is not JSON: unexpected `, \"y\": 2}` at column 9");
  starts(report_of(number_and_label(Format::jsonl), "{\"n\": 1"),
         "E0515 train:1 this line is not JSON: it ends too early");
  starts(report_of(number_and_label(Format::jsonl), "[1, 2]\n"),
         "E0515 train:1 this line is not JSON: an object was expected");
  CHECK(report_of(number_and_label(Format::jsonl), "{\"n\": [1, 2], \"y\": \"a\"}\n") ==
        "E0516 train:1 column `n` expects a text, a number or a truth value, found array `[1,2]`");
  const Spec row = one_source(Format::jsonl, {shaped({3}, column("v", ValueKind::number, named({"v"})))});
  CHECK(report_of(row, "{\"v\": [1, 2]}\n") == "E0524 train:1 column `v` takes 3 values, found 2");
  CHECK(report_of(row, "{\"v\": 5}\n") == "E0516 train:1 column `v` expects an array, found number `5`");
  const std::string deep(100000, '[');
  starts(report_of(number_and_label(Format::jsonl), "{\"n\": " + deep + "\n"), "E0515 train:1");
}

TEST_CASE("CSV quotes") {
  starts(report_of(number_and_label(Format::csv), "n,y\n1,\"a\n2,b\n3,c\n"),
         "E0517 train:2 the quotation mark that opens here");
  starts(report_of(number_and_label(Format::csv), "n,y\n1,\"a\"x\n2,b\n"),
         "E0518 train:2 `x` behind the closing quotation mark");
}

TEST_CASE("labels outside a fixed set") {
  Spec spec = one_source(Format::tsv, {column("y", ValueKind::label, named({"y"}))});
  spec.sources[0].columns[0].fixed_labels = {"pos", "neg"};
  CHECK(report_of(spec, "y\npos\nnegg\n") ==
        "E0519 train:3 `negg` is not a label of column `y`: its set is pos, neg // did you mean `neg`?");
  spec.sources[0].columns[0].fixed_labels.clear();
  spec.sources[0].columns[0].labels_of = "s.z";
  CHECK(report_of(spec, "y\npos\n") == "E0528 column `y` takes its labels from `s.z`, which has no label set");
}

TEST_CASE("declarations that do not fit the format") {
  const auto code = [](const Spec& spec) { return report_of(spec, "x\ty\na\tb\n").substr(0, 5); };
  const auto one = [](Format format, ColumnSpec c) { return one_source(format, {std::move(c)}); };
  CHECK(code(one(Format::conll, along({"T"}, column("w", ValueKind::token, named({"x"}))))) == "E0522");
  CHECK(code(one(Format::tsv, column("w", ValueKind::label, comment("x")))) == "E0522");
  CHECK(code(one(Format::tsv, column("w", ValueKind::label, field("x")))) == "E0522");
  CHECK(code(one(Format::jsonl, column("w", ValueKind::label, at({0})))) == "E0522");
  CHECK(code(one(Format::conll, column("w", ValueKind::label, at({0})))) == "E0521");                   // needs [T]
  CHECK(code(one(Format::tsv, along({"T"}, column("w", ValueKind::token, named({"x"}))))) == "E0521");  // needs split
  CHECK(code(one(Format::tsv, shaped({3}, column("n", ValueKind::number, named({"x", "y"}))))) == "E0524");
  CHECK(code(one(Format::jsonl, along({"T"}, shaped({2}, column("n", ValueKind::number, named({"x", "y"})))))) ==
        "E0521");
  CHECK(code(one(Format::tsv, column("n", ValueKind::label, named({"x"}), {transform(Kind::standardize)}))) == "E0527");
  CHECK(code(one(Format::tsv, column("n", ValueKind::label, named({"x"}), {limit(3)}))) == "E0527");
  CHECK(code(one(Format::tsv, column("n", ValueKind::number, named({"x"}),
                                     {transform(Kind::log1p), transform(Kind::log1p)}))) == "E0527");
  CHECK(report_of(one(Format::tsv, along({"T"}, column("n", ValueKind::number, named({"x"}),
                                                       {transform(Kind::standardize), transform(Kind::split, " ")}))),
                  "x\n1 2\n") ==
        "E0527 column `n`: `split` parts a text and stands behind `standardize`, which takes numbers");
}

TEST_CASE("a holdout leaves both parts something") {
  Spec spec = one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}))});
  spec.sources[0].holdout_count = 3;
  CHECK(report_of(spec, "n\n1\n2\n3\n") ==
        "E0520 cannot hold out 3 of the 3 examples of `s`: both parts need at least one");
  spec.sources[0].holdout_count = 0;
  spec.sources[0].holdout_fraction = 0.01;
  starts(report_of(spec, "n\n1\n2\n3\n"), "E0520 cannot hold out 0 of the 3");
}

TEST_CASE("every fold has at least one example") {
  Spec spec = one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}))});
  spec.sources[0].folds = 4;
  CHECK(report_of(spec, "n\n1\n2\n3\n") == "E0534 4 folds need at least 4 examples: `s` has 3");
}

TEST_CASE("bad rows are skipped and counted up to a number") {
  Folder folder;
  folder.write("train", "n\ty\n1\ta\nx\ta\n2\n3\tb\n4\tc\td\n");
  const Loading good(number_and_label(), folder, 3);
  REQUIRE(good.data);
  CHECK(good.train().columns.at("n").numbers == std::vector<float>{1, 3});
  CHECK(good.train().columns.at("y").ids == std::vector<int32_t>{0, 1});
  CHECK(good.report() == "W0502 train:3 3 bad rows skipped");
  const Loading bad(number_and_label(), folder, 2);
  CHECK_FALSE(bad.data);
  CHECK(bad.report() == "E0507 train:6 this row has 3 cells; 2, as in the header, expected");
  const auto said = bad.emitter.sorted();
  REQUIRE(said[0].notes.size() == 1);
  CHECK(said[0].notes[0] ==
        "as many bad rows as `--skip-bad-rows` allows, 2, were skipped before this one; the first is " + folder.path() +
            "/train:3");
}

TEST_CASE("a skipped sentence leaves nothing behind") {
  Folder folder;
  folder.write("train", "a\t1\nb\t2\n\nc\t3\nd\tx\n\ne\t5\n");
  const Spec spec = one_source(
      Format::conll, {along({"T"}, column("w", ValueKind::token, at({0}))),
                      along({"T", "C"}, column("c", ValueKind::token, at({0}), {transform(Kind::characters)})),
                      along({"T"}, column("n", ValueKind::number, at({1})))});
  const Loading loading(spec, folder, 1);
  REQUIRE(loading.data);
  CHECK(loading.train().ragged.at("T").offsets == std::vector<int32_t>{0, 2, 3});
  CHECK(loading.train().ragged.at("T.C").offsets == std::vector<int32_t>{0, 1, 2, 3});
  CHECK(loading.train().columns.at("n").numbers == std::vector<float>{1, 2, 5});
  CHECK(loading.train().columns.at("w").ids.size() == 3);
}

TEST_CASE("only a few bad rows of a file are reported") {
  Folder folder;
  std::string text = "n\ty\n";
  for (int i = 0; i < 100; ++i) text += "x\ta\n";
  folder.write("train", text);
  CHECK(Loading(number_and_label(), folder).reports().size() == 3);
}

TEST_CASE("damaged files end in a report or in data, never otherwise") {
  std::vector<std::pair<Spec, std::string>> good = {
      {one_source(Format::conll,
                  {along({"T"}, column("w", ValueKind::token, at({0}))),
                   along({"T", "C"}, column("c", ValueKind::token, at({0}), {transform(Kind::characters)})),
                   along({"T"}, column("t", ValueKind::label, at({1}), {limit(2)})),
                   column("i", ValueKind::label, comment("i"))}),
       "# i = a\nfoo\tX\nbär\tY\nbaz\tY\n\n# i = b\nx\tX\n"},
      {one_source(Format::csv, {column("n", ValueKind::number, named({"n"}), {transform(Kind::standardize)}),
                                column("k", ValueKind::labels, named({"k"}), {transform(Kind::split, "|")})}),
       "n,k\n1,\"a|b\"\n2,\"x\"\"y\nz\"\n3,\n"},
      {one_source(Format::tsv,
                  {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::words), limit(3)})),
                   shaped({2}, column("c", ValueKind::category, named({"a", "b"})))}),
       "w\ta\tb\nhello, wörld\tx\ty\nfoo bar baz qux\ty\ty\n"},
      {one_source(Format::jsonl, {along({"T"}, column("w", ValueKind::token, named({"w"}))),
                                  shaped({2}, column("v", ValueKind::number, field("m.v")))}),
       "{\"w\": [\"a\", \"ö\"], \"m\": {\"v\": [1, 2.5]}}\n{\"w\": [\"b\"], \"m\": {\"v\": [3, null]}}\n"},
      {one_source(Format::jsonl, {along({"T"}, shaped({2, 2}, column("m", ValueKind::number, named({"m"})))),
                                  along({"T"}, column("k", ValueKind::labels, named({"k"})))}),
       "{\"m\": [[[1, 2], [3, 4]], [5, 6, 7, 8]], \"k\": [[\"a\", null], null]}\n{\"m\": [[1, 2, 3, 4]], \"k\": "
       "[[]]}\n"},
      {one_source(
           Format::conll,
           {along({"T"}, column("n", ValueKind::number, comment("n"), {transform(Kind::split, " ")})),
            along({"T"}, column("k", ValueKind::labels, at({1}), {limit(2), transform(Kind::split, ",")})),
            along({"T", "C"}, column("v", ValueKind::number, at({2}), {transform(Kind::split, ","), limit(1)}))}),
       "# n = 1 2 3\nx\ta,b\t1,2\ny\t?\t3\nz\tb\t4,5\n\n# n = 4\nx\tb,?\t6\n"}};
  for (auto& [spec, text] : good) spec.sources[0].missing = {"?"};
  Folder folder;
  uint64_t state = 12345;
  const auto random = [&](size_t n) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<size_t>(state >> 33) % n;
  };
  static constexpr char kBytes[] = "\t\n\r\"#,| \0\xFF\xC3{}[]=-_0:\\";
  const std::string interesting(kBytes, sizeof kBytes - 1);
  size_t loaded = 0, reported = 0;
  for (int round = 0; round < 600; ++round) {
    const auto& [spec, text] = good[static_cast<size_t>(round) % good.size()];
    std::string bad = text;
    for (size_t change = 0; change <= random(4) && !bad.empty(); ++change) {
      const size_t at = random(bad.size());
      switch (random(4)) {
        case 0:
          bad[at] = interesting[random(interesting.size())];
          break;
        case 1:
          bad.insert(at, 1, interesting[random(interesting.size())]);
          break;
        case 2:
          bad.erase(at, 1 + random(3));
          break;
        default:
          bad.resize(at + 1);
          break;
      }
    }
    folder.write("train", bad);
    const Loading loading(spec, folder, static_cast<int64_t>(random(2)));
    CHECK(loading.data.has_value() != loading.emitter.has_errors());
    (loading.data ? loaded : reported) += 1;
  }
  CHECK(loaded > 20);
  CHECK(reported > 20);
}
