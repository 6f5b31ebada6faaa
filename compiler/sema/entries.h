// A row of a closed table of the language: a setting, a transform, an optimizer. The tables are what the readers of
// declarations compare words with, and what `mtlc doc` and `mtlc explain` print. See data_tables.h, train_tables.h.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::sema {

struct Entry {
  std::string_view name;
  std::string_view form;     // how it is written with its arguments; empty: the name alone
  std::string_view about;    // what it does
  std::string_view initial;  // what holds where it is not written; empty: nothing does
  std::string_view unit;     // of a number
  std::string_view place;    // where `example` stands in the frame of tests/book/frame.txt
  std::string_view example;
  bool supported = true;  // false: the language knows it and this compiler does not have it yet
};

// The names of a table, in its order.
template <class Row>
std::vector<std::string> names_of(std::span<const Row> table) {
  std::vector<std::string> names;
  for (const Row& row : table) names.emplace_back(row.name);
  return names;
}

// The row of this name, or null.
template <class Row>
const Row* find_row(std::span<const Row> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Row& row) { return row.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace mtl::sema
