// Records of text: what the readers of the formats make of a file, before anything is known about columns.
//
// A record is one example: a row of a table, a sentence of a CoNLL file, an object of a JSON-lines file, the same
// line of several files. Its views live until the next record.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/data/file.h"
#include "support/settings/data_spec.h"

namespace mtl::data {

struct Comment {
  std::string_view key, value;
  TextPlace place;
};

struct Record {
  uint64_t line = 0;                         // its first line, from 1
  std::string_view text;                     // its lines, for messages
  std::string_view whole;                    // CoNLL: all that stands behind the sentence before, and all its lines
  size_t width = 0;                          // cells per row
  std::vector<std::string_view> cells;       // table: the row. CoNLL: the rows of all tokens, one after the other
  std::vector<uint64_t> lines;               // CoNLL: the line of each token
  std::vector<std::string_view> token_text;  // CoNLL: the whole line of each token
  std::vector<Comment> comments;             // CoNLL
  const nlohmann::json* json = nullptr;
  const std::vector<std::string>* paths = nullptr;  // lines: the file of each cell
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
  // A row that no record was made of, after it went to Rows; of a bad sentence `whole`. May be empty.
  std::function<void(uint64_t line, std::string_view text)> skipped;
  void skip(uint64_t line, std::string_view text) const {
    if (skipped) skipped(line, text);
  }
};

struct ReadSettings {
  Format format = Format::conll;
  std::string separator;  // empty: the format's own
  bool header = true;     // tsv, csv
  bool trim = true;       // blanks around names of columns and values of comments do not count
};

// What to do about text that begins as JSON does where another format is read; empty: it does not begin so.
std::string help_for_json(std::string_view text);
// The settings of a source's files.
ReadSettings read_settings(const SourceSpec& source);
// How a message calls the records of a format: "sentences", "rows", "objects".
std::string_view records_name(Format format);
std::string_view format_name(Format format);
// Names of the ten columns of CoNLL-U.
const std::vector<std::string>& conllu_names();
// The number of the column that is named so, in any case: "form" is 1. -1: none is.
int conllu_column(std::string_view name);
// The value of a feature in "Case=Nom|Number=Sing", its name in any case; "_", as CoNLL-U says nothing, if it has none.
std::string_view feature_value(std::string_view cell, std::string_view feature);

// What is known of a file whose text comes in parts. Every part tells the sink the layout again.
struct ReadState {
  uint64_t lines = 0;  // in front of the part
  bool has_layout = false;
  Layout layout;
  std::string separator;  // CoNLL without a setting: what the first part says
  bool last = true;       // the text ends with this part
};

// Reads all records of `text`. Bad rows go to `rows`; so does a text without records.
void read_records(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink);
// Reads the records that are whole in this part, and says how many bytes they take: what is behind them belongs in
// front of the next part. A text without records is nothing special.
size_t read_part(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink);
// Up to behind the last line end; the whole text if it is the last part.
std::string_view whole_lines(std::string_view text, bool last);

// The same for one format.
size_t read_conll(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink);
size_t read_tsv(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink);
size_t read_csv(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink);
size_t read_jsonl(std::string_view text, ReadState& state, Rows& rows, const Sink& sink);

// `lines`: the names of a source's files, and the paths of a split; those of another format's split are its files.
std::vector<std::string> file_names(const SourceSpec& source);
std::vector<std::string> data_files(const SourceSpec& source, const std::vector<std::string>& split);
struct LineText {
  std::string name, path;
  std::string_view text;
};
// How many records the texts hold: lines up to the last that is not blank in all of them. nullopt after reporting that
// a text ends before.
std::optional<uint64_t> count_line_records(const std::vector<LineText>& texts, diag::Emitter& emitter);
// Line i of each is record i, a cell each. `before`: lines of the files in front of the texts.
void read_line_texts(const std::vector<LineText>& texts, uint64_t count, uint64_t before, Rows& rows, const Sink& sink);
struct LinesOptions {
  std::function<bool(const ColumnSpec&)> reads, needs;  // whether the column's file is read; whether it has to be there
  SourceRange named;                                    // where the folder is named
  std::string root = {};                                // as FileText::open takes it
};
// The files of one folder.
void read_lines(const SourceSpec& source, const std::string& folder, const LinesOptions& options, Rows& rows,
                const Sink& sink, diag::Emitter& emitter);

}  // namespace mtl::data
