// Tests of runtime/training/param_rows.h.
#include "runtime/training/param_rows.h"

#include <catch2/catch.hpp>

using namespace mtl;
using namespace mtl::training;
using elaborate::IdAxis;

namespace {

data::IdSet set_of(const std::vector<std::string>& names) {
  data::IdSet set;
  for (const std::string& name : names) set.add(name);
  return set;
}

struct Side {
  ParamRows rows;
  data::Fitted fitted;
};

// One axis, with blocks of vocabularies `a`, `b`, ... and gaps between them: {"a", 2, "b"}.
struct Piece {
  std::string vocab;
  int64_t size = 0;  // of a gap; or how many numbers an id has
};
Side side(const std::map<std::string, std::vector<std::string>>& vocabs, const std::vector<Piece>& pieces) {
  Side out;
  for (const auto& [name, words] : vocabs) out.fitted.vocabs[name] = set_of(words);
  ParamAxis axis;
  for (const Piece& piece : pieces) {
    const int64_t each = std::max<int64_t>(piece.size, 1);
    if (!piece.vocab.empty()) axis.blocks.push_back({"vocab " + piece.vocab, 0, axis.size, each});
    axis.size += piece.vocab.empty() ? piece.size : each * static_cast<int64_t>(vocabs.at(piece.vocab).size());
  }
  out.rows.axes = {axis};
  return out;
}

using Places = std::vector<int64_t>;
std::string reason;
Places match(const Side& now, const Side& then) {
  const auto found = match_rows({now.rows, now.fitted}, {then.rows, then.fitted}, reason);
  return found ? found->from[0] : Places{-7};
}

}  // namespace

TEST_CASE("rows belong to words, whatever their order") {
  const Side then = side({{"en", {"<unk>", "a", "b", "c"}}}, {{"en"}});
  const Side now = side({{"en", {"<unk>", "c", "new", "a"}}}, {{"en"}});
  CHECK(match(now, then) == Places{0, 3, -1, 1});
  CHECK(match(then, then) == Places{0, 1, 2, 3});
  const auto found = match_rows({now.rows, now.fitted}, {then.rows, then.fitted}, reason);
  CHECK(found->part == std::vector<std::string>{"3 of 4 of `en`"});
  CHECK(match_rows({then.rows, then.fitted}, {then.rows, then.fitted}, reason)->part.empty());
}

TEST_CASE("several numbers of each word, and what lies between the words") {
  const Side then = side({{"a", {"x", "y"}}, {"b", {"p"}}}, {{"", 1}, {"a", 2}, {"b"}});
  CHECK(match(side({{"a", {"y", "x"}}}, {{"", 1}, {"a", 2}}), then) == Places{0, 3, 4, 1, 2});
  CHECK(match(side({{"a", {"y"}}, {"b", {"p"}}}, {{"b"}, {"a", 2}, {"", 1}}), then) == Places{5, 3, 4, 0});
  CHECK(match(side({{"a", {"x"}}}, {{"", 2}, {"a", 2}}), then) == Places{-7});  // two numbers between, where one was
  CHECK(reason == "it is [4] here and [6] in the file");
  CHECK(match(side({{"a", {"x"}}}, {{"", 1}, {"a", 1}}), then) == Places{0, -1});  // other numbers of each
}

TEST_CASE("a set that was renamed is found where it is the only one") {
  CHECK(match(side({{"words", {"y", "x"}}}, {{"words"}}), side({{"en", {"x", "y"}}}, {{"en"}})) == Places{1, 0});
  const Side two = side({{"en", {"x"}}, {"fr", {"x"}}}, {{"en"}, {"fr"}});
  CHECK(match(side({{"de", {"x"}}}, {{"de"}}), two) == Places{-1});
  CHECK(match(side({{"fr", {"x"}}}, {{"fr"}}), two) == Places{1});
  const Side twice = side({{"en", {"x", "y"}}}, {{"en"}, {"en"}});
  CHECK(match(side({{"en", {"y", "x"}}}, {{"en"}, {"en"}}), twice) == Places{1, 0, 3, 2});
}

TEST_CASE("ids by hash are the same for the same number of them alone") {
  const auto hashed = [](int64_t buckets) {
    Side out;
    out.fitted.vocabs["en"].buckets = buckets;
    out.rows.axes = {{buckets, {{"vocab en", 0, 0, 1}}, {}, true}};
    return out;
  };
  CHECK(match(hashed(3), hashed(3)) == Places{0, 1, 2});
  CHECK(match(hashed(2), hashed(3)) == Places{-1, -1});
  CHECK(match(hashed(2), side({{"en", {"x", "y"}}}, {{"en"}})) == Places{-1, -1});
}

