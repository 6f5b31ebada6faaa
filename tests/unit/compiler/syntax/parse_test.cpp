// Tests of compiler/syntax/parse.h.
#include "compiler/syntax/parse.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/syntax/print_ast.h"

using namespace mtl;
using namespace mtl::syntax;

namespace {

struct Parsed {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  File file;
  explicit Parsed(const std::string& text) { file = parse(sources.add("a.mtl", text), emitter); }
  std::string first_error() const {
    const auto all = emitter.sorted();
    return all.empty() ? "" : all[0].kind->name;
  }
  std::string text(SourceRange range) const {
    return sources.file(range.file).text().substr(range.begin, range.end - range.begin);
  }
};

const Expr& constant(const Parsed& parsed, size_t i = 0) {
  return *std::get<ConstDecl>(parsed.file.decls.at(i).node).value;
}

std::string repeated(const std::string& text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("bytes that are no text are refused") {
  CHECK(Parsed("").emitter.sorted().empty());
  CHECK(Parsed("const a = 1\n\xFF").first_error() == "SourceInvalidUtf8");
  CHECK(Parsed("const a = \"caf\xC3").first_error() == "SourceInvalidUtf8");
  CHECK(Parsed("\xED\xA0\x80").first_error() == "SourceInvalidUtf8");
  CHECK(Parsed("\xFF\xFE"
               "c")
            .first_error() == "SourceUtf16");
  CHECK(Parsed(std::string("const a\0 = 1", 12)).first_error() == "SourceNul");
  CHECK(Parsed(std::string((4 << 20) + 1, ' ')).first_error() == "SourceTooLarge");
  CHECK(Parsed(std::string(4 << 20, ' ')).first_error().empty());
}

TEST_CASE("ranges are byte offsets of the text as loaded") {
  for (const std::string mark : {"", "\xEF\xBB\xBF"}) {
    for (const std::string end : {"\n", "\r\n", "\r"}) {
      const Parsed parsed(mark + "// é 漢" + end + "const name = \"é\" + wide" + end);
      REQUIRE(parsed.emitter.sorted().empty());
      const auto& sum = std::get<BinaryExpr>(constant(parsed).node);
      CHECK(parsed.text(sum.left->range) == "\"é\"");
      CHECK(parsed.text(sum.right->range) == "wide");
      CHECK(parsed.text(sum.op_range) == "+");
      const LineColumn at = parsed.sources.file(1).locate(sum.right->range.begin);
      CHECK(at.line == 2);
      CHECK(at.column == 20);
    }
  }
}

TEST_CASE("ranges of parenthesised expressions have the parentheses") {
  const Parsed parsed("const a = (b + c) * d");
  CHECK(parsed.text(std::get<BinaryExpr>(constant(parsed).node).left->range) == "(b + c)");
}

TEST_CASE("precedence is the language's") {
  const auto shown = [](const std::string& text) { return print(constant(Parsed("const a = " + text))); };
  const auto same = [&](const std::string& bare, const std::string& full) {
    INFO(bare);
    CHECK(shown(bare) == shown(full));
  };
  same("-x ** 2", "-(x ** 2)");
  same("a ** b ** c", "a ** (b ** c)");
  same("-a * b", "(-a) * b");
  same("a - b - c", "(a - b) - c");
  same("a + b * c @ d", "a + ((b * c) @ d)");
  same("0..n + 1", "0..(n + 1)");
  same("not a == b and c or d", "((not (a == b)) and c) or d");
  same("x |> f >> g |> h", "(x |> (f >> g)) |> h");
  same("-f(x).y[0]", "-(((f(x)).y)[0])");
  CHECK(shown("(a - b) - c") == "a - b - c");
  CHECK(shown("a - (b - c)") == "a - (b - c)");
  CHECK(shown("-(-x)") == "-(-x)");
  CHECK(shown("x |> (f + g)") == "x |> (f + g)");
}

TEST_CASE("literals have their values") {
  const Parsed parsed("const a = [2M, 1.5k, 1_000, 10%, 1e-3, 2.5, true, \"a{b}\\n{{}}\\\"\", |a|, |r[d].mood|]");
  REQUIRE(parsed.emitter.sorted().empty());
  const auto& items = std::get<ListExpr>(constant(parsed).node).items;
  CHECK(std::get<IntExpr>(items[0]->node).value == 2000000);
  CHECK(std::get<IntExpr>(items[1]->node).value == 1500);
  CHECK(std::get<IntExpr>(items[2]->node).value == 1000);
  CHECK(std::get<PercentExpr>(items[3]->node).fraction == Approx(0.1));
  CHECK(std::get<FloatExpr>(items[4]->node).value == Approx(1e-3));
  CHECK(std::get<BoolExpr>(items[6]->node).value);
  const auto& parts = std::get<StringExpr>(items[7]->node).parts;
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].text == "a");
  CHECK(parts[1].is_name);
  CHECK(parts[2].text == "\n{}\"");
  CHECK(std::get<SizeExpr>(items[8]->node).path == std::vector<std::string>{"a"});
  const auto& size = std::get<SizeExpr>(items[9]->node);
  CHECK(size.path == std::vector<std::string>{"r", "mood"});
  CHECK(size.member == "d");
}

