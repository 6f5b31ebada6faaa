// Columns of packages against `data::encode_text`, which is what `mtlc predict` runs.
#include "runtime/deploy/columns.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <functional>
#include <limits>
#include <memory>

#include "data/numbers.h"
#include "data/plan.h"
#include "runtime/deploy/write_weights.h"
#include "runtime/text.h"
#include "tests/unit/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
namespace deploy = mtl::runtime::deploy;
using deploy::InputError;
using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

namespace {

// A column of a package, made of what was fitted, as the emitter makes it of tables.
class Deployed {
 public:
  Deployed(const Spec& spec, const Fitted& fitted, const std::string& name) {
    mtl::SourceMap sources;
    mtl::diag::Emitter emitter(&sources);
    const auto plan = plan_source(spec.sources[0], emitter);
    REQUIRE(plan);
    for (const ColumnPlan& column : plan->columns) {
      if (column.spec->name == name) make(*plan, column, spec, fitted);
    }
    REQUIRE(column_);
  }
  Deployed(const Deployed&) = delete;  // the column points into it
  deploy::Column* operator->() { return column_.get(); }
  deploy::Column& operator*() { return *column_; }
  const deploy::ColumnSpec& spec() const { return out_; }

 private:
  void make(const SourcePlan& plan, const ColumnPlan& column, const Spec& spec, const Fitted& fitted) {
    const ColumnSpec& from = *column.spec;
    out_.name = keep(from.name);
    out_.kind = from.kind == ValueKind::token      ? deploy::ColumnSpec::Kind::token
                : from.kind == ValueKind::category ? deploy::ColumnSpec::Kind::category
                : from.kind == ValueKind::boolean  ? deploy::ColumnSpec::Kind::boolean
                                                   : deploy::ColumnSpec::Kind::number;
    out_.apart = from.kind == ValueKind::category && !from.fixed.empty();
    out_.sentence = column.per_token && from.kind == ValueKind::token;
    out_.width = column.width;
    out_.levels = static_cast<int>(column.dims.size());
    out_.base_levels = column.base_levels;
    for (size_t level = 0; level < column.dims.size(); ++level) {
      const DimPlan& dim = plan.dims[static_cast<size_t>(column.dims[level])];
      out_.limits[level] = dim.limit;
      out_.allow_empty[level] = dim.allow_empty;
    }
    make_transforms(from);
    for (const std::string& mark : plan.spec->missing) missing_.push_back(keep(mark));
    out_.missing = missing_.data();
    out_.missing_count = missing_.size();
    if (const auto stats = fitted.numbers.find("s." + from.name); stats != fitted.numbers.end())
      make_stats(stats->second);
    deploy::Vocabulary names;
    if (out_.kind == deploy::ColumnSpec::Kind::token || out_.kind == deploy::ColumnSpec::Kind::category) {
      const bool token = out_.kind == deploy::ColumnSpec::Kind::token;
      const IdSet& set = token ? fitted.vocabs.at(from.vocab) : fitted.sets.at("s." + from.name);
      if (token) out_.lowercase = spec.vocabs[0].lowercase;
      const std::string bytes =
          deploy::weights_bytes(0, {{"names", deploy::SectionSpec::Kind::vocabulary, nullptr, 0, set.names}});
      void* memory = nullptr;
      REQUIRE(::posix_memalign(&memory, 64, bytes.size()) == 0);
      memory_.reset(static_cast<char*>(memory));
      std::copy(bytes.begin(), bytes.end(), memory_.get());
      const deploy::SectionSpec section{"names", deploy::SectionSpec::Kind::vocabulary, set.names.size()};
      file_ = deploy::WeightsFile::view(memory_.get(), bytes.size(), 0, &section, 1);
      names = file_.vocabulary(0);
    }
    column_ = std::make_unique<deploy::Column>(out_, names);
  }

