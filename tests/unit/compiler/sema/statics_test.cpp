// Values of static expressions, and what is reported where there is none.
#include "compiler/sema/statics.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>

#include "compiler/syntax/parse.h"

namespace mtl::sema {
namespace {

class Names : public StaticScope {
 public:
  std::optional<StaticValue> lookup(const std::string& name) const override {
    const auto at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional(at->second);
  }
  std::optional<StaticValue> size(const syntax::SizeExpr& size) const override {
    if (size.path[0] == "en") return StaticValue::size("|en|", std::nullopt);
    if (size.path[0] == "de") return StaticValue::size("|de|", 400);
    return std::nullopt;
  }
  std::vector<std::string> names() const override { return {"width", "xs", "domain"}; }
  std::map<std::string, StaticValue> values{{"width", {int64_t{128}}},
                                            {"xs", StaticValue::list({{int64_t{3}}, {int64_t{5}}, {int64_t{8}}})},
                                            {"domain", {std::string("books")}}};
};

// The value as text, or the codes of what is reported.
std::string evaluate(const std::string& text) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const syntax::File file = syntax::parse(sources.add("case.mtl", "const c = " + text + "\n"), emitter);
  REQUIRE(!emitter.has_errors());
  StaticBudget budget;
  StaticEvaluator evaluator(emitter, budget);
  const auto value = evaluator.evaluate(*std::get<syntax::ConstDecl>(file.decls.at(0).node).value, Names{});
  std::string codes;
  for (const diag::Diagnostic& report : emitter.sorted()) codes += report.kind->code;
  CHECK(value.has_value() == codes.empty());
  return value ? value->text() : codes;
}

}  // namespace

TEST_CASE("arithmetic of static values") {
  const std::pair<const char*, const char*> cases[] = {
      {"2 + 3 * 4", "14"},
      {"2 ** 10", "1024"},
      {"2 ** (-1)", "0.5"},
      {"-width / 2", "-64"},
      {"width / 256.0", "0.5"},
      {"1.0 / 4", "0.25"},
      {"10% * 2", "0.2"},
      {"div(7, 2)", "3"},
      {"div(-7, 2)", "-4"},
      {"mod(-7, 2)", "1"},
      {"mod(7, -2)", "-1"},
      {"min(3, 2.5)", "2.5"},
      {"max(xs)", "8"},
      {"abs(-3)", "3"},
      {"sqrt(16)", "4.0"},
      {"2M", "2000000"},
      {"1 - 1 == 0 and not (2 < 1)", "true"},
      {"false and xs[9] == 1", "false"},
      {"\"a\" == \"b\" or 1 != 2", "true"},
      {"if width > 64 { \"wide\" } else { \"thin\" }", "\"wide\""},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(evaluate(text) == expected);
  }
}

TEST_CASE("lists, ranges and strings") {
  const std::pair<const char*, const char*> cases[] = {
      {"0..3", "[0, 1, 2]"},
      {"3..3", "[]"},
      {"\"x1\"..\"x3\"", "[\"x1\", \"x2\", \"x3\"]"},
      {"\"x08\"..\"x10\"", "[\"x08\", \"x09\", \"x10\"]"},
      {"\"0\"..\"2\"", "[\"0\", \"1\", \"2\"]"},
      {"len(0..5)", "5"},
      {"xs[-1]", "8"},
      {"[2 * i for i in xs]", "[6, 10, 16]"},
      {"[10 * i + j for i in 0..2 for j in 0..2]", "[0, 1, 10, 11]"},
      {"\"{domain}/{width}.tsv\"", "\"books/128.tsv\""},
      {"\"{{x}}\"", "\"{x}\""},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(evaluate(text) == expected);
  }
}

TEST_CASE("sizes of the data stay symbols, and known ones still wait for it") {
  const std::pair<const char*, const char*> cases[] = {
      {"2 * |en| + 1", "2 * |en| + 1"},
      {"(|en| * width) / width", "|en|"},
      {"|en| == |en|", "true"},
      {"|en| < |en| + 1", "true"},
      {"|en| <= 50000", "|en| <= 50000"},
      {"|en| <= 50000 and 1 == 2", "false"},
      {"|de| * 2", "800"},
      {"|de| <= 500", "true"},
      {"1.0 / |en|", "1.0 / |en|"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(evaluate(text) == expected);
  }
  CHECK(evaluate("if |de| > 3 { 1 } else { 2 }") == "E0108");
  CHECK(evaluate("0..|en|") == "E0108");
  CHECK(evaluate("xs[|de|]") == "E0108");
}

TEST_CASE("initializers") {
  CHECK(evaluate("zeros()") == "zeros()");
  CHECK(evaluate("normal(0.1)") == "normal(mean = 0.0, deviation = 0.1)");
  CHECK(evaluate("normal(1, 0.5)") == "normal(mean = 1.0, deviation = 0.5)");
  CHECK(evaluate("normal(mean = 2)") == "normal(mean = 2.0, deviation = 1.0)");
  CHECK(evaluate("uniform(-0.1, 0.1)") == "uniform(-0.1, 0.1)");
  CHECK(evaluate("uniform(1, 0)") == "E0115");
  CHECK(evaluate("constant()") == "E0110");
  CHECK(evaluate("constant(\"a\")") == "E0109");
}

TEST_CASE("what has no value says why") {
  const std::pair<const char*, const char*> cases[] = {
      {"7 / 2", "E0104"},
      {"1 / 0", "E0105"},
      {"mod(1, 0)", "E0105"},
      {"9223372036854775807 + 1", "E0106"},
      {"2 ** 64", "E0106"},
      {"3_000_000_000 * 4_000_000_000", "E0106"},
      {"xs[3]", "E0107"},
      {"xs[1.5]", "E0109"},
      {"widht", "E0100"},
      {"\"{nothing}\"", "E0100"},
      {"1 + \"a\"", "E0102"},
      {"[1] < [2]", "E0102"},
      {"not 1", "E0103"},
      {"-\"a\"", "E0103"},
      {"len(3)", "E0103"},
      {"len()", "E0110"},
      {"linear(3)", "E0101"},
      {"xs[0..2]", "E0109"},
      {"|nothing|", "E0112"},
      {"\"a1\"..\"b3\"", "E0113"},
      {"\"a3\"..\"a1\"", "E0113"},
      {"log(0)", "E0114"},
      {"if 1 { 2 } else { 3 }", "E0109"},
      {"[i for i in 3]", "E0109"},
      {"0..2_000_000", "E0111"},
      {"[1 for i in 0..2000 for j in 0..2000]", "E0111"},
      {"len([0 for i in 0..10 for j in 0..10]) + nothing", "E0100"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(evaluate(text) == expected);
  }
}

}  // namespace mtl::sema
