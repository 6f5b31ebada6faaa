// What `predict --keep` carries through to the answers: columns of a table by name or number, keys of JSON objects
// ("id", "meta.id"), of CoNLL files comments by key and columns by number (CoNLL-U: by name), a value for each token.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/record.h"

namespace mtl::data {

class KeptColumns {
 public:
  // `trim`: blanks at both ends of texts do not count.
  KeptColumns(Format format, bool trim, const std::vector<std::string>& names);

  // Finds the columns; false after a report of one that the file lacks.
  bool place(const Layout& layout, Rows& rows);
  // By name, the value as JSON; null: the record has none.
  std::vector<std::string> of(const Record& record);
  std::vector<std::string> none() const { return std::vector<std::string>(columns_.size(), "null"); }
  // Keys and comments that no record had.
  std::vector<std::string> never_found() const;

 private:
  struct Column {
    std::string name;
    int cell = -1;  // -1: a comment or a key
    bool found = false;
  };
  std::string value(Column& column, const Record& record) const;
  std::string_view text_of(std::string_view cell, bool is_token) const;

  Format format_;
  bool trim_;
  std::vector<Column> columns_;
};

}  // namespace mtl::data
