// Transforms one by one: what becomes of cells, and what is said of those that do not fit.
#include <catch2/catch.hpp>

#include "runtime/data/plan.h"
#include "runtime/data/text.h"
#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

namespace {

const Transform kSplit = transform(Kind::split, " ");

}  // namespace

TEST_CASE("transforms: a piece of a cell, of a token, of a piece") {
  Folder folder;
  folder.write("train", "O B-x go\ta/1/N b/2/V\nO O stop\tc/3/N\n");
  Spec spec = one_source(
      Format::tsv,
      {column("intent", ValueKind::label, at({0}), {kSplit, part(-1)}),
       column("second", ValueKind::category, at({0}), {kSplit, part(1)}),
       along({"T"}, column("word", ValueKind::token, at({1}), {kSplit, transform(Kind::split, "/"), part(0)})),
       along({"T"}, column("number", ValueKind::number, at({1}), {kSplit, transform(Kind::split, "/"), part(-2)})),
       along({"T"}, column("tag", ValueKind::label, at({1}), {kSplit, transform(Kind::split, "/"), part(2)}))});
  spec.sources[0].header = false;
  const Loading loading(spec, folder);
  CHECK(loading.reports() == Names{});
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.intent").names == Names{"go", "stop"});
  CHECK(loading.data->fitted.sets.at("s.second").names == Names{"<unk>", "B-x", "O"});
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "a", "b", "c"});
  CHECK(loading.train().columns.at("number").numbers == std::vector<float>{1, 2, 3});
  CHECK(loading.train().columns.at("tag").ids == Ids{0, 1, 0});
}

TEST_CASE("transforms: a row without the piece is bad, and so is one whose piece is missing without a fill") {
  Folder folder;
  folder.write("train", "a/N\tx\nb\ty\n\nc/?\tz\n");
  Spec spec = one_source(
      Format::conll, {along({"T"}, column("tag", ValueKind::label, at({0}), {transform(Kind::split, "/"), part(1)}))});
  spec.sources[0].missing = {"?"};
  CHECK(
      Loading(spec, folder).reports() ==
      Names{"E0543 train:2 column `tag`: `split` makes 1 piece of `b`, and there is no number 1 // pieces are counted "
            "from 0; below 0 from the end, `part(-1)` being `last`"});
  folder.write("train", "a/N\tx\nb/V\ty\n\nc/?\tz\n");
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("tag").ids == Ids{0, 1, -1});
}

// numpy 2.2: numpy.digitize([-1, 0, 17.9, 18, 59.999, 60, 1e9], [18, 35, 60]) is [0, 0, 0, 1, 2, 3, 3]
TEST_CASE("transforms: bins with bounds are numpy.digitize's") {
  Folder folder;
  folder.write("train", "a\n-1\n0\n17.9\n18\n59.999\n60\n1e9\n");
  const Loading loading(
      one_source(Format::tsv, {column("a", ValueKind::label, named({"a"}), {bounds({18, 35, 60})}),
                               column("b", ValueKind::category, named({"a"}), {bounds({18, 35, 60})})}),
      folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("a").ids == Ids{0, 0, 0, 1, 2, 3, 3});
  CHECK(loading.train().columns.at("b").ids == Ids{0, 0, 0, 1, 2, 3, 3});
  CHECK(loading.data->fitted.sets.at("s.a").names == Names{"below 18", "18 to 35", "35 to 60", "from 60"});
  CHECK(loading.data->fitted.sets.at("s.b").size() == 4);
}

