// From files to encoded splits: the good cases of every format.
#include "runtime/data/load.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

namespace {

constexpr const char* kTrain =
    "# id = 1\n# intent = play\nPlay\tO\nJazz\tB-genre\n\n"
    "# id = 2\n# intent = rate\nrate\tO\njazz\tB-genre\n#\tO\n";

Spec tagging() {
  return one_source(
      Format::conll,
      {along({"T"}, column("words", ValueKind::token, at({0}))),
       along({"T"}, column("tags", ValueKind::label, at({1}))), column("intent", ValueKind::label, comment("intent"))},
      {{"en", true}});
}

}  // namespace

TEST_CASE("a CoNLL file gives tokens, tags and sentence labels") {
  Folder folder;
  folder.write("train", kTrain);
  const Loading loading(tagging(), folder);
  REQUIRE(loading.data);
  CHECK(loading.reports().empty());
  const Split& train = loading.train();
  CHECK(train.examples == 2);
  CHECK(train.ragged.at("T").offsets == Ids{0, 2, 5});
  // By falling count, then by name: jazz twice, the others once.
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "jazz", "#", "play", "rate"});
  CHECK(train.columns.at("words").ids == Ids{3, 1, 4, 1, 2});
  CHECK(loading.data->fitted.sets.at("s.tags").names == Names{"O", "B-genre"});
  CHECK(train.columns.at("tags").ids == Ids{0, 1, 0, 1, 0});
  CHECK(train.columns.at("intent").ids == Ids{0, 1});
  CHECK(train.columns.at("tags").dim == "T");
  CHECK(train.columns.at("intent").dim.empty());
}

TEST_CASE("byte order mark and CRLF make no difference") {
  Folder folder;
  std::string text = "\xEF\xBB\xBF";
  for (const char c : std::string(kTrain)) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  folder.write("train", text);
  const Loading loading(tagging(), folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("words").ids == Ids{3, 1, 4, 1, 2});
  CHECK(loading.train().columns.at("intent").ids == Ids{0, 1});
}

TEST_CASE("cells of a CoNLL file without tabs are parted by runs of spaces") {
  Folder folder;
  folder.write("train", "-DOCSTART- -X- O O\n\n# intent = a\nEU   NNP B-ORG\n# NN O\n\n# O O\n");
  const Loading loading(one_source(Format::conll, {along({"T"}, column("words", ValueKind::token, at({0}))),
                                                   along({"T"}, column("tags", ValueKind::label, at({2})))}),
                        folder);
  REQUIRE(loading.data);
  // "# O O" has no `key = value` in it: a token.
  CHECK(loading.train().ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "#", "EU"});
}

TEST_CASE("the separator of a CoNLL file is the setting, or what its tokens have") {
  Folder folder;
  folder.write("train", "# intent = a\nx y|O\ny|O\n\n# intent = b\nz|O\n");
  Spec spec = tagging();
  spec.sources[0].separator = "|";
  const Loading set(spec, folder);
  REQUIRE(set.data);
  CHECK(set.data->fitted.vocabs.at("en").names == Names{"<unk>", "x y", "y", "z"});
  folder.write("train", "# intent = a\tb\nx O\ny O\n\n# note = \t\n# intent = b\nz O\n");
  const Loading spaces(tagging(), folder);
  REQUIRE(spaces.data);
  CHECK(spaces.data->fitted.vocabs.at("en").names == Names{"<unk>", "x", "y", "z"});
  CHECK(spaces.data->fitted.sets.at("s.intent").names == Names{"a\tb", "b"});
  folder.write("train", "#\tO\n");  // in front of a sentence, but of no comment's form
  CHECK(Loading(one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0})))}), folder)
            .data->fitted.vocabs.at("en")
            .names == Names{"<unk>", "#"});
}

