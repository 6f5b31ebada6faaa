// The second half of staging: pieces of a record become entries of the staged columns, or none of them do.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "runtime/data/numbers.h"
#include "runtime/data/stage.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

std::string shown(std::string_view text) {
  return excerpt(text, 40);
}

const Transform* find_transform(const ColumnSpec& column, Transform::Kind kind) {
  for (const Transform& transform : column.transforms) {
    if (transform.kind == kind) return &transform;
  }
  return nullptr;
}

// A number that even 64 bits do not hold.
bool is_too_large(std::string_view text, const NumberFormat& format) {
  std::string number;
  if (!plain_number(text, format, number)) return false;
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  return *end == '\0' && std::isinf(value);
}

// Some of what `is` found to be false, for a warning.
void note_cell(std::vector<std::string>& cells, std::string_view text) {
  constexpr size_t kShown = 6;
  if (cells.size() < kShown && std::find(cells.begin(), cells.end(), text) == cells.end()) cells.emplace_back(text);
}

}  // namespace

std::string help_for_empty(const ColumnPlan& column) {
  if (column.per_token && column.spec->kind == ValueKind::token)
    return "a token has at least one character: leave its line out, or write a word for it";
  return "`missing = [\"\"]` in the source says that empty cells are missing values; `fill(...)` puts something in "
         "their place";
}

void Stager::remember() {
  for (size_t c = 0; c < sizes_.size(); ++c) {
    const StagedColumn& column = out_.columns[c];
    sizes_[c] = {column.texts.size(), column.counts.size(), column.numbers.size(), column.cut_texts.size(),
                 column.cut_counts.size()};
  }
}

void Stager::roll_back() {
  for (size_t c = 0; c < sizes_.size(); ++c) {
    StagedColumn& column = out_.columns[c];
    column.texts.resize(sizes_[c].texts);
    column.counts.resize(sizes_[c].counts);
    column.numbers.resize(sizes_[c].numbers);
    column.cut_texts.resize(sizes_[c].cut_texts);
    column.cut_counts.resize(sizes_[c].cut_counts);
  }
}

void Stager::count_cut(size_t d) {
  if (plan_.dims[d].limit == 0) return;
  int32_t cut = 0;
  for (size_t i = 0; i < lengths_[d].size(); ++i) cut += full_[d][i] - lengths_[d][i];
  out_.cuts[d].push_back(cut);
}

size_t Stager::rows_of(const ColumnPlan& column) const {
  if (column.dims.empty()) return 1;
  size_t rows = 0;
  for (const int32_t n : lengths_[column.dims.back()]) rows += static_cast<size_t>(n);
  return rows;
}

// The comment of this record that a column reads: the last one with its key.
const Comment* Stager::comment_of(size_t c, const Record& record) const {
  if (!plan_.columns[c].is_comment) return nullptr;
  const std::string& bound = plan_.columns[c].spec->binding.names[0];
  const std::string_view key = plan_.spec->trim ? trim_blanks(bound) : bound;
  const auto found = std::find_if(record.comments.rbegin(), record.comments.rend(),
                                  [&](const Comment& comment) { return comment.key == key; });
  return found == record.comments.rend() ? nullptr : &*found;
}

// Where a piece of a column stands: number `piece` of those that are `depth` levels below the outermost sequence;
// below 0: the column's whole text.
TextPlace Stager::place_of(size_t c, int depth, size_t piece, const Record& record) const {
  const ColumnPlan& column = plan_.columns[c];
  if (const Comment* comment = comment_of(c, record)) return comment->place;
  if (record.paths != nullptr && !placements_[c].cells.empty()) {
    const auto cell = static_cast<size_t>(placements_[c].cells[0]);
    return {record.line, record.cells[cell], (*record.paths)[cell]};
  }
  if (record.lines.empty()) return {record.line, record.text};
  size_t token = column.per_token && depth >= 0 ? piece : 0;
  for (int level = depth; column.per_token && level > 0; --level) {
    const std::vector<int32_t>& lengths = pieces_[c].lengths[static_cast<size_t>(level)];
    const int64_t limit = limit_of(column, static_cast<size_t>(level));
    size_t parent = 0;
    for (size_t left = token; parent + 1 < lengths.size(); ++parent) {
      const int64_t all = std::max(lengths[parent], 0);
      const auto here = static_cast<size_t>(limit > 0 ? std::min(all, limit) : all);
      if (left < here) break;
      left -= here;
    }
    token = parent;
  }
  if (column.per_token && depth >= 0) token += skipped_of(column, 0, record.lines.size());
  token = std::min(token, record.lines.size() - 1);
  return {record.lines[token], record.token_text[token]};
}

