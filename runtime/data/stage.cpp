// Takes the cells of a record: splits, cleans, parses and interns them.
#include "runtime/data/stage.h"

#include <algorithm>

#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

constexpr std::string_view kNoText{};  // null data
constexpr size_t kShownKeys = 64;
constexpr size_t kShownLacks = 3;

// For a sequence that is missing and whose length nothing else says.
std::string help_for_missing(const ColumnPlan& column) {
  const std::string empty = "`column(..., allow_empty = true)` lets empty sequences in";
  if (column.base_levels > 0 || column.holds_numbers()) return empty;
  return "`|> fill(\"...\")` in front of the transform that parts the text puts one in its place; " + empty;
}

bool listed(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string interner_key(const SourceSpec& source, const ColumnSpec& column) {
  return column.kind == ValueKind::token ? "vocab " + column.vocab : source.name + "." + column.name;
}

void Pieces::clear() {
  for (auto& level : lengths) level.clear();
  items.clear();
  words.clear();
  raw = {};
  missing = dropped = false;
}

Stager::Stager(const SourcePlan& plan, Interners& interners, Staged& out)
    : plan_(plan),
      out_(out),
      number_format_(number_format(*plan.spec)),
      missing_numbers_(missing_numbers(*plan.spec)),
      interners_(plan.columns.size()),
      pieces_(plan.columns.size()),
      lengths_(plan.dims.size()),
      full_(plan.dims.size()),
      sizes_(plan.columns.size()),
      key_found_(plan.columns.size()) {
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    interners_[c] = &interners[interner_key(*plan.spec, *plan.columns[c].spec)];
    pieces_[c].lengths.resize(static_cast<size_t>(plan.columns[c].levels()));
  }
  out_.columns.resize(plan.columns.size());
  out_.lengths.resize(plan.dims.size());
  out_.cuts.resize(plan.dims.size());
}

void Stager::begin_file(const std::string& path) {
  file_ = static_cast<uint32_t>(out_.files.size());
  out_.files.push_back(path);
}

bool Stager::begin_rows(const Layout& layout, Rows& rows) {
  auto placed = place_columns(plan_, layout, options_.use, rows);
  if (!placed) return false;
  placements_ = std::move(*placed);
  for (size_t c = 0; c < placements_.size(); ++c) {
    const Placement& placement = placements_[c];
    std::vector<std::string>& read_from = out_.columns[c].read_from;
    if (!read_from.empty()) continue;
    for (size_t i = 0; i < placement.cells.size(); ++i) {
      const std::string feature = i < placement.features.size() ? placement.features[i] : "";
      read_from.push_back(std::to_string(placement.cells[i]) + (feature.empty() ? "" : "." + lower_text(feature)));
    }
  }
  return true;
}

bool Stager::add(const Record& record, Rows& rows) {
  made_.clear();
  for (size_t c = 0; c < plan_.columns.size(); ++c) {
    pieces_[c].clear();
    if (!plan_.columns[c].active) continue;
    if (!collect(c, record, rows)) return false;
  }
  if (!check_lengths(record, rows)) return false;
  remember();
  for (size_t c = 0; c < plan_.columns.size(); ++c) {
    if (!plan_.columns[c].active || commit(c, record, rows)) continue;
    roll_back();
    return false;
  }
  for (size_t d = 0; d < lengths_.size(); ++d) {
    out_.lengths[d].insert(out_.lengths[d].end(), lengths_[d].begin(), lengths_[d].end());
    count_cut(d);
  }
  out_.places.push_back({file_, static_cast<uint32_t>(std::min<uint64_t>(record.line, UINT32_MAX))});
  ++out_.examples;
  return true;
}

void Stager::note_key(std::string_view key) {
  if (keys_seen_.size() < kShownKeys && !listed(keys_seen_, key)) keys_seen_.emplace_back(key);
}

// Whether the labels that a limit cuts are kept aside.
bool Stager::keeps_cut(const ColumnPlan& column) const {
  return column.spec->kind == ValueKind::label && !column.is_bins && column.dims.size() == 1 &&
         plan_.dims[column.dims[0]].limit > 0;
}

// The limit that the pieces of a column are cut by; 0: none.
int64_t Stager::limit_of(const ColumnPlan& column, size_t level) const {
  if (keeps_cut(column)) return 0;
  return level < column.dims.size() ? plan_.dims[column.dims[level]].limit : 0;
}

// How many pieces of a sequence `limit` cuts from its beginning.
size_t Stager::skipped_of(const ColumnPlan& column, size_t level, size_t length) const {
  const auto limit = static_cast<size_t>(limit_of(column, level));
  return limit > 0 && length > limit && plan_.dims[column.dims[level]].keep_last ? length - limit : 0;
}