TEST_CASE("transforms: limit that keeps the last, in every column of the dimension") {
  Folder folder;
  folder.write("train", "aa\tX\nbb\tY\ncc\tZ\n\ndd\tX\n");
  const auto with = [&](Format format, std::vector<Transform> letters) {
    return one_source(format, {along({"T"}, column("w", ValueKind::token, at({0}), {limit_last(2)})),
                               along({"T"}, column("tags", ValueKind::label, at({1}))),
                               along({"T", "C"}, column("c", ValueKind::token, at({0}), std::move(letters)))});
  };
  const Loading loading(with(Format::conll, {transform(Kind::characters), limit(1)}), folder);
  REQUIRE(loading.data);
  const Split& train = loading.train();
  const IdSet& words = loading.data->fitted.vocabs.at("en");
  CHECK(train.ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(train.columns.at("w").ids == Ids{words.find("bb"), words.find("cc"), words.find("dd")});
  CHECK(train.columns.at("c").ids == Ids{words.find("b"), words.find("c"), words.find("d")});
  CHECK(train.columns.at("tags").ids == Ids{1, 2, 0});
  CHECK(train.columns.at("tags").cut_ids == Ids{0});
  CHECK(train.columns.at("tags").cut_starts == std::vector<int64_t>{0, 1, 1});
  CHECK(train.ragged.at("T").keep_last);
  CHECK_FALSE(train.ragged.at("T.C").keep_last);
  CHECK(loading.reports() ==
        Names{"W0501 `s.T`: `limit` cuts 1 of 4 positions from the beginning of 1 example of train",
              "W0501 `s.T.C`: `limit` cuts 3 of 6 positions from the end of 2 examples of train"});
  CHECK(Loading(with(Format::conll, {limit(2), transform(Kind::characters)}), folder).report().find("E0544") == 0);
  // The place of a bad piece is that of its own line.
  folder.write("train", "aa\tX\nbb\tY\nc\tZ\n\ndd\tX\n");
  CHECK(Loading(with(Format::conll, {transform(Kind::characters), part(1), transform(Kind::characters)}), folder)
            .report()
            .find("E0543 train:3 ") == 0);
}

TEST_CASE("transforms: limit that keeps the last, of JSON arrays") {
  Folder folder;
  folder.write("train", R"({"w": ["a", "b", "c"], "n": [1, 2, 3], "l": ["x", "x", "y"]})"
                        "\n");
  const Loading loading(
      one_source(Format::jsonl, {along({"T"}, column("w", ValueKind::token, named({"w"}), {limit_last(2)})),
                                 along({"T"}, column("n", ValueKind::number, named({"n"}))),
                                 along({"T"}, column("l", ValueKind::label, named({"l"})))}),
      folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "b", "c"});
  CHECK(loading.train().columns.at("n").numbers == std::vector<float>{2, 3});
  CHECK(loading.train().columns.at("l").ids == Ids{0, 1});
  CHECK(loading.train().columns.at("l").cut_ids == Ids{0});
}

// By 30 lines of Python from the published constants of FNV-1a and splitmix64.
TEST_CASE("transforms: hash gives the same ids everywhere") {
  const auto ids = [](std::string_view text) {
    Ids out;
    for (const int64_t count : {int64_t{2}, int64_t{7}, int64_t{100000}, int64_t{2147483647}})
      out.push_back(bucket_of(text, count));
    return out;
  };
  CHECK(ids("") == Ids{0, 4, 9008, 1923610421});
  CHECK(ids("a") == Ids{1, 1, 76583, 468650622});
  CHECK(ids("play") == Ids{1, 3, 13335, 1514626722});
  CHECK(ids("z\xC3\xBCrich") == Ids{0, 0, 52558, 1170152294});
  CHECK(ids("berlin\x1F"
            "9") == Ids{0, 2, 33784, 1771505869});
}