TEST_CASE("a size that depends on a set asks for the same set") {
  Side now = side({{"en", {"x", "y"}}}, {{"", 4}}), then = now, other = side({{"en", {"y", "x"}}}, {{"", 4}});
  for (Side* one : {&now, &then, &other}) one->rows.axes[0].others = {"vocab en"};
  CHECK(match(now, then) == Places{0, 1, 2, 3});
  CHECK(match(now, other) == Places{-7});
  CHECK(reason == "it depends on `en`, which has other names there");
  for (Side* one : {&now, &then, &other}) one->rows.axes[0] = {4, {}, {}, false};
  CHECK(match(now, then) == Places{0, 1, 2, 3});
  CHECK(match(now, other) == Places{-7});
  CHECK(reason == "it is not known whose numbers it holds");
  now.rows.tasks = {"a", "b"};
  CHECK(match(now, then) == Places{-7});
}

TEST_CASE("numbers are copied by the places of all axes") {
  Side now = side({{"en", {"b", "new", "a"}}}, {{"en"}}), then = side({{"en", {"a", "b"}}}, {{"en"}});
  for (Side* one : {&now, &then}) one->rows.axes.push_back({2, {}, {}, true});
  const auto found = match_rows({now.rows, now.fitted}, {then.rows, then.fitted}, reason);
  REQUIRE(found);
  const float from[] = {1, 2, 3, 4};
  float to[] = {0, 0, 9, 9, 0, 0};
  CHECK(copy_matched(*found, then.rows, from, to) == 4);
  CHECK(std::vector<float>(to, to + 6) == std::vector<float>{3, 4, 9, 9, 1, 2});
  const ParamRows scalar;
  float one = 0;
  CHECK(copy_matched(*match_rows({scalar, now.fitted}, {scalar, then.fitted}, reason), scalar, from, &one) == 1);
  CHECK(one == 1);
  const ParamRows empty{{{0, {}, {}, true}}, {}, false};
  CHECK(copy_matched(*match_rows({empty, now.fitted}, {empty, then.fitted}, reason), empty, from, &one) == 0);
}

TEST_CASE("whose the numbers are follows from noted ids and from symbolic sizes") {
  data::Fitted fitted;
  fitted.vocabs["en"] = set_of({"<unk>", "a", "b"});
  fitted.sets["d.tag"] = set_of({"x", "y"});
  elaborate::ParamInfo table, head, both, strange;
  table.path = "table";
  table.dims = {3, 4};
  table.ids = {{"vocab en", 0, 0, 1}};
  head.path = "head";
  head.dims = {2, 4};
  both.path = "both";
  both.dims = {7};
  both.ids = {{"vocab en", 0, 2, 1}};
  strange.path = "strange";
  strange.dims = {6};
  const std::vector<elaborate::ParamInfo> params = {table, head, both, strange};
  std::vector<elaborate::ParamInfo> symbolic = params;
  const types::Dim words = types::Dim::atom("|en|"), tags = types::Dim::atom("|d.tag|");
  symbolic[0].dims = {words, 4};
  symbolic[1].dims = {tags, 4};
  symbolic[2].dims = {words + tags + tags};
  symbolic[3].dims = {words * types::Dim(2)};
  const RowsByPath rows = rows_of(params, &symbolic, fitted);
  CHECK(rows.at("table").axes[0].blocks == std::vector<IdAxis>{{"vocab en", 0, 0, 1}});
  CHECK(rows.at("table").axes[0].others.empty());
  CHECK(rows.at("table").axes[1].blocks.empty());
  CHECK(rows.at("head").axes[0].blocks == std::vector<IdAxis>{{"column d.tag", 0, 0, 1}});
  CHECK(rows.at("both").axes[0].blocks == std::vector<IdAxis>{{"vocab en", 0, 2, 1}});
  CHECK(rows.at("both").axes[0].others == std::vector<std::string>{"column d.tag"});
  CHECK(rows.at("strange").axes[0].blocks.empty());
  CHECK(rows.at("strange").axes[0].others == std::vector<std::string>{"vocab en"});
  CHECK_FALSE(rows_of(params, nullptr, fitted).at("head").axes[0].known);
}