// Ends one sequence of `level` whose pieces are those from `begin` on: notes its length, drops what `limit` cuts.
void Stager::end_sequence(size_t c, size_t level, size_t begin) {
  Pieces& pieces = pieces_[c];
  const size_t length = pieces.items.size() - begin;
  pieces.lengths[level].push_back(static_cast<int32_t>(length));
  if (level == 0 && options_.keeps_words) pieces.words = pieces.items;
  const auto limit = static_cast<size_t>(limit_of(plan_.columns[c], level));
  const auto first = pieces.items.begin() + static_cast<std::ptrdiff_t>(begin);
  pieces.items.erase(first, first + static_cast<std::ptrdiff_t>(skipped_of(plan_.columns[c], level, length)));
  if (limit > 0 && length > limit) pieces.items.resize(begin + limit);
}

// Whether a text means that there is no value. Numbers are compared as such, too.
bool Stager::is_mark(const ColumnPlan& column, std::string_view text) const {
  if (listed(plan_.spec->missing, text)) return true;
  if (missing_numbers_.empty() || !column.reads_numbers()) return false;
  const auto number = parse_number(text, number_format_);
  return number && std::find(missing_numbers_.begin(), missing_numbers_.end(), *number) != missing_numbers_.end();
}

// A cell, a comment or a JSON value as the column has it: without blanks around it, and null if it means nothing.
std::string_view Stager::value_of(const ColumnPlan& column, std::string_view text) const {
  const std::string_view value = plan_.spec->trim ? trim_blanks(text) : text;
  // Among the tokens of a sentence the missing mark is a word like others.
  if (column.per_token && column.spec->kind == ValueKind::token) return value.empty() ? text : value;
  if (is_mark(column, value)) return kNoText;
  return value.empty() && column.holds_tokens() ? text : value;
}

// The items from `begin` on become one. It lacks a value if one of them does, and is empty if one of them is.
void Stager::cross_cells(std::vector<std::string_view>& items, size_t begin) {
  const auto first = items.begin() + static_cast<std::ptrdiff_t>(begin);
  std::string_view joined;
  const bool missing = std::any_of(first, items.end(), is_missing);
  if (!missing && std::none_of(first, items.end(), [](std::string_view item) { return item.empty(); })) {
    std::string& text = made_.emplace_back(*first);
    for (auto item = first + 1; item != items.end(); ++item) (text += kCrossed) += *item;
    joined = text;
  } else if (!missing) {
    joined = "";
  }
  items.resize(begin);
  items.push_back(joined);
}

// Pieces that mean: no value. In a token column only whole cells can be missing.
void Stager::mark_missing(const ColumnPlan& column, std::vector<std::string_view>& items) const {
  if (plan_.spec->missing.empty() || column.spec->kind == ValueKind::token) return;
  for (std::string_view& item : items) item = !is_missing(item) && is_mark(column, item) ? kNoText : item;
}

// True if empty pieces were left out.
bool Stager::split_text(const Transform& transform, std::string_view text, bool keep_empty,
                        std::vector<std::string_view>& out) const {
  if (transform.kind == Transform::Kind::split)
    return split_values(text, transform.text, plan_.spec->trim, keep_empty, out);
  (transform.kind == Transform::Kind::words ? split_words : split_characters)(text, out);
  return false;
}

// Every text becomes a sequence of `level`.
void Stager::split_items(size_t c, size_t level, const Transform& split) {
  const ColumnPlan& column = plan_.columns[c];
  Pieces& pieces = pieces_[c];
  const bool keep_empty = column.keeps_empty(static_cast<int>(level), plan_.spec->missing);
  scratch_.swap(pieces.items);
  pieces.items.clear();
  for (const std::string_view text : scratch_) {
    const size_t before = pieces.items.size();
    if (is_missing(text) && column.makes_set(static_cast<int>(level))) {
      pieces.lengths[level].push_back(kMissingRow);
      continue;
    }
    const bool dropped = split_text(split, text, keep_empty, pieces.items);
    pieces.dropped = pieces.dropped || dropped;
    end_sequence(c, level, before);
  }
  mark_missing(column, pieces.items);
}

// Every text becomes one of its pieces. An empty text stays what it is.
bool Stager::pick_pieces(size_t c, int level, const Transform& split, const Transform& part, const Record& record,
                         Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  std::vector<std::string_view>& items = pieces_[c].items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].empty()) continue;
    scratch_.clear();
    split_text(split, items[i], false, scratch_);
    const auto piece = piece_at(scratch_, part.count);
    if (!piece) {
      const auto cells = static_cast<size_t>(level == 1 ? column.width : 1);  // several of one line are one position
      const TextPlace place = place_of(c, level - 1, i / cells, record);
      rows.bad(diag::NoSuchPiece, place, "pieces are counted from 0; below 0 from the end, `part(-1)` being `last`",
               column.spec->name, transform_name(split), count_of(scratch_.size(), "piece"), excerpt(items[i], 40),
               part.count);
      return false;
    }
    items[i] = *piece;
  }
  mark_missing(column, items);
  return true;
}

