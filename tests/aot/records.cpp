// Reads CSV, TSV, CoNLL and JSON lines into texts by field.
#include "records.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace mtl::aot_test {
namespace {

using Row = std::map<std::string, std::string>;  // column: cells, between tabs

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == separator)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

bool is_conll(const std::string& path) {
  return std::filesystem::path(path).extension() == ".conll";
}

// The columns of a sentence, by number: the words of each.
std::vector<Row> conll_rows(std::ifstream& file) {
  std::vector<Row> rows(1);
  const auto finish = [&] {
    if (!rows.back().empty()) rows.emplace_back();
  };
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) finish();
    const std::vector<std::string> cells = split(line, '\t');
    if (cells.size() < 2) continue;  // a comment
    for (size_t i = 0; i < cells.size(); ++i) {
      std::string& column = rows.back()[std::to_string(i)];
      column += (column.empty() ? "" : "\t") + cells[i];
    }
  }
  finish();
  rows.pop_back();
  return rows;
}

std::vector<Row> tsv_rows(std::ifstream& file) {
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = split(line, '\t');
  while (std::getline(file, line)) {
    if (line.empty()) continue;
    const std::vector<std::string> cells = split(line, '\t');
    rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) rows.back()[names[i]] = cells.at(i);
  }
  return rows;
}

// Elements of a JSON value, and of its own elements, one separator for each level.
std::string json_cells(const nlohmann::json& value, int level = 0) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "";
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const auto& element : value)
    out += (&element == &value.front() ? "" : level == 0 ? "\t" : "\x1f") + json_cells(element, level + 1);
  return out;
}

std::vector<Row> jsonl_rows(std::ifstream& file) {
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json object = nlohmann::json::parse(line);
    rows.emplace_back();
    for (const auto& [key, value] : object.items()) rows.back()[key] = json_cells(value);
  }
  return rows;
}

std::vector<Row> rows_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  if (is_conll(path)) return conll_rows(file);
  const auto ending = std::filesystem::path(path).extension();
  if (ending == ".tsv") return tsv_rows(file);
  if (ending == ".jsonl") return jsonl_rows(file);
  throw std::runtime_error("neither .conll nor .tsv nor .jsonl: " + path);
}

}  // namespace

void copy_input(const std::string& from, const std::string& to, size_t limit) {
  std::ifstream in(from);
  std::ofstream out(to);
  if (!in) throw std::runtime_error("cannot read " + from);
  size_t count = std::filesystem::path(from).extension() == ".tsv" ? 0 : 1;  // a table has a line of names
  for (std::string line; (limit == 0 || count <= limit) && std::getline(in, line);) {
    out << line << '\n';
    if (!is_conll(from) || line.empty()) ++count;
  }
}

std::string records_of(const std::string& path, const Fields& fields) {
  std::string out;
  if (fields.empty()) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
      if (line.find_first_not_of(" \t\r") != std::string::npos) out += "\t" + line + "\n\n";
    return out;
  }
  for (const Row& row : rows_of(path)) {
    for (const auto& [field, columns] : fields) {
      out += field;
      for (const std::string& column : columns) {
        const auto found = row.find(column);
        if (found == row.end()) throw std::runtime_error("no column " + column + " in " + path);
        out += "\t" + found->second;
      }
      out += "\n";
    }
    out += "\n";
  }
  return out;
}

}  // namespace mtl::aot_test
