// Every transform, by one table: a package's column makes of a cell what `mtlc predict` makes of it, be it known,
// unseen, missing or empty.
#include <set>

#include "tests/unit/runtime/core/deploy/deployed.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {

struct Case {
  const char* what;
  ColumnSpec column;
  Texts train;
};

const Texts kWords{"play jazz", "rock now play", "jazz"};
const Texts kNumbers{"2", "4.5", "9", "-0.5"};

std::vector<Case> cases() {
  const auto token = [](std::vector<Transform> transforms) { return kind(ValueKind::token, std::move(transforms)); };
  const auto category = [](std::vector<Transform> transforms) {
    return kind(ValueKind::category, std::move(transforms));
  };
  const auto number = [](std::vector<Transform> transforms) { return kind(ValueKind::number, std::move(transforms)); };
  const auto truth = [](std::vector<Transform> transforms) { return kind(ValueKind::boolean, std::move(transforms)); };
  const Transform split = transform(Kind::split, " "), bars = transform(Kind::split, "|");
  return {
      {"a token", token({}), kWords},
      {"a category", category({}), kWords},
      {"a number", number({}), kNumbers},
      {"a truth value", truth({}), {"yes", "no"}},
      {"split", along({"T"}, token({split})), kWords},
      {"split at a text", along({"T"}, token({bars})), {"play|jazz", "rock"}},
      {"split categories", along({"T"}, category({split})), kWords},
      {"split numbers", along({"T"}, number({split})), {"1 2", "3"}},
      {"words", along({"T"}, token({transform(Kind::words)})), kWords},
      {"characters", along({"T"}, token({transform(Kind::characters)})), kWords},
      {"letters of words", along({"T", "C"}, token({split, transform(Kind::characters)})), kWords},
      {"first", token({split, part(0)}), kWords},
      {"last", category({split, part(-1)}), kWords},
      {"part", category({bars, part(1)}), {"a|jazz", "b|rock|c"}},
      {"part from the end", category({transform(Kind::words), part(-2)}), {"play jazz", "rock now"}},
      {"first number", number({bars, part(0), transform(Kind::standardize)}), {"2|a", "4|b"}},
      {"last truth value", truth({split, part(-1)}), {"a yes", "no"}},
      {"first of each", along({"T"}, token({split, bars, part(0)})), {"play|V jazz|N", "rock|N"}},
      {"pieces of a piece", along({"T"}, token({bars, part(-1), split})), {"a|play jazz", "b|rock"}},
      {"piece of a piece", token({bars, part(0), split, part(-1)}), {"play jazz|b", "rock"}},
      {"fill and part", category({fill_text("play|jazz"), bars, part(1)}), {"a|jazz", "b|rock|c"}},
      {"limit", along({"T"}, token({split, limit(2)})), kWords},
      {"limit that keeps the last", along({"T"}, token({split, limit_last(2)})), kWords},
      {"limits of two ends", along({"T", "C"}, token({split, limit_last(2), transform(Kind::characters), limit(2)})),
       kWords},
      {"limits of the other two",
       along({"T", "C"}, token({split, limit(1), transform(Kind::characters), limit_last(2)})), kWords},
      {"limits", along({"T", "C"}, token({split, limit(2), transform(Kind::characters), limit(3)})), kWords},
      {"hash", category({hashed(7)}), kWords},
      {"hash of words", along({"T"}, token({split, hashed(50)})), kWords},
      {"hash of what is left", along({"T"}, token({split, hashed(50), limit_last(2)})), kWords},
      {"hash of a fill", category({fill_text("none"), hashed(7)}), kWords},
      {"is", truth({is({"jazz", "?"})}), {"jazz", "rock"}},
      {"bins", category({mtl::data::test::bins(3)}), kNumbers},
      {"bins with bounds", category({bounds({0, 4.5, 100})}), kNumbers},
      {"bins of logarithms", category({transform(Kind::log1p), bounds({1})}), {"2", "4"}},
      {"bins and a fill", category({fill(5), bounds({0, 4.5})}), kNumbers},
      {"bins of each", along({"T"}, category({split, bounds({2.5})})), {"1 2", "3"}},
      {"standardize", number({transform(Kind::standardize)}), kNumbers},
      {"minmax", number({transform(Kind::minmax)}), kNumbers},
      {"log1p", number({transform(Kind::log1p)}), {"2", "4"}},
      {"fill of a number", number({fill(7)}), kNumbers},
      {"fill with the mean", number({transform(Kind::fill_mean)}), kNumbers},
      {"fill of a text", category({fill_text("jazz")}), kWords},
      {"fill of a sequence", along({"T"}, token({fill_text("play jazz"), split})), kWords},
  };
}

const Texts kCells{"?",    "",          " ",
                   "jazz", "play jazz", "rock|now play|?",
                   "Jazz", "zzz",       "zzz yyy xxx ww",
                   "a|?",  "|",         "a||b",
                   "3",    "4.5",       "4.499",
                   "100",  "1e4",       "-1",
                   "0",    "1 2 3 4.5", "2|3|zzz",
                   "yes",  "a no",      "? ?",
                   "1,5",  "2 ? 3"};

}  // namespace

TEST_CASE("transforms: a package makes of every cell what predict makes of it") {
  std::set<Kind> met;
  for (const Case& one : cases()) {
    for (const Transform& transform : one.column.transforms) met.insert(transform.kind);
    std::string train;
    for (const std::string& cell : one.train) train += cell + "\t-\n";
    for (const Texts& missing : {Texts{}, Texts{"?"}, Texts{"?", ""}}) {
      for (const bool empty : {false, true}) {
        if (empty && one.column.ragged.empty()) continue;
        INFO(one.what << ", " << missing.size() << " marks" << (empty ? ", allow_empty" : ""));
        ColumnSpec column = one.column;
        column.allow_empty = empty;
        check_cells(table(column, train, missing, true), kCells);
      }
    }
  }
  for (Kind kind = Kind::split; kind <= Kind::fill_text; kind = static_cast<Kind>(static_cast<int>(kind) + 1)) {
    INFO("transform number " << static_cast<int>(kind) << " has no row in the table");
    CHECK(met.count(kind) == 1);
  }
}