// The pieces of a column: its cells as the file has them, then the transforms that make texts of texts.
bool Stager::collect(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  const std::vector<Transform>& transforms = column.spec->transforms;
  Pieces& pieces = pieces_[c];
  if (!collect_base(c, record, rows)) return false;
  if (pieces.missing) return true;
  int level = column.base_levels;
  if (level > 0) pieces.raw = {};
  if (options_.words_of_lines) pieces.raw = record.text;
  for (size_t i = 0; i < transforms.size(); ++i) {
    if (transforms[i].kind == Transform::Kind::fill_text) {
      for (std::string_view& item : pieces.items) item = is_missing(item) ? std::string_view(transforms[i].text) : item;
    }
    if (!splits_text(transforms[i].kind)) continue;
    if (!makes_level(transforms, i)) {
      if (!pick_pieces(c, level, transforms[i], transforms[i + 1], record, rows)) return false;
      continue;
    }
    pieces.missing = level == 0 && is_missing(pieces.items[0]);
    if (pieces.missing) return true;
    split_items(c, static_cast<size_t>(level++), transforms[i]);
  }
  return true;
}

bool Stager::collect_base(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  Pieces& pieces = pieces_[c];
  if (options_.words_of_lines) {  // a raw line is the text of the one text column, and labels are absent
    if (column.is_target_only()) {
      pieces.items.push_back(kNoText);
      pieces.missing = column.levels() > 0;
      return true;
    }
    pieces.items.push_back(plan_.spec->trim ? trim_blanks(record.text) : record.text);
    if (column.base_levels == 1) {  // the file has a sequence here, a line has words
      pieces.items.clear();
      (options_.characters_of_lines ? split_line_characters : split_words)(record.text, pieces.items);
      end_sequence(c, 0, 0);
    }
    return true;
  }
  if (plan_.spec->format == Format::jsonl) return collect_json(c, record, rows);
  if (column.is_comment) {
    const Comment* comment = comment_of(c, record);
    if (comment) key_found_[c] = true;
    if (!key_found_[c]) {
      for (const Comment& other : record.comments) note_key(other.key);
    }
    if (comment) pieces.raw = trim_blanks(comment->value);
    pieces.items.push_back(comment ? value_of(column, comment->value) : kNoText);
    return true;
  }
  const Placement& placement = placements_[c];
  if (placement.absent) {
    pieces.missing = column.levels() > 0;
    for (int64_t i = 0; i < column.width; ++i) pieces.items.push_back(kNoText);
    return true;
  }
  const size_t tokens = column.per_token ? record.lines.size() : 1;
  const auto limit = static_cast<size_t>(column.per_token ? limit_of(column, 0) : 0);
  const size_t begin = column.per_token ? skipped_of(column, 0, tokens) : 0;
  const size_t end = limit == 0 ? tokens : std::min(tokens, begin + limit);
  for (size_t t = begin; t < end; ++t) {
    for (size_t i = 0; i < placement.cells.size(); ++i) {
      std::string_view cell = record.cells[t * record.width + static_cast<size_t>(placement.cells[i])];
      if (i < placement.features.size() && !placement.features[i].empty())
        cell = feature_value(cell, placement.features[i]);
      if (pieces.raw.empty()) pieces.raw = cell;
      pieces.items.push_back(value_of(column, cell));
    }
    if (column.spec->binding.cross) cross_cells(pieces.items, pieces.items.size() - placement.cells.size());
  }
  if (column.per_token) pieces.lengths[0].push_back(static_cast<int32_t>(tokens));
  if (column.per_token && options_.keeps_words) {
    for (size_t t = 0; t < tokens; ++t) {
      const std::string_view cell = record.cells[t * record.width + static_cast<size_t>(placement.cells.front())];
      const std::string_view value = plan_.spec->trim ? trim_blanks(cell) : cell;
      pieces.words.push_back(value.empty() ? cell : value);
    }
  }
  return true;
}