TextPlace Stager::place_of_item(size_t c, size_t item, const Record& record) const {
  const int depth = static_cast<int>(pieces_[c].lengths.size()) - 1;
  // Several cells of one line make one position.
  const auto cells = static_cast<size_t>(depth == 0 ? plan_.columns[c].width : 1);
  return place_of(c, depth, item / cells, record);
}

// What an item is in a message: a cell of the file, or one of the values that a cell or an array holds.
std::string Stager::name_of_item(size_t c, size_t item) const {
  const ColumnPlan& column = plan_.columns[c];
  const bool cell = column.levels() == (column.per_token ? 1 : 0);
  return cell ? "the cell" : column.levels() == 1 ? "value " + std::to_string(item + 1) : "a value";
}

void Stager::commit_missing(size_t c) {
  const ColumnPlan& column = plan_.columns[c];
  StagedColumn& out = out_.columns[c];
  const size_t rows = rows_of(column);
  const size_t elements = rows * static_cast<size_t>(column.width);
  const Transform* fill = find_transform(*column.spec, Transform::Kind::fill_text);
  if (column.holds_numbers()) {
    double value = kNoNumber;
    if (fill && column.spec->kind == ValueKind::boolean) {
      const Transform* is = find_transform(*column.spec, Transform::Kind::is);
      value =
          is ? std::count(is->texts.begin(), is->texts.end(), fill->text) > 0 : parse_truth(fill->text).value_or(false);
    }
    out.numbers.insert(out.numbers.end(), elements, value);
  } else if (column.spec->kind == ValueKind::labels) {
    out.counts.insert(out.counts.end(), rows, fill ? 1 : -1);
    if (fill) out.texts.insert(out.texts.end(), rows, interners_[c]->add(fill->text));
  } else {
    out.texts.insert(out.texts.end(), elements, fill ? interners_[c]->add(fill->text) : kMissingText);
  }
}

// Whether every row of a f32[8] has its 8 elements.
bool Stager::check_widths(size_t c, const Record& record, Rows& rows) const {
  const ColumnPlan& column = plan_.columns[c];
  const std::vector<int32_t>& found = pieces_[c].lengths.back();
  const auto odd = std::find_if(found.begin(), found.end(), [&](int32_t n) { return n != column.width; });
  if (odd == found.end()) return true;
  const TextPlace place = place_of(c, column.levels() - 2, static_cast<size_t>(odd - found.begin()), record);
  rows.bad(diag::WrongValueCount, place, "", column.spec->name, count_of(static_cast<size_t>(column.width), "value"),
           *odd);
  return false;
}

bool Stager::commit(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  const Pieces& pieces = pieces_[c];
  StagedColumn& out = out_.columns[c];
  if (pieces.missing) {
    commit_missing(c);
    if (keeps_cut(column)) out.cut_counts.push_back(0);
    return true;
  }
  if (column.spec->kind == ValueKind::labels) {
    if (column.inner_level) {
      out.counts.insert(out.counts.end(), pieces.lengths.back().begin(), pieces.lengths.back().end());
    } else {
      for (const std::string_view item : pieces.items) out.counts.push_back(is_missing(item) ? -1 : 1);
    }
  } else if (column.inner_level && !check_widths(c, record, rows)) {
    return false;
  }
  for (size_t i = 0; i < pieces.items.size(); ++i) {
    const std::string_view item = pieces.items[i];
    const bool good =
        column.holds_numbers() ? commit_number(c, i, item, record, rows) : commit_item(c, i, item, record, rows);
    if (!good) return false;
  }
  if (keeps_cut(column)) {
    const size_t cut = pieces.items.size() - rows_of(column) * static_cast<size_t>(column.width);
    const size_t before = plan_.dims[column.dims[0]].keep_last ? pieces.items.size() : cut;
    const auto begin = out.texts.end() - static_cast<std::ptrdiff_t>(before);
    const auto end = begin + static_cast<std::ptrdiff_t>(cut);
    out.cut_texts.insert(out.cut_texts.end(), begin, end);
    out.texts.erase(begin, end);
    out.cut_counts.push_back(static_cast<int32_t>(cut));
  }
  return true;
}