TEST_CASE("doc comments belong to what stands directly below") {
  const Parsed parsed(
      "// plain\n/// One.\n///  Two.\ndata d {\n  /// The column.\n  x : f32 = column(0)\n}\n"
      "module f()(x: f32[D]) {\n  /// A weight.\n  param w : f32[D] = zeros()\n  return x\n}\n");
  CHECK(parsed.emitter.sorted().empty());
  CHECK(parsed.file.decls.at(0).doc == "One.\n Two.");
  CHECK(std::get<DataDecl>(parsed.file.decls.at(0).node).columns.at(0).doc == "The column.");
  CHECK(std::get<ModuleDecl>(parsed.file.decls.at(1).node).body.at(0).doc == "A weight.");
}

TEST_CASE("a model's parts arrive in the tree") {
  const Parsed parsed(
      "model m {\n  private own[i in 0..2][4] = linear(i)\n  task t[d in ds] predicts r[d].y when r[d].ok { head = x "
      "}\n"
      "  load a.b from \"f.st\" except [*.c, **.d@t] { strip = \"x\" rename \"a\" = \"b\" }\n"
      "  train { batch[news] = 3 group a.* { lr = 1 } }\n}\n");
  REQUIRE(parsed.emitter.sorted().empty());
  const auto& items = std::get<ModelDecl>(parsed.file.decls.at(0).node).items;
  REQUIRE(items.size() == 4);
  const auto& layer = std::get<LayerStmt>(std::get<Stmt>(items[0].node).node);
  CHECK(layer.owner == Owner::private_);
  REQUIRE(layer.name.indices.size() == 2);
  CHECK(layer.name.indices[0].variable->text == "i");
  CHECK_FALSE(layer.name.indices[1].variable);
  const auto& task = std::get<TaskDecl>(items[1].node);
  CHECK(task.family->variable.text == "d");
  CHECK(task.predicts->source.text == "r");
  CHECK(std::get<NameExpr>(task.predicts->member->node).name == "d");
  CHECK(task.predicts->column.text == "y");
  CHECK(task.when->column.text == "ok");
  const auto& load = std::get<LoadStmt>(items[2].node);
  CHECK(load.file == "f.st");
  REQUIRE(load.except.size() == 2);
  CHECK(load.except[0].segments[0].text == "*");
  CHECK(load.except[1].segments[1].task->text == "t");
  CHECK(load.renames == std::vector<std::pair<std::string, std::string>>{{"a", "b"}});
  const auto& train = std::get<TrainBlock>(items[3].node);
  CHECK(train.settings.at(0).source->text == "news");
  CHECK(train.groups.at(0).settings.at(0).name.text == "lr");
}

