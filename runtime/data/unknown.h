// `<unk>`: what ids that train does not have are read as. Its row of a table is trained where train has values rarer
// than `min_count`, or where `unknown = 1%` draws some of the others as unknown while training.
#pragma once
#include <string>
#include <vector>

#include "runtime/data/dataset.h"

namespace mtl::data {

// Of one column: the share of its ids that a step draws as unknown.
struct UnknownDraw {
  std::string column;  // "ads.user"
  uint64_t key = 0;    // of its random stream
  float share = 0;
  std::vector<int32_t> ids;  // `<unk>` of each element of a row; one: of all of them
};
std::vector<UnknownDraw> unknown_draws(const Spec& spec, const Fitted& fitted, const std::string& source);

// The set of a column that has `<unk>`; null otherwise.
const IdSet* set_with_unknown(const SourceSpec& source, const ColumnSpec& column, const Fitted& fitted);
// A set of ids by the name that the graph gives it, "vocab en" or "column ads.user"; null: there is none.
const IdSet* find_set(const Fitted& fitted, const std::string& key);

// What of dev and test is read as `<unk>`, of the column (and the element of its rows) where that is most.
struct UnknownShare {
  std::string column;  // "ads.user"
  int64_t unknown = 0, of = 0;
  double share() const { return of > 0 ? static_cast<double>(unknown) / static_cast<double>(of) : 0; }
};
UnknownShare unknown_share(const Spec& spec, const Dataset& dataset, const std::string& key);

// Whether training can reach every `<unk>` of the set: train has such ids, or some are drawn.
bool trains_unknown(const Spec& spec, const Dataset& dataset, const std::string& key);

}  // namespace mtl::data