TEST_CASE("transforms: hash keeps no names, and what train lacks has an id like others") {
  Folder folder;
  folder.write("train", "w\tc\tp\tq\na Play\tx\tu\tv\nb\tplay\tv\tu\n");
  folder.write("dev", "w\tc\tp\tq\nzzz\tyyy\tu\tu\n");
  Spec spec = one_source(Format::tsv,
                         {along({"T"}, column("w", ValueKind::token, named({"w"}), {kSplit, hashed(100000)})),
                          column("c", ValueKind::category, named({"c"}), {hashed(100000)}),
                          shaped({2}, column("both", ValueKind::category, named({"p", "q"}), {hashed(7)}))},
                         {{"en", true}});
  spec.vocabs[0].buckets = 100000;
  spec.sources[0].dev = {"dev"};
  const Loading loading(spec, folder);
  CHECK(loading.reports() == Names{});
  REQUIRE(loading.data);
  const Fitted& fitted = loading.data->fitted;
  CHECK(fitted.vocabs.at("en").names.empty());
  CHECK(fitted.size_of(spec, "en") == 100000);
  CHECK(fitted.size_of(spec, "s.c") == 100000);
  CHECK(fitted.size_of(spec, "s.both") == 7);
  CHECK(loading.train().columns.at("w").ids == Ids{76583, 13335, bucket_of("b", 100000)});  // in lower case
  CHECK(loading.train().columns.at("c").ids == Ids{bucket_of("x", 100000), 13335});
  const Split& dev = loading.data->sources[0].dev;
  CHECK(dev.columns.at("w").ids == Ids{bucket_of("zzz", 100000)});
  CHECK(dev.columns.at("c").ids == Ids{bucket_of("yyy", 100000)});
  CHECK(dev.columns.at("both").ids == Ids{bucket_of("0=u", 7), bucket_of("1=u", 7)});

  std::string why;
  const auto again = fitted_from_json(to_json(fitted), why);
  REQUIRE(again);
  CHECK(again->vocabs.at("en").buckets == 100000);
  CHECK(fits_spec(*again, spec, why));
  Spec other = spec;
  other.sources[0].columns[1].transforms[0].count = 99;
  CHECK_FALSE(fits_spec(*again, other, why));
  for (const char* bad : {"0", "-1", "2147483648", "1.5", "\"7\""}) {
    const std::string json =
        R"({"version":1,"vocabs":{},"numbers":{},"sets":{"s.c":{"names":[],"has_unknown":false,"lowercase":false,"buckets":)" +
        std::string(bad) + "}}}";
    CHECK_FALSE(fitted_from_json(json, why));
  }
}

TEST_CASE("transforms: cross joins cells; one that is missing or empty makes the whole so") {
  Folder folder;
  const std::string header = "city\thour\tn\n";
  folder.write("train", header + "a\t1\tx\na\t2\tx\na\t1\tx\n?\t1\tx\n");
  folder.write("dev", header + "b\t1\tx\na1\t\tx\na\t2\tx\n");
  Spec spec = one_source(Format::tsv, {column("c", ValueKind::category, cross({"city", "hour"})),
                                       column("h", ValueKind::category, cross({"city", "hour"}),
                                              {transform(Kind::fill_text, "none"), hashed(1000)})});
  spec.sources[0].missing = {"?", ""};
  spec.sources[0].dev = {"dev"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.c").names == Names{"<unk>",
                                                           "a\x1F"
                                                           "1",
                                                           "a\x1F"
                                                           "2"});
  CHECK(loading.train().columns.at("c").ids == Ids{1, 2, 1, -1});
  CHECK(loading.train().columns.at("h").ids[3] == bucket_of("none", 1000));
  CHECK(loading.train().columns.at("h").ids[1] == bucket_of("a\x1F"
                                                            "2",
                                                            1000));
  CHECK(loading.data->sources[0].dev.columns.at("c").ids == Ids{0, -1, 2});
  spec.sources[0].missing = {};
  CHECK(Loading(spec, folder).reports()[0].find("E0512 dev:3 the cell of column `c` is empty") == 0);
  folder.write("train", "{\"city\": \"a\", \"hour\": 1}\n{\"city\": \"a\"}\n");
  const Loading json(one_source(Format::jsonl, {column("c", ValueKind::category, cross({"city", "hour"}))}), folder);
  REQUIRE(json.data);
  CHECK(json.data->fitted.sets.at("s.c").names == Names{"<unk>",
                                                        "a\x1F"
                                                        "1"});
  CHECK(json.train().columns.at("c").ids == Ids{1, -1});
  folder.write("train", "a\tX\nb\tY\n\na\tX\n");
  Binding cells = at({0, 1});
  cells.cross = true;
  const Loading conll(one_source(Format::conll, {along({"T"}, column("c", ValueKind::token, cells))}), folder);
  REQUIRE(conll.data);
  CHECK(conll.train().columns.at("c").ids == Ids{1, 2, 1});
}
