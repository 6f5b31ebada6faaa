// Whose numbers a parameter holds: along each axis blocks that belong to the ids of a set (words of a vocabulary,
// values of a category, labels), and what lies between them. So numbers can be taken from a model whose sets have other
// names, or the same ones in another order.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/data/dataset.h"

namespace mtl::training {

struct ParamAxis {
  int64_t size = 0;
  std::vector<elaborate::IdAxis> blocks;  // disjoint, by `begin`
  std::vector<std::string> others;        // sets that its size, or what lies between the blocks, depends on besides
  bool known = true;                      // false: it may depend on any set
};

struct ParamRows {
  std::vector<ParamAxis> axes;
  std::vector<std::string> tasks;  // a mixture over these, in this order
  bool of_data = false;  // counted in the data, or made of the names of labels: nothing to be taken from a file
};
using RowsByPath = std::map<std::string, ParamRows>;

// `symbolic`: the same parameters with names in place of sizes that the data decides, which says what an axis is as
// long as; null: that cannot be had.
RowsByPath rows_of(const std::vector<elaborate::ParamInfo>& params, const std::vector<elaborate::ParamInfo>* symbolic,
                   const data::Fitted& fitted);

// One side of a comparison. The sets have to outlive it.
struct RowsOfModel {
  const ParamRows& rows;
  const data::Fitted& fitted;
};

// By axis and place of `now`: the place of `then` whose numbers belong there, -1: the names of `then` lack it.
struct RowMatch {
  std::vector<std::vector<int64_t>> from;
  std::vector<std::string> part;  // "812 of 1004 of `en`": of sets that `then` lacks names of
};
// nullopt and a reason, worded to follow "it starts fresh: ".
std::optional<RowMatch> match_rows(const RowsOfModel& now, const RowsOfModel& then, std::string& why);

// Copies the numbers that `match` has a place of; how many these are.
int64_t copy_matched(const RowMatch& match, const ParamRows& then, const float* from, float* to);

std::string shape_text(const ParamRows& rows);

}  // namespace mtl::training