TEST_CASE("CoNLL-U skips ranges of multiword tokens and empty nodes, and names its columns") {
  Folder folder;
  const std::string rest = "\t_\t_\t_\t_\t0\troot\t_\t_\n";
  const auto token = [](const std::string& id, const std::string& form, const std::string& upos) {
    return id + "\t" + form + "\t_\t" + upos + "\t_\t_\t0\troot\t_\t_\n";
  };
  folder.write("train", "# sent_id = 1\n# text = vámonos\n" + token("1-2", "vámonos", "_") +
                            token("1", "vamos", "VERB") + token("1.1", "x", "X") + token("2", "nos", "PRON") + "\n");
  const Loading loading(one_source(Format::conllu, {along({"T"}, column("words", ValueKind::token, named({"FORM"}))),
                                                    along({"T"}, column("pos", ValueKind::label, named({"UPOS"}))),
                                                    column("text", ValueKind::label, comment("text"))}),
                        folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "nos", "vamos"});
  CHECK(loading.data->fitted.sets.at("s.pos").names == Names{"PRON", "VERB"});
  CHECK(loading.data->fitted.sets.at("s.text").names == Names{"vámonos"});
}

TEST_CASE("characters make a nested dimension") {
  Folder folder;
  folder.write("train", "ab\tX\nc\tY\n\nd\tX\n");
  const Loading loading(
      one_source(Format::conll,
                 {along({"T"}, column("words", ValueKind::token, at({0}))),
                  along({"T", "C"}, column("letters", ValueKind::token, at({0}), {transform(Kind::characters)}))}),
      folder);
  REQUIRE(loading.data);
  CHECK(loading.train().ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(loading.train().ragged.at("T.C").offsets == Ids{0, 2, 3, 4});
  CHECK(loading.train().ragged.at("T.C").parent == "T");
  CHECK(loading.train().columns.at("letters").dim == "T.C");
  CHECK(loading.train().columns.at("letters").ids.size() == 4);
}

TEST_CASE("a TSV file has no quoting; text is split; truth values by `is`") {
  Folder folder;
  folder.write("train", "text\tlabel\tgood\nthe \"best\tpos\tja\n\nthe worst\tneg\tnein\n");
  const Loading loading(
      one_source(Format::tsv,
                 {along({"T"}, column("words", ValueKind::token, named({"text"}), {transform(Kind::split, " ")})),
                  column("label", ValueKind::label, named({"label"})),
                  column("good", ValueKind::boolean, named({"good"}), {is({"ja"})})}),
      folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "the", "\"best", "worst"});
  CHECK(loading.train().columns.at("label").ids == Ids{1, 0});  // neg, pos
  CHECK(loading.train().columns.at("good").numbers == std::vector<float>{1, 0});
}

TEST_CASE("CSV quoting: separators, doubled quotes and line ends inside quotes") {
  Folder folder;
  folder.write("train", "a;text;n\r\n1;\"x; \"\"y\"\"\nz\";2\r\n3;plain \"q\";4\r\n5;;\"6\"");
  Spec spec = one_source(Format::csv, {column("text", ValueKind::category, named({"text"})),
                                       shaped({2}, column("n", ValueKind::number, named({"a", "n"})))});
  spec.sources[0].separator = ";";
  spec.sources[0].missing = {""};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.text").names == Names{"<unk>", "plain \"q\"", "x; \"y\"\nz"});
  CHECK(loading.train().columns.at("text").ids == Ids{2, 1, kMissing});
  CHECK(loading.train().columns.at("text").missing == 1);
  CHECK(loading.train().columns.at("n").numbers == std::vector<float>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a table without a header is read by numbers") {
  Folder folder;
  folder.write("train", "1\tx\n2\ty\n");
  Spec spec =
      one_source(Format::tsv, {column("n", ValueKind::number, at({0})), column("c", ValueKind::label, at({1}))});
  spec.sources[0].header = false;
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("n").numbers == std::vector<float>{1, 2});
}