bool Stager::commit_item(size_t c, size_t item, std::string_view text, const Record& record, Rows& rows) {
  const ColumnSpec& column = *plan_.columns[c].spec;
  std::vector<uint32_t>& out = out_.columns[c].texts;
  const bool set = column.kind == ValueKind::labels;
  // Each piece of a set has its place among the texts, with a class or without: "a,,b", "a,?,b".
  const bool of_set = set && plan_.columns[c].inner_level;
  if (is_missing(text)) {
    if (!set || of_set) out.push_back(kMissingText);
    return true;
  }
  if (text.empty()) {
    if (of_set) {
      out.push_back(kMissingText);
      return true;
    }
    const TextPlace place = place_of_item(c, item, record);
    rows.bad(diag::EmptyCell, place, help_for_empty(plan_.columns[c]), name_of_item(c, item), column.name);
    return false;
  }
  const bool fixed = !column.fixed_labels.empty() && options_.use != FileUse::prediction;
  if (fixed && std::find(column.fixed_labels.begin(), column.fixed_labels.end(), text) == column.fixed_labels.end()) {
    const auto near = nearest(text, column.fixed_labels);
    const TextPlace place = place_of_item(c, item, record);
    rows.bad(diag::LabelNotInSet, place, near ? "did you mean `" + *near + "`?" : "", shown(text), column.name,
             excerpt(join(column.fixed_labels), 200));
    return false;
  }
  out.push_back(interners_[c]->add(text));
  return true;
}

bool Stager::commit_number(size_t c, size_t item, std::string_view text, const Record& record, Rows& rows) {
  const ColumnSpec& column = *plan_.columns[c].spec;
  std::vector<double>& out = out_.columns[c].numbers;
  if (is_missing(text)) {
    out.push_back(kNoNumber);
    return true;
  }
  if (column.kind == ValueKind::boolean) {
    const Transform* is = find_transform(column, Transform::Kind::is);
    const auto truth = is ? std::count(is->texts.begin(), is->texts.end(), text) > 0 : parse_truth(text);
    if (truth) {
      if (is && !*truth) note_cell(out_.columns[c].cells, text);
      out.push_back(*truth ? 1 : 0);
      return true;
    }
    const TextPlace place = place_of_item(c, item, record);
    rows.bad(diag::BadTruthValue, place,
             "true, false, yes, no, 1 and 0 are understood; `|> is(\"...\")` names the texts that mean true",
             shown(text), column.name);
    return false;
  }
  const auto number = parse_number(text, number_format_);
  if (number && fits_column(column, *number)) {
    out.push_back(*number);
    return true;
  }
  const TextPlace place = place_of_item(c, item, record);
  if (number || is_too_large(text, number_format_)) {
    rows.bad(diag::NumberOutOfRange, place, number_help(column, number.value_or(0)), column.name, number_result(column),
             shown(text));
  } else if (trim_blanks(text).empty()) {
    rows.bad(diag::EmptyCell, place, help_for_empty(plan_.columns[c]), name_of_item(c, item), column.name);
  } else {
    const std::vector<std::string>& names = column.binding.names;
    const bool header = std::find(names.begin(), names.end(), text) != names.end();
    rows.bad(diag::BadDataNumber, place,
             header ? "this is the name of the column: the header once more?" : bad_number_help(text, number_format_),
             shown(text), column.name);
  }
  return false;
}

