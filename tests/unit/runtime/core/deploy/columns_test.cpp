// Columns of packages against `data::encode_text`, which is what `mtlc predict` runs. transforms_test.cpp has a table
// of all transforms.
#include "runtime/core/deploy/columns.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "runtime/data/numbers.h"
#include "tests/unit/runtime/core/deploy/deployed.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {

const std::string kSentences = "Play some Jazz!\t-\nplay über-cool music, now\t-\nJazz|rock| |pop\t-\n";
const Texts kCells{"play jazz",
                   "Play  ÜBER some",
                   "nothing known",
                   "Jazz|rock|pop",
                   "a||b",
                   "|",
                   "jazz",
                   "?",
                   "über-cool!  (music)",
                   "\xC3\xA9t\xC3\xA9 5.5",
                   "!",
                   " ",
                   "rock|?",
                   "Now|play ",
                   ""};

}  // namespace

TEST_CASE("token columns: every way to split a text") {
  for (const bool lowercase : {false, true}) {
    for (const Kind how : {Kind::split, Kind::words, Kind::characters}) {
      for (const char* separator : {" ", "|"}) {
        for (const int most : {0, 2}) {
          for (const bool empty : {false, true}) {
            std::vector<Transform> transforms{transform(how, separator)};
            if (most > 0) transforms.push_back(limit(most));
            ColumnSpec words = along({"T"}, kind(ValueKind::token, transforms));
            words.allow_empty = empty;
            if (std::string(separator) == "|" && how == Kind::split && !empty) {
              check_cells(table(words, "play|jazz\t-\nrock\t-\n", {}, lowercase), kCells);
            } else {
              check_cells(
                  table(words, how == Kind::split && *separator == '|' ? "a|b\t-\n" : kSentences, {}, lowercase),
                  kCells);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("token columns: two levels, limits, marks and fills") {
  const std::vector<std::vector<Transform>> ways{
      {transform(Kind::split, " "), transform(Kind::characters)},
      {transform(Kind::split, " "), limit(2), transform(Kind::characters), limit(3)},
      {transform(Kind::split, " "), transform(Kind::split, "|")},
      {fill_text("play some"), transform(Kind::split, " "), transform(Kind::characters)},
  };
  for (const auto& transforms : ways) {
    const ColumnSpec letters = along({"T", "C"}, kind(ValueKind::token, transforms));
    check_cells(table(letters, "Play some\t-\nüber\t-\n"), kCells);
    check_cells(table(letters, "Play some\t-\nüber\t-\n", {"", "?"}), kCells);
  }
  check_cells(table(kind(ValueKind::token), "play\t-\nJazz\t-\n", {"?"}, true),
              {"play", "JAZZ", "x", "?", "", " play"});
  check_cells(
      table(along({"T"}, kind(ValueKind::token, {transform(Kind::words), fill_text("jazz")})), kSentences, {"?"}),
      kCells);
}

TEST_CASE("sentences: tokens, letters of tokens and raw lines") {
  Spec spec = one_source(
      Format::conll,
      {along({"T"}, column("words", ValueKind::token, at({0}), {limit(4)})),
       along({"T", "C"}, column("letters", ValueKind::token, at({0}), {transform(Kind::characters), limit(5)})),
       along({"T"}, column("case", ValueKind::category, at({1})))},
      {{"en", true}});
  spec.sources[0].missing = {"?"};
  const Trained source(spec, "Play\tU\njazz\tL\n?\tP\n\nnow\tL\n");
  Deployed words = source.column("words"), letters = source.column("letters"), cases = source.column("case");
  const std::vector<Texts> sentences{{"Play", "Jazz", "?"}, {"überlange", "x"}, {"a", "b", "c", "now", "jazz", "play"}};
  std::string text;
  for (const Texts& sentence : sentences) {
    for (const std::string& word : sentence) text += word + "\tL\n";
    text += "\n";
    words->add_texts(sentence);
    letters->add_texts(sentence);
    cases->add_texts(Texts(sentence.size(), "L"));
  }
  const auto split = source.predict(text);
  REQUIRE(split);
  check_same(*words, *split, "words");
  check_same(*letters, *split, "letters");
  check_same(*cases, *split, "case");
  check_same_lengths(*words, 0, *letters, 0);
  CHECK(error_of([&] { cases->add_texts(Texts{"L", "?"}); }) == "column `case`: has no value");
  CHECK(error_of([&] { words->add_texts(Texts{}); }) == "column `words`: an empty sequence");
  CHECK(error_of([&] { words->add_texts(Texts{"a", ""}); }) == "column `words`: an empty text is no value");
  words->add_texts(Texts{"one"});
  CHECK(error_of([&] { check_same_lengths(*words, 0, *letters, 0); }) ==
        "columns `words` and `letters` do not fit together: 4 sequences and 3");

  Deployed line_words = source.column("words"), line_letters = source.column("letters");
  for (const char* line : {"Play some jazz!", "  now?  ", "über-cool"}) {
    line_words->add_line(line);
    line_letters->add_line(line);
  }
  const auto lines = source.predict("Play some jazz!\n\n  now?  \nüber-cool\n", RawFormat::lines, {"words", "letters"});
  REQUIRE(lines);
  check_same(*line_words, *lines, "words");
  check_same(*line_letters, *lines, "letters");
}

TEST_CASE("a text that is cut says where its pieces stand, in characters") {
  using mtl::runtime::TextRange;
  using Ranges = std::vector<TextRange>;
  namespace deploy = mtl::runtime::deploy;
  const deploy::Transform cut[] = {{deploy::Transform::Kind::words}};
  deploy::ColumnSpec spec;
  spec.name = "words";
  spec.kind = deploy::ColumnSpec::Kind::token;
  spec.levels = 1;
  spec.limits[0] = 3;
  spec.keep_last[0] = true;
  spec.transforms = cut;
  spec.transform_count = 1;
  spec.buckets = 7;
  spec.keeps_ranges = true;
  deploy::Column column(spec);
  Ranges ranges;
  column.add_text(" Zürich, Łódź!");
  column.add_text("x");
  column.ranges(0, ranges);
  CHECK(ranges == Ranges{{7, 8}, {9, 13}, {13, 14}});
  column.ranges(1, ranges);
  CHECK(ranges == Ranges{{0, 1}});
  const int32_t ids[] = {1, 2};
  column.add_ids(ids, 2);
  column.ranges(2, ranges);
  CHECK(ranges.empty());

  spec.base_levels = 1;
  spec.transform_count = 0;
  deploy::Column tokens(spec);
  const std::vector<std::string> four{"a", "b", "c", "d"};
  tokens.add_texts(four, {{0, 1}, {2, 3}, {4, 5}, {6, 7}});
  tokens.add_texts(four, {});
  tokens.ranges(0, ranges);
  CHECK(ranges == Ranges{{2, 3}, {4, 5}, {6, 7}});
  tokens.ranges(1, ranges);
  CHECK(ranges.empty());
  CHECK_THROWS_AS(tokens.add_texts(four, {{0, 1}}), deploy::InputError);
}

TEST_CASE("raw lines of a table's text column") {
  const Trained source = table(along({"T"}, kind(ValueKind::token, {transform(Kind::split, " ")})), kSentences, {"?"});
  Deployed column = source.column("x");
  for (const char* line : {"Play some", "?", " Jazz!\tnow "}) column->add_line(line);
  const auto split = source.predict("Play some\n?\n Jazz!\tnow \n", RawFormat::lines);
  REQUIRE(split);
  check_same(*column, *split, "x");
}

TEST_CASE("categories and truth values") {
  const Texts cells{"a", "b", "B", "z", "?", "", " a", "true", "NO", " yes ", "1", "0", "Falsch"};
  check_cells(table(kind(ValueKind::category), "a\t-\nb\t-\na\t-\n", {"?"}), cells);
  check_cells(table(kind(ValueKind::category, {fill_text("b")}), "a\t-\nb\t-\na\t-\n", {"?", ""}), cells);
  check_cells(table(kind(ValueKind::boolean), "true\t-\nno\t-\n", {"?"}), cells);
  check_cells(table(kind(ValueKind::boolean, {fill(1)}), "true\t-\n?\t-\n", {"?"}), cells);
  check_cells(table(kind(ValueKind::boolean, {is({"a", "b"})}), "a\t-\nx\t-\n", {"?"}), cells);
  check_cells(table(kind(ValueKind::boolean, {is({"a"}), fill_text("a")}), "a\t-\nx\t-\n", {"?"}), cells);
  check_cells(table(along({"T"}, kind(ValueKind::category, {transform(Kind::split, ",")})), "a,b\t-\nb\t-\n", {"?"}),
              {"a,b,z", "a,?", "b", "", "a,,b"});
  check_cells(table(shaped({2}, kind(ValueKind::category, {transform(Kind::split, ",")})), "a,b\t-\nb,a\t-\n", {"?"}),
              {"a,b", "b,b", "z,a", "a", "a,b,a", "?,a", "?", ""});
}

TEST_CASE("numbers: every transform") {
  const std::string train = "2\t-\n4.5\t-\n9\t-\n?\t-\n-0.5\t-\n";
  const Texts cells{"3", "0.1", "-7e3", "1e300", "?", "", " 12 ", "+5", "x", "1,5", "nan", "-2"};
  const std::vector<std::vector<Transform>> ways{{},
                                                 {transform(Kind::standardize)},
                                                 {transform(Kind::minmax)},
                                                 {transform(Kind::log1p)},
                                                 {fill(7)},
                                                 {transform(Kind::fill_mean)},
                                                 {transform(Kind::log1p), transform(Kind::standardize), fill(0)},
                                                 {transform(Kind::fill_mean), transform(Kind::minmax)},
                                                 {fill(3), transform(Kind::minmax), transform(Kind::log1p)}};
  for (const auto& transforms : ways) {
    const Trained source = table(kind(ValueKind::number, transforms), train, {"?"});
    check_cells(source, cells);
    const Deployed column = source.column("x");
    for (const double value : {-1.5, 0.0, 0.25, 3.0}) {
      CHECK(restore_number(column.spec(), 0, value) ==
            mtl::data::restore_number(source.spec.sources[0].columns[0], source.fitted().numbers.at("s.x"), 0, value));
    }
  }
  check_cells(table(kind(ValueKind::number, {transform(Kind::standardize)}), "5\t-\n5\t-\n"), {"5", "7"});
  const std::vector<Transform> parts{transform(Kind::split, ","), transform(Kind::minmax)};
  check_cells(table(along({"T"}, kind(ValueKind::number, parts)), "1,2\t-\n7\t-\n", {"?"}),
              {"3", "1,2,3", "1,?", "", "1,"});
  check_cells(table(shaped({3}, kind(ValueKind::number, parts)), "1,2,3\t-\n7,8,11\t-\n", {"?"}),
              {"3,4,5", "1,2", "1,?,3", "9,9,9,9", "?"});
}

TEST_CASE("numbers given as numbers are those of their texts") {
  const Trained source =
      table(shaped({2}, kind(ValueKind::number,
                             {transform(Kind::split, ","), transform(Kind::standardize), transform(Kind::fill_mean)})),
            "1,10\t-\n3,50\t-\n", {"?"});
  Deployed texts = source.column("x"), numbers = source.column("x"), floats = source.column("x");
  for (const char* cell : {"2,20", "0.1,?", "-5,7"}) texts->add_text(cell);
  const double values[] = {2, 20, 0.1, std::nan(""), -5, 7};
  for (int row = 0; row < 3; ++row) numbers->add_numbers(values + 2 * row, 2);
  CHECK(numbers->numbers() == texts->numbers());
  const float pair[] = {2, 20};
  floats->add_numbers(pair, 2);
  CHECK(floats->numbers() == Floats(texts->numbers().begin(), texts->numbers().begin() + 2));
  CHECK(error_of([&] { numbers->add_numbers(values, 3); }) == "column `x`: takes 2 numbers, not 3");
  const double infinite[] = {1, std::numeric_limits<double>::infinity()};
  CHECK(error_of([&] { numbers->add_numbers(infinite, 2); }) == "column `x`: an infinite number is no value");
  const Trained plain = table(kind(ValueKind::number), "1\t-\n");
  Deployed number = plain.column("x");
  CHECK(error_of([&] { number->add_number(std::nan("")); }) == "column `x`: has no value");
  CHECK(error_of([&] { number->add_number(1e300); }) == "column `x`: the number leaves the range of 32-bit numbers");
  CHECK(error_of([&] { number->add_truth(true); }) == "column `x`: takes no truth values");
  const Trained sequence =
      table(along({"T"}, kind(ValueKind::number, {transform(Kind::split, ","), limit(2)})), "1,2\t-\n");
  Deployed series = sequence.column("x");
  const double three[] = {4, 5, 6};
  series->add_numbers(three, 3);
  CHECK(series->numbers() == Floats{4, 5});
  CHECK(series->lengths(0) == Ids{2});
  const Trained truths = table(kind(ValueKind::boolean), "1\t-\n");
  Deployed truth = truths.column("x");
  truth->add_truth(true);
  truth->add_truth(false);
  CHECK(truth->numbers() == Floats{1, 0});
  const bool two[] = {true, false};
  CHECK(error_of([&] { truth->add_truths(two, 2); }) == "column `x`: takes 1 values, not 2");
}

TEST_CASE("blanks, marks of missing numbers and numbers of other countries") {
  const Texts cells{" jazz ", "\u00A0jazz\u3000", "\u00A0", "a | b", "a|\u00A0|b|",
                    "| |",    " -200 ",           "-200.0", "-2e2",  "x"};
  for (const bool trim : {true, false}) {
    Spec spec = one_source(Format::tsv, {column("x", ValueKind::category, named({"x"}), {fill_text("jazz")})});
    spec.sources[0].trim = trim;
    spec.sources[0].missing = {"-200"};
    check_cells(Trained(spec, "x\tother\njazz\t-\n jazz \t-\n-200\t-\n"), cells);
    for (const char* separator : {"|", " "}) {
      spec.sources[0].columns = {
          along({"T"}, column("x", ValueKind::token, named({"x"}), {transform(Kind::split, separator)}))};
      check_cells(Trained(spec, "x\tother\na|b|jazz\t-\na b\t-\n"), cells);
    }
  }
  Spec spec = one_source(Format::tsv, {column("x", ValueKind::number, named({"x"}), {fill(7)})});
  SourceSpec& source = spec.sources[0];
  source.missing = {"-200", ""};
  source.decimal = ",";
  source.thousands = ".";
  const Texts numbers{"1,5", "1.234,5", "1.5", "1.234", "-200,0", "-200", "-0.200", "", "12", "1,5e2", "\u00A03,25 "};
  check_cells(Trained(spec, "x\tother\n1,5\t-\n"), numbers);
  source.columns[0] =
      along({"T"}, column("x", ValueKind::number, named({"x"}), {transform(Kind::split, ";"), fill(7)}));
  const Texts lists{"1,5;2", "1;;2;", "-200,0;3", ";", "1 ; 2,5"};
  check_cells(Trained(spec, "x\tother\n1,5\t-\n"), lists);
  source.missing = {"-200"};
  check_cells(Trained(spec, "x\tother\n1,5\t-\n"), lists);

  Spec given = one_source(Format::tsv, {column("x", ValueKind::number, named({"x"}), {fill(7)})});
  given.sources[0].missing = {"-999.9"};
  const Trained trained(given, "x\tother\n1\t-\n");
  Deployed column = trained.column("x");
  column->add_number(-999.9);
  const float single = -999.9f;
  column->add_numbers(&single, 1);
  column->add_number(2);
  CHECK(column->numbers() == Floats{7, 7, 2});
}

TEST_CASE("JSON arrays are sequences of as many levels as the column has") {
  Spec spec = one_source(Format::jsonl,
                         {along({"T"}, column("w", ValueKind::token, named({"w"}), {limit(3)})),
                          along({"A", "B"}, column("n", ValueKind::token, named({"n"}))),
                          along({"D", "S", "W"}, column("deep", ValueKind::token, named({"deep"}))),
                          shaped({3}, column("f", ValueKind::number, named({"f"}), {transform(Kind::standardize)}))});
  const Trained source(
      spec,
      "{\"w\": [\"a\", \"b\"], \"n\": [[\"a\"], [\"b\", \"c\"]], \"deep\": [[[\"a\"], [\"b\"]], [[\"c\", \"a\"]]], "
      "\"f\": [1, 2, 3]}\n"
      "{\"w\": [\"b\"], \"n\": [[\"c\"]], \"deep\": [[[\"c\"]]], \"f\": [4, 5, 9.5]}\n");
  Deployed w = source.column("w"), n = source.column("n"), f = source.column("f"), deep = source.column("deep");
  w->add_texts(Texts{"b", "a", "z", "a"});
  n->add_texts(std::vector<Texts>{{"c", "z"}, {"a"}});
  deep->add_texts(std::vector<std::vector<Texts>>{{{"b"}}, {{"c", "z"}, {"a"}, {"a", "a", "b"}}});
  const double numbers[] = {0.5, 1, 2};
  f->add_numbers(numbers, 3);
  const auto split = source.predict(
      "{\"w\": [\"b\", \"a\", \"z\", \"a\"], \"n\": [[\"c\", \"z\"], [\"a\"]], "
      "\"deep\": [[[\"b\"]], [[\"c\", \"z\"], [\"a\"], [\"a\", \"a\", \"b\"]]], \"f\": [0.5, 1, 2]}\n");
  REQUIRE(split);
  check_same(*w, *split, "w");
  check_same(*n, *split, "n");
  check_same(*f, *split, "f");
  check_same(*deep, *split, "deep");
  CHECK(error_of([&] { n->add_texts(Texts{"a"}); }) == "column `n`: takes 2 levels of lists in each other");
  CHECK(error_of([&] { w->add_texts(std::vector<Texts>{{"a"}}); }) ==
        "column `w`: takes 1 level of lists in each other");
  CHECK(error_of([&] { deep->add_texts(std::vector<Texts>{{"a"}}); }) ==
        "column `deep`: takes 3 levels of lists in each other");
  CHECK(error_of([&] { n->add_texts(std::vector<Texts>{{"a"}, {}}); }) == "column `n`: an empty sequence");
}

TEST_CASE("ids are checked, cut and taken") {
  const Trained source =
      table(along({"T"}, kind(ValueKind::token, {transform(Kind::split, " "), limit(3)})), "a b a\t-\n");
  Deployed column = source.column("x");
  const int32_t ids[] = {2, 0, 1, 1, 7};
  column->add_ids(ids, 4);
  CHECK(column->ids() == Ids{2, 0, 1});
  CHECK(column->lengths(0) == Ids{3});
  CHECK(error_of([&] { column->add_ids(ids + 4, 1); }) == "column `x`: the id 7 is not in 0 to 2");
  const int32_t negative = -1;
  CHECK(error_of([&] { column->add_ids(&negative, 1); }) == "column `x`: the id -1 is not in 0 to 2");
  CHECK(error_of([&] { column->add_ids(ids, 0); }) == "column `x`: an empty sequence");
  CHECK(column->examples() == 1);
  const Trained nested = table(along({"T", "C"}, kind(ValueKind::token, {transform(Kind::split, " "), limit(2),
                                                                         transform(Kind::characters), limit(2)})),
                               "ab c\t-\n");
  Deployed letters = nested.column("x");
  const int32_t all[] = {1, 2, 3, 1, 2, 3}, lengths[] = {3, 1, 2}, wrong[] = {3, 1, 3}, bad[] = {-3, 1, 2};
  letters->add_ids(all, 6, lengths, 3);
  CHECK(letters->ids() == Ids{1, 2, 1});
  CHECK(letters->lengths(0) == Ids{2});
  CHECK(letters->lengths(1) == Ids{2, 1});
  for (const int32_t* list : {wrong, bad})
    CHECK(error_of([&] { letters->add_ids(all, 6, list, 3); }).find("do not sum up") != std::string::npos);
  CHECK(error_of([&] { letters->add_ids(all, 6); }) == "column `x`: takes sequences of sequences");
}

TEST_CASE("texts that are no text are refused") {
  const Trained source = table(along({"T"}, kind(ValueKind::token, {transform(Kind::words)})), kSentences);
  Deployed column = source.column("x");
  const std::string_view bad[] = {
      "\xFF", "a\xC3", "\xE2\x82", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", std::string_view("a\0b", 3), "\x80"};
  for (const std::string_view text : bad)
    CHECK(error_of([&] { column->add_text(text); }) == "column `x`: the text is not valid UTF-8");
  CHECK(error_of([&] { column->add_text(std::string_view()); }) == "column `x`: has no value");
  column->add_text("\xF4\x8F\xBF\xBF \xED\x9F\xBF \xE0\xA0\x80");
  CHECK(column->examples() == 1);
}

TEST_CASE("bins are counted edges") {
  const double edges[] = {1.5, 2, 7};
  deploy::Transform bins;
  bins.kind = deploy::Transform::Kind::bins;
  deploy::ColumnSpec spec;
  spec.transforms = &bins;
  spec.transform_count = 1;
  spec.stats.bin_edges = edges;
  spec.stats.bin_edge_count = 3;
  deploy::Column column(spec);
  std::vector<double> values{-3, 1.5, 1.99, 2, 6.9, 7, 100};
  for (const double value : values) column.add_number(value);
  NumberStats stats;
  stats.bin_edges = {{1.5, 2, 7}};
  CHECK_FALSE(apply_numbers(kind(ValueKind::label, {mtl::data::test::bins(4)}), stats, 1, values));
  CHECK(column.numbers() == Floats(values.begin(), values.end()));
}

TEST_CASE("crossed cells are one text") {
  for (const bool hashes : {false, true}) {
    std::vector<Transform> transforms;
    if (hashes) transforms = {fill_text("none"), transform(Kind::hash)};
    if (hashes) transforms.back().count = 100;
    ColumnSpec pair = column("x", ValueKind::category, named({"a", "b"}), transforms);
    pair.binding.cross = true;
    Spec spec = one_source(Format::tsv, {pair});
    spec.sources[0].missing = {"?"};
    const Trained source(spec, "a\tb\nu\tv\nv\tu\n");
    const std::vector<Texts> rows{{"u", "v"}, {"u", "u"}, {"uv", "?"}, {"", "v"}, {"?", "?"}, {"zzz", "\xC3\xBC"}};
    for (const Texts& row : rows) {
      INFO(row[0] << " and " << row[1]);
      Deployed crossed = source.column("x");
      const auto expected = source.predict("a\tb\n" + row[0] + "\t" + row[1] + "\n");
      const std::string error = error_of([&] { crossed->add_texts(row); });
      const bool taken = expected && expected->columns.at("x").missing == 0;
      CHECK((error == "") == taken);
      if (taken) check_same(*crossed, *expected, "x");
    }
    Deployed crossed = source.column("x");
    CHECK(error_of([&] { crossed->add_texts(Texts{"u"}); }) == "column `x`: takes 2 values, not 1");
    CHECK(error_of([&] { crossed->add_line("u v"); }) == "column `x`: takes several values, not a line");
  }
}

TEST_CASE("limit that keeps the last says how many positions it cut") {
  Transform last = limit(2);
  last.keep_last = true;
  const Trained source = table(along({"T"}, kind(ValueKind::token, {transform(Kind::split, " "), last})), "a b c\t-\n");
  Deployed texts = source.column("x"), ids = source.column("x");
  texts->add_text("a b c");
  texts->add_text("b");
  const int32_t numbers[] = {1, 2, 2};
  ids->add_ids(numbers, 3);
  CHECK(texts->skipped() == Ids{1, 0});
  CHECK(ids->skipped() == Ids{1});
  CHECK(ids->ids() == Ids{2, 2});
}