TEST_CASE("JSON lines: keys, field paths, arrays, null and absent") {
  Folder folder;
  folder.write(
      "train",
      "{\"words\": [\"a\", \"b\"], \"meta\": {\"scores\": [0.5, 1]}, \"tags\": [\"x\", null], \"ok\": true, \"n\": 3}\n"
      "\n"
      "{\"words\": [\"c\"], \"meta\": {\"scores\": [2, 3]}, \"ok\": null}\n");
  const Loading loading(
      one_source(Format::jsonl,
                 {along({"T"}, column("words", ValueKind::token, named({"words"}))),
                  along({"T"}, column("tags", ValueKind::label, named({"tags"}))),
                  shaped({2}, column("scores", ValueKind::number, field("meta.scores"))),
                  column("second", ValueKind::number, field("meta.scores.1")),
                  column("ok", ValueKind::boolean, named({"ok"})), column("n", ValueKind::label, named({"n"}))}),
      folder);
  for (const auto& report : loading.reports()) UNSCOPED_INFO(report);
  REQUIRE(loading.data);
  const Split& train = loading.train();
  CHECK(train.ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(train.columns.at("tags").ids == Ids{0, kMissing, kMissing});
  CHECK(train.columns.at("scores").numbers == std::vector<float>{0.5f, 1, 2, 3});
  CHECK(train.columns.at("second").numbers == std::vector<float>{1, 3});
  CHECK(train.columns.at("ok").numbers[0] == 1);
  CHECK(std::isnan(train.columns.at("ok").numbers[1]));
  CHECK(train.columns.at("n").ids == Ids{0, kMissing});
  CHECK(train.columns.at("n").first_missing == folder.path() + "/train:3");
}

TEST_CASE("`labels` are rows of zeros and ones over the set") {
  Folder folder;
  folder.write("train", "tags\na,b\nb\n?\n");
  Spec spec =
      one_source(Format::tsv, {column("tags", ValueKind::labels, named({"tags"}), {transform(Kind::split, ",")})});
  spec.sources[0].missing = {"?"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.tags").names == Names{"b", "a"});
  const Column& tags = loading.train().columns.at("tags");
  CHECK(tags.width == 2);
  CHECK(std::vector<float>(tags.numbers.begin(), tags.numbers.begin() + 4) == std::vector<float>{1, 1, 1, 0});
  CHECK(std::isnan(tags.numbers[4]));
}

TEST_CASE("a missing class of `labels` leaves the others of its row") {
  Folder folder;
  folder.write("train", "tags\na,b\n?,b\nb,?,b\n");
  Spec spec =
      one_source(Format::tsv, {column("tags", ValueKind::labels, named({"tags"}), {transform(Kind::split, ",")})});
  spec.sources[0].missing = {"?"};
  const Loading table(spec, folder);
  REQUIRE(table.data);
  CHECK(table.train().columns.at("tags").numbers == std::vector<float>{1, 1, 1, 0, 1, 0});
  CHECK(table.train().columns.at("tags").missing == 0);
  folder.write("train", "{\"tags\": [\"a\", null, \"b\"]}\n{\"tags\": [null]}\n{\"tags\": [\"b\"]}\n");
  const Loading json(one_source(Format::jsonl, {column("tags", ValueKind::labels, named({"tags"}))}), folder);
  REQUIRE(json.data);
  CHECK(json.train().columns.at("tags").numbers == std::vector<float>{1, 1, 0, 0, 1, 0});
}

TEST_CASE("a token without `labels` is a missing row, not one without classes") {
  Folder folder;
  folder.write("train", "x\ta|b\ny\t?\nz\tb\n");
  Spec spec = one_source(Format::conll,
                         {along({"T"}, column("tags", ValueKind::labels, at({1}), {transform(Kind::split, "|")}))});
  spec.sources[0].missing = {"?"};
  const Loading sentences(spec, folder);
  REQUIRE(sentences.data);
  folder.write("train", "{\"tags\": [[\"a\", \"b\"], null, [\"b\"]]}\n");
  const Loading json(one_source(Format::jsonl, {along({"T"}, column("tags", ValueKind::labels, named({"tags"})))}),
                     folder);
  REQUIRE(json.data);
  for (const Loading* loading : {&sentences, &json}) {
    const Column& tags = loading->train().columns.at("tags");
    CHECK(tags.missing == 1);
    REQUIRE(tags.numbers.size() == 6);
    CHECK(std::isnan(tags.numbers[2]));
    CHECK(std::vector<float>(tags.numbers.begin() + 4, tags.numbers.end()) == std::vector<float>{1, 0});
  }
}

TEST_CASE("`labels` of which train has none are an empty set") {
  Folder folder;
  folder.write("train", "tags\n?\n?\n");
  Spec spec =
      one_source(Format::tsv, {column("tags", ValueKind::labels, named({"tags"}), {transform(Kind::split, ",")})});
  spec.sources[0].missing = {"?"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("tags").width == 0);
  CHECK(loading.train().columns.at("tags").missing == 2);
  CHECK(loading.train().columns.at("tags").first_missing == folder.path() + "/train:2");
}

TEST_CASE("classes of a set that train does not have are counted by row") {
  Folder folder;
  folder.write("train", "tags\na,b\n");
  folder.write("dev", "tags\na\na,c,d\n");
  Spec spec =
      one_source(Format::tsv, {column("tags", ValueKind::labels, named({"tags"}), {transform(Kind::split, ",")})});
  spec.sources[0].dev = {"dev"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  const Column& tags = loading.data->sources[0].dev.columns.at("tags");
  CHECK(tags.numbers == std::vector<float>{1, 0, 1, 0});
  CHECK(tags.unseen == Ids{0, 2});
}

TEST_CASE("what limit cut goes with its example into the holdout") {
  Folder folder;
  std::string text = "w\tt\n";
  for (int i = 1; i <= 6; ++i) {
    std::string words, tags;
    for (int k = 0; k < i; ++k) words += "w ", tags += "t" + std::to_string(i) + " ";
    text += words + "\t" + tags + "\n";
  }
  folder.write("train", text);
  Spec spec = one_source(
      Format::tsv, {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, " "), limit(2)})),
                    along({"T"}, column("t", ValueKind::label, named({"t"}), {transform(Kind::split, " ")}))});
  spec.sources[0].holdout_count = 3;
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  int64_t cut = 0;
  for (const Split* split : {&loading.train(), &loading.data->sources[0].dev}) {
    const Column& tags = split->columns.at("t");
    const auto& offsets = split->ragged.at("T").offsets;
    REQUIRE(tags.cut_starts.size() == 4);
    for (size_t e = 0; e < 3; ++e) {
      const int64_t kept = offsets[e + 1] - offsets[e], behind = tags.cut_starts[e + 1] - tags.cut_starts[e];
      CHECK((kept == 2 || behind == 0));
      // All tags of an example are the same one; the held out ones are unseen.
      for (int64_t i = 0; i < behind; ++i)
        CHECK(tags.cut_ids[static_cast<size_t>(tags.cut_starts[e] + i)] == tags.ids[static_cast<size_t>(offsets[e])]);
    }
    cut += split->ragged.at("T").cut;
    CHECK(split->ragged.at("T").cut == tags.cut_starts.back());
  }
  CHECK(cut == 1 + 2 + 3 + 4);
}