  void make_transforms(const ColumnSpec& from) {
    for (const Transform& transform : from.transforms) {
      deploy::Transform made;
      made.kind = static_cast<deploy::Transform::Kind>(transform.kind);
      made.text = keep(transform.text);
      lists_.emplace_back();
      for (const std::string& text : transform.texts) lists_.back().push_back(keep(text));
      made.texts = lists_.back().data();
      made.text_count = lists_.back().size();
      transforms_.push_back(made);
    }
    out_.transforms = transforms_.data();
    out_.transform_count = transforms_.size();
  }
  void make_stats(const NumberStats& stats) {
    const auto table = [&](const std::vector<double>& values) {
      return values.empty() ? nullptr : numbers_.emplace_back(values).data();
    };
    out_.stats.mean = table(stats.mean);
    out_.stats.deviation = table(stats.deviation);
    out_.stats.minimum = table(stats.minimum);
    out_.stats.maximum = table(stats.maximum);
    out_.stats.fill = table(stats.fill);
  }
  const char* keep(const std::string& text) { return texts_.emplace_back(text).c_str(); }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::deque<std::string> texts_;
  std::deque<std::vector<double>> numbers_;
  std::deque<std::vector<const char*>> lists_;
  std::vector<const char*> missing_;
  std::vector<deploy::Transform> transforms_;
  deploy::ColumnSpec out_;
  std::unique_ptr<char, Free> memory_;
  deploy::WeightsFile file_;
  std::unique_ptr<deploy::Column> column_;
};

// A source that was fitted on `train`, and what predict makes of texts.
struct Trained {
  Folder folder;
  Spec spec;
  std::unique_ptr<Loading> loading;
  Trained(Spec of, const std::string& train) : spec(std::move(of)) {
    folder.write("train", train);
    loading = std::make_unique<Loading>(spec, folder);
    REQUIRE(loading->data);
  }
  const Fitted& fitted() const { return loading->data->fitted; }
  Deployed column(const std::string& name) const { return Deployed(spec, fitted(), name); }
  // nullopt: predict refuses the text.
  std::optional<Split> predict(const std::string& text, RawFormat format = RawFormat::source,
                               const Texts& only = {}) const {
    mtl::SourceMap sources;
    mtl::diag::Emitter emitter(&sources);
    Texts columns = only;
    for (size_t i = 0; only.empty() && i < spec.sources[0].columns.size(); ++i)
      columns.push_back(spec.sources[0].columns[i].name);
    auto input = encode_text(spec, spec.sources[0], fitted(), columns, format, text, "input", emitter);
    if (!input) return std::nullopt;
    return std::move(input->split);
  }
};

void check_same(const deploy::Column& found, const Split& split, const std::string& name) {
  INFO(name);
  const Column& expected = split.columns.at(name);
  CHECK(found.ids() == expected.ids);
  CHECK(found.numbers() == expected.numbers);
  CHECK(found.examples() == static_cast<size_t>(split.examples));
  std::string dim = expected.dim;
  for (int level = found.spec().levels - 1; level >= 0; --level) {
    const Ragged& ragged = split.ragged.at(dim);
    Ids offsets{0};
    for (const int32_t n : found.lengths(level)) offsets.push_back(offsets.back() + n);
    CHECK(offsets == ragged.offsets);
    dim = ragged.parent;
  }
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

// Every cell, as the only column of a table and by add_text: the same, or refused by both.
void check_cells(const Trained& source, const Texts& cells) {
  const std::string name = source.spec.sources[0].columns[0].name;
  for (const std::string& cell : cells) {
    INFO("cell `" << cell << "`");
    Deployed column = source.column(name);
    const auto expected = source.predict(name + "\tother\n" + cell + "\tx\n");
    const std::string error = error_of([&] { column->add_text(cell); });
    const bool missing = expected && expected->columns.at(name).missing > 0;
    if (expected && !missing) {
      CHECK(error == "");
      check_same(*column, *expected, name);
    } else {
      CHECK(error.find("column `" + name + "`: ") == 0);
      CHECK(column->examples() == 0);
      CHECK((column->ids().empty() && column->numbers().empty()));
    }
  }
}

Trained table(ColumnSpec column, const std::string& train, Texts missing = {}, bool lowercase = false) {
  column.name = "x";
  column.binding = named({"x"});
  Spec spec = one_source(Format::tsv, {std::move(column)}, {{"en", lowercase}});
  spec.sources[0].missing = std::move(missing);
  return Trained(std::move(spec), "x\tother\n" + train);
}
ColumnSpec kind(ValueKind value, std::vector<Transform> transforms = {}) {
  return column("x", value, named({"x"}), std::move(transforms));
}
Transform fill_text(std::string text) {
  return transform(Kind::fill_text, std::move(text));
}

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
}

TEST_CASE("JSON arrays are sequences, and sequences of sequences") {
  Spec spec = one_source(Format::jsonl,
                         {along({"T"}, column("w", ValueKind::token, named({"w"}), {limit(3)})),
                          along({"A", "B"}, column("n", ValueKind::token, named({"n"}))),
                          shaped({3}, column("f", ValueKind::number, named({"f"}), {transform(Kind::standardize)}))});
  const Trained source(spec,
                       "{\"w\": [\"a\", \"b\"], \"n\": [[\"a\"], [\"b\", \"c\"]], \"f\": [1, 2, 3]}\n"
                       "{\"w\": [\"b\"], \"n\": [[\"c\"]], \"f\": [4, 5, 9.5]}\n");
  Deployed w = source.column("w"), n = source.column("n"), f = source.column("f");
  w->add_texts(Texts{"b", "a", "z", "a"});
  n->add_texts(std::vector<Texts>{{"c", "z"}, {"a"}});
  const double numbers[] = {0.5, 1, 2};
  f->add_numbers(numbers, 3);
  const auto split =
      source.predict("{\"w\": [\"b\", \"a\", \"z\", \"a\"], \"n\": [[\"c\", \"z\"], [\"a\"]], \"f\": [0.5, 1, 2]}\n");
  REQUIRE(split);
  check_same(*w, *split, "w");
  check_same(*n, *split, "n");
  check_same(*f, *split, "f");
  CHECK(error_of([&] { n->add_texts(Texts{"a"}); }) == "column `n`: takes sequences of sequences");
  CHECK(error_of([&] { w->add_texts(std::vector<Texts>{{"a"}}); }) == "column `w`: takes no sequences of sequences");
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
