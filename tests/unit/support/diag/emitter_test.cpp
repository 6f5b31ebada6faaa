// Tests of support/diag/emitter.h.
#include "support/diag/emitter.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <set>

#include "support/diag/kinds/syntax.h"

using namespace mtl;
using namespace mtl::diag;

namespace {
constexpr Kind kWrong{"Wrong", "E9001", Severity::error, "{} is wrong, not {}", 2};
constexpr Kind kOdd{"Odd", "W9001", Severity::warning, "odd", 0};
}  // namespace

TEST_CASE("the catalogue is sound: codes are unique, formats take what they say") {
  std::set<std::string> codes, names;
  for (const Kind* kind : all_kinds()) {
    INFO(kind->name);
    CHECK(codes.insert(kind->code).second);
    CHECK(names.insert(kind->name).second);
    CHECK((kind->code[0] == 'W') == (kind->severity == Severity::warning));
    fmt::dynamic_format_arg_store<fmt::format_context> enough, too_few;
    for (int i = 0; i < kind->arguments; ++i) enough.push_back(std::string("x"));
    for (int i = 1; i < kind->arguments; ++i) too_few.push_back(std::string("x"));
    CHECK_NOTHROW(fmt::vformat(kind->format, enough));
    if (kind->arguments > 0) CHECK_THROWS(fmt::vformat(kind->format, too_few));
  }
}

TEST_CASE("a report is handed over when it dies") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "x = 1\n");
  Emitter emitter(&sources);
  emitter.report(kWrong, "x", 2).at({file, 0, 1}, "here").label({file, 4, 5}, "there").note("n").help("h").help("");
  REQUIRE(emitter.error_count() == 1);
  const Diagnostic d = emitter.sorted()[0];
  CHECK(d.message == "x is wrong, not 2");
  CHECK(d.labels.size() == 2);
  CHECK(d.labels[0].primary);
  CHECK(d.helps == std::vector<std::string>{"h"});
}

TEST_CASE("doubles are dropped, the rest is sorted by place") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "x = 1\n");
  Emitter emitter(&sources);
  emitter.report(kWrong, "late", "x").at({file, 4, 5});
  emitter.report(kWrong, "nowhere", "x");
  emitter.report(kOdd).at({file, 2, 3});
  emitter.report(kWrong, "late", "x").at({file, 4, 5});
  emitter.report(kWrong, "data", "x").in_file("d.tsv", 1);
  emitter.report(kWrong, "data", "x").in_file("d.tsv", 2);
  const std::vector<Diagnostic> all = emitter.sorted();
  REQUIRE(all.size() == 5);
  CHECK(all[0].message == "odd");
  CHECK(all[1].message == "late is wrong, not x");
  CHECK(all[2].message == "nowhere is wrong, not x");
  CHECK(emitter.error_count() == 4);
  emitter.clear();
  CHECK_FALSE(emitter.has_errors());
}

TEST_CASE("twenty errors are enough") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", std::string(100, 'x'));
  Emitter emitter(&sources);
  for (uint32_t i = 0; i < 30; ++i) emitter.report(kWrong, "a", "b").at({file, i, i + 1});
  const std::vector<Diagnostic> all = emitter.sorted();
  REQUIRE(all.size() == 21);
  CHECK(all.back().kind == &TooManyErrors);
}

TEST_CASE("what is checked once for each member of a family is said once") {
  SourceMap sources;
  const FileId file = sources.add("a.mtl", "0123456789");
  Emitter emitter(&sources);
  emitter.once_in({file, 2, 8});
  for (const char* member : {"t[a]", "t[b]"}) {
    emitter.report(kWrong, member, "x").at({file, 3, 4});  // inside: the first
    emitter.report(kWrong, member, "x").at({file, 5, 6});  // another place
    emitter.report(kOdd).at({file, 3, 4});                 // another kind
    emitter.report(kWrong, member, "x").at({file, 7, 9});  // not inside: both
  }
  const std::vector<Diagnostic> all = emitter.sorted();
  REQUIRE(all.size() == 5);
  CHECK(all[0].message == "t[a] is wrong, not x");
}