TEST_CASE("the columns of category[2] keep their values apart, each with an unknown one") {
  Folder folder;
  folder.write("train", "a\tb\nx\tx\ny\tx\n");
  folder.write("dev", "a\tb\ny\ty\nz\tx\n");
  Spec spec = one_source(Format::tsv, {shaped({2}, column("c", ValueKind::category, named({"a", "b"})))});
  spec.sources[0].dev = {"dev"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.c").names == Names{"0=<unk>", "0=x", "0=y", "1=<unk>", "1=x"});
  CHECK(loading.train().columns.at("c").ids == Ids{1, 4, 2, 4});
  CHECK(loading.data->sources[0].dev.columns.at("c").ids == Ids{2, 3, 0, 4});
}

TEST_CASE("vocabularies: min_count, max_size, and unseen words") {
  Folder folder;
  folder.write("train", "a\nb\nb\nc\nc\nc\nd\nd\nd\nd\n");
  folder.write("dev", "d\nzzz\n");
  Spec spec = one_source(Format::conll, {along({"T"}, column("w", ValueKind::token, at({0})))});
  spec.sources[0].dev = {"dev"};
  spec.vocabs[0].min_count = 2;
  CHECK(Loading(spec, folder).data->fitted.vocabs.at("en").names == Names{"<unk>", "d", "c", "b"});
  spec.vocabs[0].max_size = 3;
  const Loading loading(spec, folder);
  CHECK(loading.data->fitted.vocabs.at("en").names == Names{"<unk>", "d", "c"});
  CHECK(loading.data->sources[0].dev.columns.at("w").ids == Ids{1, 0});
  CHECK(loading.data->fitted.size_of(spec, "en") == 3);
  CHECK(loading.data->fitted.size_of(spec, "s.w") == 3);
  CHECK_FALSE(loading.data->fitted.size_of(spec, "s.x"));
}

TEST_CASE("fixed label sets keep their order; a set can be another column's") {
  Folder folder;
  folder.write("train", "a\tb\nneg\tx\npos\ty\n");
  ColumnSpec fixed = column("a", ValueKind::label, named({"a"}));
  fixed.fixed_labels = {"pos", "neg", "none"};
  ColumnSpec borrowed = column("again", ValueKind::label, named({"a"}));
  borrowed.labels_of = "s.a";
  const Loading loading(one_source(Format::tsv, {borrowed, fixed}), folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("a").ids == Ids{1, 0});
  CHECK(loading.train().columns.at("again").ids == Ids{1, 0});
  CHECK(loading.data->fitted.sets.at("s.again").size() == 3);
}

TEST_CASE("limit cuts every column of its dimension, with a warning") {
  Folder folder;
  folder.write("train", "aa\tX\nbb\tY\ncc\tX\n\ndd\tX\n");
  const Loading loading(
      one_source(Format::conll,
                 {along({"T"}, column("w", ValueKind::token, at({0}), {limit(2)})),
                  along({"T"}, column("tags", ValueKind::label, at({1}))),
                  along({"T", "C"}, column("c", ValueKind::token, at({0}), {transform(Kind::characters), limit(1)}))}),
      folder);
  REQUIRE(loading.data);
  CHECK(loading.train().ragged.at("T").offsets == Ids{0, 2, 3});
  CHECK(loading.train().ragged.at("T").cut == 1);
  CHECK(loading.train().ragged.at("T.C").offsets == Ids{0, 1, 2, 3});
  CHECK(loading.train().ragged.at("T.C").cut == 3);
  CHECK(loading.train().columns.at("tags").ids == Ids{0, 1, 0});
  CHECK(loading.train().columns.at("tags").cut_ids == Ids{0});
  CHECK(loading.train().columns.at("tags").cut_starts == std::vector<int64_t>{0, 1, 1});
  CHECK(loading.train().columns.at("c").ids.size() == 3);
  CHECK(loading.reports() == Names{"W0501 `s.T`: `limit` cuts 1 of 4 positions from the end of 1 example of train",
                                   "W0501 `s.T.C`: `limit` cuts 3 of 6 positions from the end of 2 examples of train"});
}

TEST_CASE("several files make a split; a holdout is the same each time and leaves train the rest") {
  Folder folder;
  std::string first = "n\n", second = "n\n";
  for (int i = 0; i < 40; ++i) (i % 2 ? first : second) += std::to_string(i) + "\n";
  folder.write("train", first);
  folder.write("more", second);
  Spec spec = one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}))});
  spec.sources[0].train = {"train", "more"};
  spec.sources[0].holdout_fraction = 0.25;
  const Loading a(spec, folder), b(spec, folder);
  REQUIRE(a.data);
  CHECK(a.data->sources[0].has_dev);
  CHECK(a.train().examples == 30);
  CHECK(a.data->sources[0].dev.examples == 10);
  std::vector<float> all = a.train().columns.at("n").numbers;
  const auto& held = a.data->sources[0].dev.columns.at("n").numbers;
  CHECK(held == b.data->sources[0].dev.columns.at("n").numbers);
  all.insert(all.end(), held.begin(), held.end());
  std::sort(all.begin(), all.end());
  for (int i = 0; i < 40; ++i) CHECK(all[i] == static_cast<float>(i));
}