TEST_CASE("nesting and size end in one clean error") {
  const size_t n = 20000;
  const auto only_error = [](const std::string& text) {
    const Parsed parsed(text);
    return parsed.emitter.error_count() == 1 ? parsed.first_error() : "several";
  };
  CHECK(only_error("const a = " + repeated("(", n)) == "NestedTooDeep");
  CHECK(only_error("const a = " + repeated("[", n) + repeated("]", n)) == "NestedTooDeep");
  CHECK(only_error("const a = " + repeated("- ", n) + "1") == "NestedTooDeep");
  CHECK(only_error("const a = " + repeated("not ", n) + "b") == "NestedTooDeep");
  CHECK(only_error("const a = " + repeated("2 ** ", n) + "1") == "NestedTooDeep");
  CHECK(only_error("const a = 1" + repeated(" + 1", n)) == "ExpressionTooLarge");
  CHECK(only_error("const a = x" + repeated(" |> f", n)) == "ExpressionTooLarge");
  CHECK(only_error("const a = x" + repeated(".y", n)) == "ExpressionTooLarge");
  CHECK(only_error("const a = x" + repeated("()", n)) == "ExpressionTooLarge");
  CHECK(only_error("function f() {" + repeated(" if a {", n)) == "NestedTooDeep");
  CHECK(only_error("const a = " + repeated("if a { 1 } else ", 300) + "{ 2 }") == "ElseIfTooLong");
  CHECK(only_error("const a = " + repeated("if a { ", n)) == "NestedTooDeep");
  CHECK(only_error("const " + repeated("x", 1000000) + " = 1") == "WordTooLong");
  CHECK(Parsed("const a = " + repeated("(", 199) + "1" + repeated(")", 199)).first_error().empty());
  CHECK(Parsed(repeated("$ ", n)).emitter.sorted().size() == 21);
}

TEST_CASE("a program has so many tokens, over all of its files") {
  // `const a = [`, pairs, `]`
  const auto list = [](size_t tokens) { return "const a = [" + repeated("1,", (tokens - 5) / 2) + "]"; };
  CHECK(Parsed(list(kMaxTokens - 1)).emitter.sorted().empty());
  const Parsed longer(list(kMaxTokens + 1));
  REQUIRE(longer.emitter.sorted().size() == 1);
  CHECK(longer.first_error() == "ProgramTooLong");
  CHECK(longer.file.decls.empty());
  CHECK(longer.text(longer.emitter.sorted()[0].labels[0].range) == "]");
  CHECK(Parsed(repeated("//\n", kMaxTokens)).first_error().empty());
  CHECK(Parsed(repeated("//\n", kMaxTokens + 1)).first_error() == "ProgramTooLong");

  SourceMap sources;
  diag::Emitter emitter(&sources);
  size_t left = 30;
  parse(sources.add("a.mtl", "const a = 1\n// one\nconst b = 2"), left, emitter);
  CHECK(left == 21);
  parse(sources.add("b.mtl", repeated("const c = 1\n", 6)), left, emitter);
  CHECK(left == 0);
  REQUIRE(emitter.sorted().size() == 1);
  CHECK(std::string(emitter.sorted()[0].kind->name) == "ProgramTooLong");
}

TEST_CASE("what skips tokens stops at the end of the file") {
  CHECK(Parsed("const a = [b if c (").emitter.has_errors());
  CHECK(Parsed("const a = “open").emitter.has_errors());
  CHECK(Parsed("/* open").emitter.has_errors());
  CHECK(Parsed("model m { const a").emitter.has_errors());
  CHECK(Parsed("return a, b").emitter.has_errors());
  CHECK(Parsed("const a = 5.").emitter.has_errors());
}

TEST_CASE("every program of the project survives printing") {
  namespace fs = std::filesystem;
  size_t programs = 0;
  for (const char* folder : {"examples", "stdlib", "tests/bench"}) {
    const fs::path root = fs::path(MTLC_SOURCE_DIR) / folder;
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".mtl") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      INFO(entry.path());
      const Parsed first(text.str());
      REQUIRE(first.emitter.sorted().empty());
      const std::string printed = print(first.file);
      const Parsed second(printed);
      REQUIRE_FALSE(second.emitter.has_errors());
      CHECK(print(second.file) == printed);
      ++programs;
    }
  }
  CHECK(programs > 0);
}
