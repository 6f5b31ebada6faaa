// Tables: TSV (no quoting: a quotation mark is a character) and CSV (RFC 4180: quoted cells, doubled quotes, line ends
// inside quotes). Empty lines are skipped.
#include <algorithm>
#include <deque>

#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

// What both formats do with a row of cells: header, number of cells, record.
class Table {
 public:
  Table(const ReadSettings& settings, ReadState& state, Rows& rows, const Sink& sink)
      : header_(settings.header), trim_(settings.trim), state_(state), rows_(rows), sink_(sink) {}

  // What earlier parts said of the columns. False: stop.
  bool begin() {
    if (!state_.has_layout) return true;
    record_.width = state_.layout.width;
    return sink_.layout(state_.layout);
  }

  std::vector<std::string_view>& cells() { return record_.cells; }

  // The row in cells(); false: stop.
  bool take(uint64_t line, std::string_view text) {
    if (is_blank(text)) {
      rows_.blank(line);
      return true;
    }
    if (record_.width == 0) {
      record_.width = record_.cells.size();
      Layout& layout = state_.layout;
      state_.has_layout = true;
      layout = {{}, record_.width, line};
      if (header_) layout.names.assign(record_.cells.begin(), record_.cells.end());
      for (std::string& name : layout.names) name = std::string(trim_ ? trim_blanks(name) : name);
      if (!sink_.layout(layout)) return false;
      if (header_) return true;
    }
    if (record_.cells.size() != record_.width) {
      rows_.bad(diag::WrongCellCount, line, text, "", count_of(record_.cells.size(), "cell"),
                std::to_string(record_.width) + (header_ ? ", as in the header," : ", as in the first row,"));
      sink_.skip(line, text);
      return !rows_.stopped();
    }
    record_.line = line;
    record_.text = text;
    sink_.record(record_);
    return !rows_.stopped();
  }

 private:
  // Whether all that the row has are separators, and blanks.
  bool is_blank(std::string_view text) const {
    return text.find('"') == std::string_view::npos &&
           std::all_of(record_.cells.begin(), record_.cells.end(),
                       [&](std::string_view cell) { return (trim_ ? trim_blanks(cell) : cell).empty(); });
  }

  bool header_, trim_;
  ReadState& state_;
  Rows& rows_;
  const Sink& sink_;
  Record record_;
};

// One CSV record at a time, out of the whole text.
class CsvCursor {
 public:
  // `text` ends with a line, or is the last part.
  CsvCursor(std::string_view text, std::string_view separator, bool trim, const ReadState& state, Rows& rows)
      : text_(text), separator_(separator), trim_(trim), last_(state.last), rows_(rows), line_(state.lines + 1) {}

  uint64_t line() const { return first_line_; }
  std::string_view record() const { return text_.substr(begin_, end_ - begin_); }
  size_t taken() const { return at_; }
  uint64_t lines() const { return line_ - 1; }

  // `end`: of the text, or of its whole records.
  enum class Outcome : uint8_t { record, bad, end };
  Outcome next(std::vector<std::string_view>& cells) {
    cells.clear();
    unquoted_.clear();
    while (at_ < text_.size() && at_line_end()) skip_line_end();  // empty lines
    if (at_ >= text_.size()) return Outcome::end;
    begin_ = at_;
    first_line_ = line_;
    for (;;) {
      if (const size_t quote = behind_blanks(); quote < text_.size() && text_[quote] == '"') at_ = quote;
      const bool good = text_[at_] == '"' ? quoted(cells) : plain(cells);
      if (goes_on_) return not_whole();
      if (!good) return Outcome::bad;
      if (at_ >= text_.size() || at_line_end()) break;
      at_ += separator_.size();
      if (at_ >= text_.size() || at_line_end()) {  // a separator ends the row: one more, empty cell
        cells.emplace_back("");
        break;
      }
    }
    end_ = at_;
    if (at_ < text_.size()) skip_line_end();
    return check_lines() ? Outcome::record : Outcome::bad;
  }