TEST_CASE("a holdout takes whole nested examples and sets of labels along") {
  Folder folder;
  std::string text = "t\tk\n";
  for (int i = 1; i <= 9; ++i) {
    std::string words, labels;
    for (int k = 0; k < i; ++k) words += (k ? " " : "") + std::string(static_cast<size_t>(k + 1), 'x');
    for (int k = 0; k < i % 3; ++k) labels += (k ? "," : "") + std::to_string(i);
    text += words + "\t" + labels + "\n";
  }
  folder.write("train", text);
  Spec spec =
      one_source(Format::tsv, {along({"T", "C"}, column("c", ValueKind::token, named({"t"}),
                                                        {transform(Kind::split, " "), transform(Kind::characters)})),
                               column("k", ValueKind::labels, named({"k"}), {transform(Kind::split, ",")})});
  spec.sources[0].holdout_count = 4;
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  int64_t positions = 0, letters = 0;
  for (const Split* split : {&loading.train(), &loading.data->sources[0].dev}) {
    for (int64_t e = 0; e < split->examples; ++e) {
      const auto& t = split->ragged.at("T").offsets;
      const auto& c = split->ragged.at("T.C").offsets;
      positions += t[e + 1] - t[e];
      for (int32_t p = t[e]; p < t[e + 1]; ++p) CHECK(c[p + 1] - c[p] == p - t[e] + 1);  // word k has k + 1 letters
      letters += c[t[e + 1]] - c[t[e]];
    }
    CHECK(static_cast<int64_t>(split->columns.at("c").ids.size()) == split->ragged.at("T.C").offsets.back());
    CHECK(split->columns.at("k").numbers.size() == static_cast<size_t>(split->examples * split->columns.at("k").width));
  }
  CHECK(positions == 45);
  CHECK(letters == 165);  // sum of i (i + 1) / 2
}