// All columns of one dimension have the same lengths; the first that is not missing says them. What `limit` cuts is
// taken off afterwards.
bool Stager::check_lengths(const Record& record, Rows& rows) {
  for (size_t d = 0; d < plan_.dims.size(); ++d) {
    const DimPlan& dim = plan_.dims[d];
    const std::pair<size_t, int>* first = nullptr;
    std::vector<int32_t>& lengths = lengths_[d];
    lengths.clear();
    for (const auto& who : dim.columns) {
      if (pieces_[who.first].missing || !plan_.columns[who.first].active) continue;
      if (!first) {
        first = &who;
        lengths = pieces_[who.first].lengths[static_cast<size_t>(who.second)];
      } else if (!check_same_lengths(d, *first, who, record, rows)) {
        return false;
      }
    }
    size_t parents = 1;
    if (dim.parent >= 0) {
      parents = 0;
      for (const int32_t n : lengths_[dim.parent]) parents += static_cast<size_t>(n);
    }
    if (!first) lengths.assign(parents, 0);
    const auto empty = std::find(lengths.begin(), lengths.end(), 0);
    const bool has_empty = empty != lengths.end();
    full_[d] = lengths;
    if (dim.limit > 0) {
      for (int32_t& n : lengths) n = static_cast<int32_t>(std::min<int64_t>(n, dim.limit));
    }
    if (dim.allow_empty || !has_empty) continue;
    if (!first) {
      if (!reject_missing(d, record, rows)) return false;
      continue;
    }
    const auto [c, level] = *first;
    const TextPlace place = place_of(c, level - 1, static_cast<size_t>(empty - lengths.begin()), record);
    const ColumnPlan& column = plan_.columns[c];
    const bool token = column.per_token && column.spec->kind == ValueKind::token && level > 0;  // its characters
    rows.bad(diag::EmptySequence, place,
             token ? help_for_empty(column) : "`column(..., allow_empty = true)` lets empty sequences in",
             column.spec->name, dim.path);
    return false;
  }
  return true;
}

// Column and level of both that have dimension `d`. A comment is what a difference is shown at: it is the odd one in a
// sentence of tokens.
bool Stager::check_same_lengths(size_t d, const std::pair<size_t, int>& first, const std::pair<size_t, int>& other,
                                const Record& record, Rows& rows) {
  const std::vector<int32_t>& expected = pieces_[first.first].lengths[static_cast<size_t>(first.second)];
  const std::vector<int32_t>& found = pieces_[other.first].lengths[static_cast<size_t>(other.second)];
  const auto& shown = plan_.columns[first.first].is_comment ? first : other;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == expected[i]) continue;
    const TextPlace place = place_of(shown.first, shown.second - 1, i, record);
    const bool dropped = pieces_[first.first].dropped || pieces_[other.first].dropped;
    rows.bad(diag::LengthMismatch, place, dropped ? "empty pieces of `split` do not count" : "", plan_.dims[d].path,
             plan_.columns[first.first].spec->name, expected[i], plan_.columns[other.first].spec->name, found[i]);
    return false;
  }
  return true;
}

// No column says how long dimension `d` is in this record. True if none is read either.
bool Stager::reject_missing(size_t d, const Record& record, Rows& rows) {
  const DimPlan& dim = plan_.dims[d];
  const auto read = [&](const auto& who) { return plan_.columns[who.first].active; };
  auto who = std::find_if(dim.columns.begin(), dim.columns.end(), [&](const auto& candidate) {
    return read(candidate) && !plan_.columns[candidate.first].is_target_only();
  });
  if (who == dim.columns.end()) who = std::find_if(dim.columns.begin(), dim.columns.end(), read);
  if (who == dim.columns.end()) return true;
  const size_t c = who->first;
  const TextPlace place = place_of(c, -1, 0, record);
  const bool keyed = plan_.columns[c].is_comment || plan_.spec->format == Format::jsonl;
  if (options_.finishes && keyed && !key_found_[c] && !rows.skips()) {
    if (lacks_.size() < kShownLacks) lacks_.push_back({c, d, rows.path(), std::string(place.text), place.line});
    return false;
  }
  rows.bad(diag::MissingSequence, place, help_for_missing(plan_.columns[c]), plan_.columns[c].spec->name, dim.path);
  return false;
}

void Stager::finish(bool all, SkipBudget& budget, diag::Emitter& emitter) const {
  std::vector<bool> expected(plan_.columns.size(), all && (out_.examples > 0 || !lacks_.empty()));
  for (const Lack& lack : lacks_) {
    if (!key_found_[lack.column]) {
      expected[lack.column] = true;
      continue;
    }
    const ColumnPlan& column = plan_.columns[lack.column];
    Rows rows(lack.path, emitter, budget);
    rows.bad(diag::MissingSequence, lack.line, lack.text, help_for_missing(column), column.spec->name,
             plan_.dims[lack.dim].path);
  }
  if (out_.files.empty()) return;
  Rows rows(out_.files.front(), emitter, budget);
  for (size_t c = 0; c < expected.size(); ++c) {
    if (expected[c]) check_key(c, rows);
  }
}

}  // namespace mtl::data