// Reports the comment or JSON key of a column if no record had it.
void Stager::check_key(size_t c, Rows& rows) const {
  const bool json = plan_.spec->format == Format::jsonl;
  const ColumnPlan& column = plan_.columns[c];
  if (!(column.is_comment || json) || !column.active || key_found_[c]) return;
  const std::string& key = column.spec->binding.names[0];
  const auto near = nearest(key, keys_seen_);
  std::string help = near ? "did you mean `" + *near + "`?" : "its records have " + excerpt(join(keys_seen_), 200);
  if (keys_seen_.empty())
    help = "no comment of its sentences has a name, `# " + key + " = ...` or `# " + key + ": ...`";
  if (json && std::find(keys_seen_.begin(), keys_seen_.end(), key) != keys_seen_.end())
    help = "`field(\"" + key + "\")` goes into the objects of a record";
  rows.bad_file(diag::UnknownDataColumn, 0, "", help, json ? "key" : "comment", key);
}

Staged take_examples(const SourcePlan& plan, const Staged& staged, const std::vector<uint32_t>& examples) {
  // Where the rows of each dimension start, for every example: starts[d][e].
  std::vector<std::vector<size_t>> starts(plan.dims.size());
  std::vector<std::vector<size_t>> segments(plan.dims.size());  // of the rows of the parent
  const auto count = static_cast<size_t>(staged.examples);
  for (size_t d = 0; d < plan.dims.size(); ++d) {
    const int parent = plan.dims[d].parent;
    segments[d].assign(1, 0);
    for (const int32_t n : staged.lengths[d]) segments[d].push_back(segments[d].back() + static_cast<size_t>(n));
    for (size_t e = 0; e <= count; ++e) starts[d].push_back(segments[d][parent < 0 ? e : starts[parent][e]]);
  }
  Staged out;
  out.examples = static_cast<int64_t>(examples.size());
  out.files = staged.files;
  out.cuts.resize(plan.dims.size());
  out.lengths.resize(plan.dims.size());
  out.columns.resize(plan.columns.size());
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    out.columns[c].cells = staged.columns[c].cells;
    out.columns[c].read_from = staged.columns[c].read_from;
  }
  const auto append = [](auto& to, const auto& from, size_t begin, size_t end) {
    if (from.empty()) return;
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
              from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const auto parent_row = [&](size_t d, size_t e) {
    return plan.dims[d].parent < 0 ? e : starts[plan.dims[d].parent][e];
  };
  // Where each row's classes start (labels), and each example's labels behind a limit.
  std::vector<std::vector<size_t>> texts_at(plan.columns.size()), cuts_at(plan.columns.size());
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    texts_at[c].assign(1, 0);
    for (const int32_t n : staged.columns[c].counts)
      texts_at[c].push_back(texts_at[c].back() + static_cast<size_t>(std::max(n, 0)));
  }
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    cuts_at[c].assign(1, 0);
    for (const int32_t n : staged.columns[c].cut_counts)
      cuts_at[c].push_back(cuts_at[c].back() + static_cast<size_t>(n));
  }
  for (const uint32_t e : examples) {
    out.places.push_back(staged.places[e]);
    for (size_t d = 0; d < plan.dims.size(); ++d) {
      append(out.lengths[d], staged.lengths[d], parent_row(d, e), parent_row(d, e + 1));
      append(out.cuts[d], staged.cuts[d], e, e + 1);
    }
    for (size_t c = 0; c < plan.columns.size(); ++c) {
      const ColumnPlan& column = plan.columns[c];
      const size_t begin = column.dims.empty() ? e : starts[column.dims.back()][e];
      const size_t end = column.dims.empty() ? e + 1 : starts[column.dims.back()][e + 1];
      const auto width = static_cast<size_t>(column.width);
      if (!staged.columns[c].cut_counts.empty()) {
        append(out.columns[c].cut_counts, staged.columns[c].cut_counts, e, e + 1);
        append(out.columns[c].cut_texts, staged.columns[c].cut_texts, cuts_at[c][e], cuts_at[c][e + 1]);
      }
      append(out.columns[c].numbers, staged.columns[c].numbers, begin * width, end * width);
      if (staged.columns[c].counts.empty()) {
        append(out.columns[c].texts, staged.columns[c].texts, begin * width, end * width);
      } else {
        append(out.columns[c].counts, staged.columns[c].counts, begin, end);
        append(out.columns[c].texts, staged.columns[c].texts, texts_at[c][begin], texts_at[c][end]);
      }
    }
  }
  return out;
}

}  // namespace mtl::data
