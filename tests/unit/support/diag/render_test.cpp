// Tests of support/diag/render.cpp and render_json.cpp.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/diag/emitter.h"
#include "support/diag/text_cells.h"

using namespace mtl;
using namespace mtl::diag;

namespace {

constexpr Kind kShape{"Shape", "E9312", Severity::error, "shapes do not match", 0};

std::string show(const Emitter& emitter, bool color = false) {
  return render(emitter.sorted()[0], *emitter.sources(), color);
}

}  // namespace

TEST_CASE("a label that does not fit stands below its underline") {
  SourceMap sources;
  std::string text(23, '\n');
  const std::string line = "    head = (h |> linear(|target|)) @ proj";
  const auto begin = static_cast<uint32_t>(text.size() + 11);
  const FileId file = sources.add("slu.mtl", text + line + "\n");
  Emitter emitter(&sources);
  emitter.report(kShape)
      .at({file, begin, begin + 30}, "left is f32[T, 26], right is f32[64, 26]: 26 is not 64")
      .note("26 is |target|")
      .help("did you mean `transpose(proj)`?");
  CHECK(show(emitter) ==
        "error[E9312]: shapes do not match\n"
        "  --> slu.mtl:24:12\n"
        "   |\n"
        "24 |     head = (h |> linear(|target|)) @ proj\n"
        "   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   |            left is f32[T, 26], right is f32[64, 26]: 26 is not 64\n"
        "   = note: 26 is |target|\n"
        "   = help: did you mean `transpose(proj)`?\n");
}

TEST_CASE("primary and secondary labels, on one line and apart") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "let x = 1\nlet y = 2\nlet z = x + y\nq\nr\nlet x = 3\n");
  Emitter emitter(&sources);
  emitter.report(kShape).at({file, 28, 29}, "used").label({file, 32, 33}, "also").label({file, 4, 5}, "declared");
  CHECK(show(emitter) ==
        "error[E9312]: shapes do not match\n"
        " --> a.mtl:3:9\n"
        "  |\n"
        "1 | let x = 1\n"
        "  |     - declared\n"
        "2 | let y = 2\n"
        "3 | let z = x + y\n"
        "  |         ^   - also\n"
        "  |         used\n");
}

TEST_CASE("underlines count display columns: tabs, wide and combining characters") {
  SourceMap sources;
  const std::string line = "\t\"漢e\xCC\x81\" = x";
  const FileId file = sources.add("a.mtl", line + "\r\n");
  Emitter emitter(&sources);
  const auto x = static_cast<uint32_t>(line.size() - 1);
  emitter.report(kShape).at({file, x, x + 1});
  CHECK(show(emitter) ==
        "error[E9312]: shapes do not match\n"
        " --> a.mtl:1:10\n"
        "  |\n"
        "1 |     \"漢e\xCC\x81\" = x\n"
        "  |             ^\n");
}

TEST_CASE("places at the end of a file, over several lines and in other files") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "model m {\n  x = 1");
  const FileId other = sources.add("b.mtl", "module f()\n");
  Emitter emitter(&sources);
  emitter.report(kShape).at({file, 17, 17}, "here").label({file, 0, 12}, "opened").label({other, 7, 8}, "f");
  CHECK(show(emitter) ==
        "error[E9312]: shapes do not match\n"
        " --> a.mtl:2:8\n"
        "  |\n"
        "1 | model m {\n"
        "  | --------- opened\n"
        "2 |   x = 1\n"
        "  |        ^ here\n"
        " ::: b.mtl:1:8\n"
        "  |\n"
        "1 | module f()\n"
        "  |        - f\n");
}

TEST_CASE("places in data files") {
  SourceMap sources;
  Emitter emitter(&sources);
  emitter.report(kShape).in_file("train.tsv", 120, "a\tb\x1b[31m").help("one\ntwo");
  CHECK(show(emitter) ==
        "error[E9312]: shapes do not match\n"
        "   --> train.tsv:120\n"
        "    |\n"
        "120 | a   b\xEF\xBF\xBD[31m\n"
        "    = help: one\n"
        "            two\n");
}

TEST_CASE("of a line of megabytes the part around the underline is shown") {
  for (const size_t before : {size_t{0}, size_t{100}, size_t{2'999'999}, size_t{5'999'990}}) {
    CAPTURE(before);
    std::string text;
    while (text.size() < before) text += "\u00e4";  // two bytes each: the window must not begin inside of one
    const auto begin = static_cast<uint32_t>(text.size());
    text += "wrong";
    while (text.size() < 6'000'000) text += "\u20ac";
    SourceMap sources;
    const FileId file = sources.add("long.mtl", text + "\n");
    Emitter emitter(&sources);
    emitter.report(kShape).at({file, begin, begin + 5}, "here");
    const std::string shown = show(emitter);
    CHECK(shown.size() < 2000);
    CHECK(shown.find("wrong") != std::string::npos);
    CHECK(shown.find("\uFFFD") == std::string::npos);  // what stands for broken UTF-8
    // The underline is below the word: as many columns in front of both.
    const size_t line = shown.find("\n1 | ") + 1, word = shown.find("wrong") - line;
    const size_t under = shown.find('\n', line) + 1, mark = shown.find("^^^^^ here") - under;
    CHECK(display_width(shown.substr(line, word)) == mark);
  }
}

TEST_CASE("long lines are cut around the underline") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", std::string(5000, 'a') + "X" + std::string(5000, 'b'));
  Emitter emitter(&sources);
  emitter.report(kShape).at({file, 5000, 5001});
  const std::string text = show(emitter);
  CHECK(text.size() < 400);
  CHECK(text.find("..." + std::string(40, 'a') + "Xb") != std::string::npos);
  CHECK(text.find("  | " + std::string(43, ' ') + "^\n") != std::string::npos);
}

TEST_CASE("colours wrap, they do not change the text") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "x\n");
  Emitter emitter(&sources);
  emitter.report(kShape).at({file, 0, 1}, "l").help("h");
  std::string text = show(emitter, true);
  for (size_t i; (i = text.find('\x1b')) != std::string::npos;) text.erase(i, text.find('m', i) - i + 1);
  CHECK(text == show(emitter));
}

TEST_CASE("JSON carries code, place and texts") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "é x\n");
  Emitter emitter(&sources);
  emitter.report(kShape).at({file, 3, 4}, "l").help("h").in_file("d\xFF.tsv", 3);
  const auto json = nlohmann::json::parse(render_json(emitter.sorted()[0], sources));
  CHECK(json["code"] == "E9312");
  CHECK(json["severity"] == "error");
  CHECK(json["labels"][0]["line"] == 1);
  CHECK(json["labels"][0]["column"] == 3);
  CHECK(json["labels"][0]["primary"] == true);
  CHECK(json["files"][0]["line"] == 3);
  CHECK(json["helps"][0] == "h");
}
