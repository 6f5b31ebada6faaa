// A report shows the line that it is about: of the token, of the comment, of the text inside quotes.
#include <catch2/catch.hpp>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;
using Names = std::vector<std::string>;

namespace {

ColumnSpec words() {
  return along({"T"}, column("words", ValueKind::token, at({0})));
}

// "E0512 4 `c\t`": code, line and excerpt of each report.
Names places_of(const Spec& spec, const std::string& train, int64_t skip = 0) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder, skip);
  CHECK_FALSE(loading.data);
  Names out;
  for (const auto& diagnostic : loading.emitter.sorted()) {
    REQUIRE(diagnostic.files.size() == 1);
    const auto& place = diagnostic.files[0];
    out.push_back(std::string(diagnostic.kind->code) + " " + std::to_string(place.line) + " `" + place.line_text + "`");
  }
  return out;
}
Names reports_of(const Spec& spec, const std::string& train) {
  Folder folder;
  folder.write("train", train);
  const Loading loading(spec, folder);
  CHECK_FALSE(loading.data);
  return loading.reports();
}

}  // namespace

TEST_CASE("what is wrong with a comment is shown at the comment") {
  Spec spec = one_source(Format::conll, {words(), column("intent", ValueKind::label, comment("intent"))});
  CHECK(places_of(spec, "# intent = a\nx O\n\n# id = 2\n# intent =\ny O\n") == Names{"E0512 5 `# intent =`"});
  spec.sources[0].columns[1] =
      along({"T"}, column("weights", ValueKind::number, comment("weights"), {transform(Kind::split, " ")}));
  CHECK(places_of(spec,
                  "# weights = 1 2\nx O\ny O\n\n# id = 2\n# weights = 3 z\nx O\ny O\n\n# weights = 1\nx O\ny O\n") ==
        Names{"E0510 6 `# weights = 3 z`", "E0513 10 `# weights = 1`"});
  std::swap(spec.sources[0].columns[0], spec.sources[0].columns[1]);
  CHECK(places_of(spec, "# weights = 1\nx O\ny O\n") == Names{"E0513 1 `# weights = 1`"});
}

TEST_CASE("what is wrong with a token is shown at its line") {
  const Spec tags = one_source(Format::conll, {words(), along({"T"}, column("tags", ValueKind::label, at({1})))});
  CHECK(places_of(tags, "# id = 1\nx\tO\ny\tO\nz\t\n") == Names{"E0512 4 `z\\t`"});
}

TEST_CASE("the line of a character, of a row of elements, of a sentence") {
  const Spec elements = one_source(
      Format::conll,
      {words(), along({"T"}, shaped({2}, column("v", ValueKind::number, at({1}), {transform(Kind::split, ",")})))});
  CHECK(places_of(elements, "x 1,2\ny 1\n") == Names{"E0524 2 `y 1`"});
  CHECK(places_of(elements, "x 1,2\ny 1,z\n") == Names{"E0510 2 `y 1,z`"});
  Spec deep =
      one_source(Format::conll,
                 {words(), along({"T", "C"}, column("v", ValueKind::number, at({1}), {transform(Kind::split, ",")}))});
  CHECK(places_of(deep, "x 1,2\ny 1\nz 5,6,z\n") == Names{"E0510 3 `z 5,6,z`"});
  deep.sources[0].columns[1].transforms.push_back(limit(2));
  CHECK(places_of(deep, "x 1,2,3\ny 1\nz z,6,7\n") == Names{"E0510 3 `z z,6,7`"});
  const Spec cells =
      one_source(Format::conll, {words(), along({"T"}, shaped({2}, column("v", ValueKind::number, at({1, 2}))))});
  CHECK(places_of(cells, "x 1 2\ny 1 z\n") == Names{"E0510 2 `y 1 z`"});
}

TEST_CASE("a field that CoNLL-U lacks is no fault of a line") {
  const Spec spec = one_source(Format::conllu, {along({"T"}, column("words", ValueKind::token, named({"lema"})))});
  const std::string rest = "\t_\t_\t_\t_\t0\troot\t_\t_\n";
  CHECK(reports_of(spec, "# id = 1\n1\ta" + rest) ==
        Names{"E0508 train there is no column `lema` in this file // did you mean `lemma`? The columns of CoNLL-U are "
              "ID, FORM, LEMMA, UPOS, XPOS, FEATS, HEAD, DEPREL, DEPS, MISC"});
}

TEST_CASE("names that differ in case alone are near") {
  CHECK(reports_of(one_source(Format::tsv, {column("y", ValueKind::label, named({"LABEL"}))}), "x\tlabel\n1\ta\n") ==
        Names{"E0508 train:1 there is no column `LABEL` in this file // did you mean `label`?"});
}

