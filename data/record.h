// Records of text: what the readers of the formats make of a file, before anything is known about columns.
//
// A record is one example: a row of a table, a sentence of a CoNLL file, an object of a JSON-lines file. Its views
// live until the next record.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/file.h"
#include "data/spec.h"

namespace mtl::data {

// A part of a file, for messages: its line, from 1, and the text to show.
struct TextPlace {
  uint64_t line = 0;
  std::string_view text;
};

struct Comment {
  std::string_view key, value;
  TextPlace place;
};

struct Record {
  uint64_t line = 0;                         // its first line, from 1
  std::string_view text;                     // its lines, for messages and for output
  size_t width = 0;                          // cells per row
  std::vector<std::string_view> cells;       // table: the row. CoNLL: the rows of all tokens, one after the other
  std::vector<uint64_t> lines;               // CoNLL: the line of each token
  std::vector<std::string_view> token_text;  // CoNLL: the whole line of each token
  std::vector<Comment> comments;             // CoNLL
  const nlohmann::json* json = nullptr;
};

// What is known of a file's rows before the first record.
struct Layout {
  std::vector<std::string> names;  // of the header; empty: there is none
  size_t width = 0;                // cells per row; 0 for JSON
  uint64_t line = 0;               // where it was found
};

struct Sink {
  std::function<bool(const Layout&)> layout;  // false: stop, it has been reported
  std::function<void(const Record&)> record;
};

struct ReadSettings {
  Format format = Format::conll;
  std::string separator;  // empty: the format's own
  bool header = true;     // tsv, csv
};

// The settings of a source's files.
ReadSettings read_settings(const SourceSpec& source);
// How a message calls the records of a format: "sentences", "rows", "objects".
std::string_view records_name(Format format);
std::string_view format_name(Format format);
// Names of the ten columns of CoNLL-U.
const std::vector<std::string>& conllu_names();

// Reads all records of `text`. Bad rows go to `rows`; so does a text without records.
void read_records(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink);

// The same for one format; these know nothing of empty texts.
void read_conll(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink);
void read_tsv(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink);
void read_csv(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink);
void read_jsonl(std::string_view text, Rows& rows, const Sink& sink);

}  // namespace mtl::data
