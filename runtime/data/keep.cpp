// Finds the columns of `--keep` in a file, and carries their cells through.
#include "runtime/data/keep.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/data/stage.h"
#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

using Json = nlohmann::json;

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "12" as the number of one of `width` columns; -1: it is none.
int column_number(const std::string& name, size_t width) {
  if (name.empty() || name.size() > 6 || name.find_first_not_of("0123456789") != std::string::npos) return -1;
  const int number = std::stoi(name);
  return static_cast<size_t>(number) < width ? number : -1;
}

}  // namespace

KeptColumns::KeptColumns(Format format, bool trim, const std::vector<std::string>& names)
    : format_(format), trim_(trim) {
  for (const std::string& name : names) columns_.push_back({name});
}

bool KeptColumns::place(const Layout& layout, Rows& rows) {
  if (format_ == Format::jsonl) return true;
  const bool table = format_ == Format::tsv || format_ == Format::csv;
  for (Column& column : columns_) {
    const auto named = std::find(layout.names.begin(), layout.names.end(), column.name);
    column.cell = named != layout.names.end() ? static_cast<int>(named - layout.names.begin()) : -1;
    if (format_ == Format::conllu) column.cell = conllu_column(column.name);
    if (column.cell < 0 && (!table || layout.names.empty())) column.cell = column_number(column.name, layout.width);
    if (column.cell >= 0 || !table) continue;
    const auto near = nearest(column.name, layout.names);
    const std::string help = near                   ? "did you mean `" + *near + "`?"
                             : layout.names.empty() ? "it has no header: columns are counted from 0"
                                                    : "its columns are " + excerpt(join(layout.names), 200);
    rows.bad_file(diag::UnknownDataColumn, layout.line, join(layout.names, ","), help, "column", column.name);
    return false;
  }
  return true;
}

// A token of blanks alone stays as it is: its place in the sentence counts.
std::string_view KeptColumns::text_of(std::string_view cell, bool is_token) const {
  const std::string_view text = trim_ ? trim_blanks(cell) : cell;
  return text.empty() && is_token ? cell : text;
}

std::string KeptColumns::value(Column& column, const Record& record) const {
  if (format_ == Format::jsonl) {
    const Json* const found = find_field(*record.json, column.name);
    column.found |= found != nullptr;
    if (found == nullptr) return "null";
    return found->is_string() ? dumped(text_of(found->get_ref<const std::string&>(), false)) : dumped(*found);
  }
  const auto cell = static_cast<size_t>(column.cell);
  if (column.cell < 0) {
    for (const Comment& comment : record.comments) {
      if (comment.key != column.name) continue;
      column.found = true;
      return dumped(text_of(comment.value, false));
    }
    return "null";
  }
  column.found = true;
  if (record.lines.empty()) return dumped(text_of(record.cells[cell], false));
  Json cells = Json::array();
  for (size_t t = 0; t < record.lines.size(); ++t)
    cells.push_back(text_of(record.cells[t * record.width + cell], true));
  return dumped(cells);
}

std::vector<std::string> KeptColumns::of(const Record& record) {
  std::vector<std::string> values;
  for (Column& column : columns_) values.push_back(value(column, record));
  return values;
}

std::vector<std::string> KeptColumns::never_found() const {
  std::vector<std::string> names;
  for (const Column& column : columns_)
    if (!column.found && column.cell < 0) names.push_back(column.name);
  return names;
}

}  // namespace mtl::data