TEST_CASE("folds alone hold one fold out as dev and say so") {
  Folder folder;
  std::string text = "n\n";
  for (int i = 0; i < 20; ++i) text += std::to_string(i) + "\n";
  folder.write("train", text);
  Spec spec = one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}))});
  spec.sources[0].folds = 5;
  const Loading loading(spec, folder);
  CHECK(loading.data->sources[0].dev.examples == 4);
  CHECK(loading.report() ==
        "W0505 source `s` has no dev split: one of its 5 folds (4 of 20 examples) is held out as dev");
}

TEST_CASE("labels that train does not have are counted wrong and named in a warning") {
  Folder folder;
  folder.write("train", "y\na\nb\n");
  folder.write("test", "y\na\nc\nd\nc\n");
  Spec spec = one_source(Format::tsv, {column("y", ValueKind::label, named({"y"}))});
  spec.sources[0].test = {"test"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->sources[0].test.columns.at("y").ids == Ids{0, kUnseen, kUnseen - 1, kUnseen});
  CHECK(loading.data->sources[0].test.columns.at("y").unseen_names == Names{"c", "d"});
  CHECK(loading.report() ==
        "W0500 `s.y`: 2 labels of test that train does not have: `c`, `d`; 3 examples, counted as wrong");
}

TEST_CASE("labels of a borrowed set are compared with that set, in train too") {
  Folder folder;
  folder.write("train", "y\tz\na\tb\nb\tc\n");
  ColumnSpec borrowed = column("z", ValueKind::label, named({"z"}));
  borrowed.labels_of = "s.y";
  const Loading loading(one_source(Format::tsv, {column("y", ValueKind::label, named({"y"})), borrowed}), folder);
  REQUIRE(loading.data);
  CHECK(loading.report() ==
        "W0500 `s.z`: 1 label of train that the label set of `s.y` does not have: `c`; 1 example, counted as wrong");
}

TEST_CASE("a missing column of tags has the length of its words") {
  Folder folder;
  folder.write("train", "t\tl\na b c\tX Y X\nd e\t?\nf g\tX ?\n");
  Spec spec = one_source(
      Format::tsv, {along({"T"}, column("tags", ValueKind::label, named({"l"}), {transform(Kind::split, " ")})),
                    along({"T"}, column("words", ValueKind::token, named({"t"}), {transform(Kind::split, " ")}))});
  spec.sources[0].missing = {"?"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.train().columns.at("tags").ids == Ids{0, 1, 0, kMissing, kMissing, 0, kMissing});
}

TEST_CASE("fill puts something in the place of a missing value") {
  Folder folder;
  folder.write("train", "c\tn\tm\nx\t1\t?\n?\t?\t4\n?\t3\t8\n");
  Spec spec =
      one_source(Format::tsv, {column("c", ValueKind::category, named({"c"}), {transform(Kind::fill_text, "none")}),
                               column("n", ValueKind::number, named({"n"}), {fill(-1)}),
                               column("m", ValueKind::number, named({"m"}), {transform(Kind::fill_mean)})});
  spec.sources[0].missing = {"?"};
  const Loading loading(spec, folder);
  REQUIRE(loading.data);
  CHECK(loading.data->fitted.sets.at("s.c").names == Names{"<unk>", "none", "x"});
  CHECK(loading.train().columns.at("c").ids == Ids{2, 1, 1});
  CHECK(loading.train().columns.at("n").numbers == std::vector<float>{1, -1, 3});
  CHECK(loading.train().columns.at("m").numbers == std::vector<float>{6, 4, 8});
  CHECK(loading.train().columns.at("m").missing == 0);
}