 private:
  // The record goes on in the next part: nothing of it is taken.
  Outcome not_whole() {
    at_ = begin_;
    line_ = first_line_;
    return Outcome::end;
  }
  bool at_line_end() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }
  void skip_line_end() {
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }
  bool at_separator(size_t at) const {
    return text_[at] == separator_[0] && text_.compare(at, separator_.size(), separator_) == 0;
  }

  // Blanks around quotes do not count.
  size_t behind_blanks() const {
    size_t at = at_;
    while (trim_ && at < text_.size() && (text_[at] == ' ' || text_[at] == '\t') && !at_separator(at)) ++at;
    return at;
  }

  // Whether the text of every line of the record is good.
  bool check_lines() {
    Lines lines(record());
    std::string_view line;
    while (lines.next(line)) {
      if (!check_text(line, first_line_ + lines.number() - 1, rows_)) return false;
    }
    return true;
  }

  bool plain(std::vector<std::string_view>& cells) {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '\n' && !at_separator(at_)) ++at_;
    size_t end = at_;
    if (at_ < text_.size() && text_[at_] == '\n' && end > begin && text_[end - 1] == '\r') at_ = --end;
    if (at_ == text_.size() && end > begin && text_[end - 1] == '\r') --end;
    cells.push_back(text_.substr(begin, end - begin));
    return true;
  }

  bool quoted(std::vector<std::string_view>& cells) {
    const size_t opened = at_;
    const uint64_t opened_line = line_;
    size_t begin = ++at_;
    std::string* joined = nullptr;
    for (;;) {
      const size_t quote = text_.find('"', at_);
      goes_on_ = quote == std::string_view::npos && !last_;
      if (goes_on_) return false;
      if (quote == std::string_view::npos || quote - opened > kLongestLine) return unclosed(opened, opened_line);
      for (size_t i = at_; i < quote; ++i) line_ += text_[i] == '\n';
      at_ = quote + 1;
      if (at_ < text_.size() && text_[at_] == '"') {  // a doubled quote is one
        if (!joined) joined = &unquoted_.emplace_back();
        joined->append(text_, begin, at_ - begin);
        begin = ++at_;
        continue;
      }
      const std::string_view rest = text_.substr(begin, quote - begin);
      if (joined) joined->append(rest);
      cells.push_back(joined ? std::string_view(*joined) : rest);
      const size_t next = behind_blanks();
      if (next >= text_.size() || text_[next] == '\n' || text_[next] == '\r' || at_separator(next)) at_ = next;
      if (at_ >= text_.size() || at_line_end() || at_separator(at_)) return true;
      if (text_[at_] == '\r' && at_ + 1 == text_.size()) {
        ++at_;
        return true;
      }
      return text_behind_quote();
    }
  }

  bool unclosed(size_t opened, uint64_t opened_line) {
    line_ = opened_line;
    at_ = opened;
    const std::string_view line = skip_rest_of_line();
    if (const std::string json = help_for_json(line); !json.empty()) {
      rows_.bad_file(diag::UnclosedQuote, opened_line, line, json);
    } else {
      rows_.bad(diag::UnclosedQuote, opened_line, line,
                "a quotation mark that is no quoting is written twice, inside quotes; a file without quoting is `tsv`");
    }
    return false;
  }
  bool text_behind_quote() {
    const uint64_t number = line_;
    const std::string_view found = text_.substr(at_, std::min<size_t>(text_.find('\n', at_), text_.size()) - at_);
    const std::string shown = excerpt(found, 20);
    const std::string_view line = skip_rest_of_line();
    if (const std::string json = help_for_json(line); !json.empty()) {
      rows_.bad_file(diag::TextAfterQuote, number, line, json, shown);
    } else {
      rows_.bad(diag::TextAfterQuote, number, line, "a quotation mark inside a quoted cell is written twice", shown);
    }
    return false;
  }
  // Moves behind the current line; its text from the start of the record.
  std::string_view skip_rest_of_line() {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view line = text_.substr(begin_, end - begin_);
    at_ = std::min(end + 1, text_.size());
    ++line_;
    return line;
  }

  std::string_view text_;
  std::string_view separator_;
  bool trim_;
  bool last_;
  Rows& rows_;
  size_t at_ = 0, begin_ = 0, end_ = 0;
  uint64_t line_ = 1, first_line_ = 1;
  bool goes_on_ = false;  // a quoted cell, behind this part
  std::deque<std::string> unquoted_;
};

}  // namespace

size_t read_tsv(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink) {
  text = whole_lines(text, state.last);
  const std::string separator = settings.separator.empty() ? "\t" : settings.separator;
  const bool one_character = separator.size() == 1;
  Table table(settings, state, rows, sink);
  if (!table.begin()) return text.size();
  Lines lines(text, state.lines);
  std::string_view line;
  while (!rows.stopped() && lines.next(line)) {
    if (line.empty()) continue;
    if (!check_text(line, lines.number(), rows)) {
      sink.skip(lines.number(), line);
      continue;
    }
    std::vector<std::string_view>& cells = table.cells();
    cells.clear();
    size_t begin = 0;
    for (size_t end;
         (end = one_character ? line.find(separator[0], begin) : line.find(separator, begin)) != std::string_view::npos;
         begin = end + separator.size()) {
      cells.push_back(line.substr(begin, end - begin));
    }
    cells.push_back(line.substr(begin));
    if (!table.take(lines.number(), line)) break;
  }
  state.lines = lines.number();
  return text.size();
}

size_t read_csv(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink) {
  text = whole_lines(text, state.last);
  const std::string separator = settings.separator.empty() ? "," : settings.separator;
  Table table(settings, state, rows, sink);
  if (!table.begin()) return text.size();
  CsvCursor cursor(text, separator, settings.trim, state, rows);
  while (!rows.stopped()) {
    const CsvCursor::Outcome outcome = cursor.next(table.cells());
    if (outcome == CsvCursor::Outcome::end) break;
    if (outcome == CsvCursor::Outcome::bad) sink.skip(cursor.line(), {});
    if (outcome == CsvCursor::Outcome::record && !table.take(cursor.line(), cursor.record())) break;
  }
  state.lines = cursor.lines();
  return cursor.taken();
}

}  // namespace mtl::data