TEST_CASE("a number too large for 32 bits is shown as the file has it") {
  const auto number = [](std::vector<Transform> transforms) {
    return one_source(Format::tsv, {column("n", ValueKind::number, named({"n"}), std::move(transforms))});
  };
  CHECK(places_of(number({}), "n\n1\n1.0e39\n") == Names{"E0523 3 `1.0e39`"});
  const std::string help = " // a number is stored in 32 bits, which hold up to 3.4e38";
  CHECK(reports_of(number({}), "n\n1\n1.0e39\n") ==
        Names{"E0523 train:3 column `n`: the 32-bit value of `1.0e39` is not a finite number" + help});
  CHECK(reports_of(number({}), "n\n1\n-1e400\n") ==
        Names{"E0523 train:3 column `n`: the 32-bit value of `-1e400` is not a finite number" + help});
  CHECK(
      reports_of(number({transform(Kind::log1p), transform(Kind::standardize)}), "n\n1\n-3.50\n") ==
      Names{"E0523 train:3 column `n`: log1p |> standardize of `-3.50` is not a finite number // `log1p` takes numbers "
            "above -1"});
  Folder folder;
  folder.write("train", "n\n1\n1e39\n");
  CHECK(Loading(number({transform(Kind::log1p)}), folder).data);
  CHECK(Loading(number({transform(Kind::standardize)}), folder).data);
  CHECK(Loading(number({}), folder, 1).report() == "W0502 train:3 1 bad row skipped");
  folder.write("train", "n\n0\n1e-300\n");
  folder.write("dev", "n\n5\n");
  Spec later = number({transform(Kind::minmax)});  // what train teaches makes 5 too large
  later.sources[0].dev = {"dev"};
  CHECK(Loading(later, folder).report() == "E0523 dev:2 column `n`: minmax of `5` is not a finite number" + help);
}

TEST_CASE("a sequence that is missing is not an empty one") {
  const auto text = [](Format format, Binding binding) {
    return one_source(format,
                      {along({"T"}, column("w", ValueKind::token, std::move(binding), {transform(Kind::words)}))});
  };
  const std::string missing = "column `w` is missing here: `T` would have no positions";
  const std::string help =
      " // `|> fill(\"...\")` in front of the transform that parts the text puts one in its place; `column(..., "
      "allow_empty = true)` lets empty sequences in";
  Spec table = text(Format::tsv, named({"t"}));
  table.sources[0].missing = {"?"};
  CHECK(reports_of(table, "t\na\n?\n") == Names{"E0533 train:3 " + missing + help});
  const Spec json = text(Format::jsonl, named({"t"}));
  CHECK(reports_of(json, "{\"t\": null}\n{\"t\": \"c\"}\n{\"y\": 1}\n") ==
        Names{"E0533 train:1 " + missing + help, "E0533 train:3 " + missing + help});
  CHECK(reports_of(json, "{\"y\": 1}\n{\"t\": \"c\"}\n") == Names{"E0533 train:1 " + missing + help});
  CHECK(reports_of(json, "{\"te\": \"c\"}\n{\"te\": \"d\"}\n") ==
        Names{"E0508 train there is no key `t` in this file // its records have te"});
  const Spec sentences = text(Format::conll, comment("tex"));
  CHECK(reports_of(sentences, "# text = b\nx O\n\nx O\n") ==
        Names{"E0508 train there is no comment `tex` in this file // did you mean `text`?"});
  CHECK(reports_of(sentences, "# id = 3\nx O\n\n# tex = b\nx O\n") == Names{"E0533 train:2 " + missing + help});
  Spec with_dev = text(Format::conll, comment("text"));
  with_dev.sources[0].dev = {"dev"};
  Folder splits;
  splits.write("train", "# text = b\nx O\n");
  splits.write("dev", "# tex = b\nx O\n\nx O\n");
  CHECK(Loading(with_dev, splits).report() ==
        "E0508 dev there is no comment `text` in this file // did you mean `tex`?");
  const Spec array = one_source(Format::jsonl, {along({"T"}, column("w", ValueKind::token, named({"t"})))});
  CHECK(reports_of(array, "{\"t\": null}\n") ==
        Names{"E0533 train:1 " + missing + " // `column(..., allow_empty = true)` lets empty sequences in"});
  table.sources[0].columns[0].transforms.insert(table.sources[0].columns[0].transforms.begin(),
                                                transform(Kind::fill_text, "nothing here"));
  Folder folder;
  folder.write("train", "t\na\n?\n");
  CHECK(Loading(table, folder).train().ragged.at("T").offsets == std::vector<int32_t>{0, 1, 3});
}

TEST_CASE("bytes that are no UTF-8 are shown at their line of a quoted cell") {
  const Spec spec = one_source(Format::csv, {column("y", ValueKind::label, named({"y"}))});
  CHECK(
      reports_of(spec, "x,y\n1,a\n\"b\nc\xFF\",n\n2,b\n") ==
      Names{"E0506 train:4 byte 2 of this line is not UTF-8 // data files are UTF-8; convert this one, with iconv for "
            "instance"});
}
