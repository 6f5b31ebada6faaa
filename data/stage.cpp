#include "data/stage.h"

#include <algorithm>

#include "compiler/diag/kinds/data.h"
#include "data/text.h"

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

uint32_t Interner::add(std::string_view text) {
  if (const auto found = numbers_.find(text); found != numbers_.end()) return found->second;
  const auto number = static_cast<uint32_t>(texts_.size());
  texts_.emplace_back(text);
  numbers_.emplace(texts_.back(), number);
  return number;
}

std::string interner_key(const SourceSpec& source, const ColumnSpec& column) {
  return column.kind == ValueKind::token ? "vocab " + column.vocab : source.name + "." + column.name;
}

void Pieces::clear() {
  for (auto& level : lengths) level.clear();
  items.clear();
  words.clear();
  missing = false;
}

Stager::Stager(const SourcePlan& plan, Interners& interners, Staged& out)
    : plan_(plan),
      out_(out),
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
  auto placed = place_columns(plan_, layout, options_.absent_allowed, rows);
  if (!placed) return false;
  placements_ = std::move(*placed);
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

// Whether the labels behind a limit are kept aside.
bool Stager::keeps_cut(const ColumnPlan& column) const {
  return column.spec->kind == ValueKind::label && !column.is_bins && column.dims.size() == 1 &&
         plan_.dims[column.dims[0]].limit > 0;
}

// The limit that the pieces of a column are cut by; 0: none.
int64_t Stager::limit_of(const ColumnPlan& column, size_t level) const {
  if (keeps_cut(column)) return 0;
  return level < column.dims.size() ? plan_.dims[column.dims[level]].limit : 0;
}

// Ends one sequence of `level` whose pieces are those from `begin` on: notes its length, drops what `limit` cuts.
void Stager::keep_front(size_t c, size_t level, size_t begin) {
  Pieces& pieces = pieces_[c];
  const size_t length = pieces.items.size() - begin;
  pieces.lengths[level].push_back(static_cast<int32_t>(length));
  if (level == 0 && options_.keeps_words) pieces.words = pieces.items;
  const auto limit = static_cast<size_t>(limit_of(plan_.columns[c], level));
  if (limit > 0 && length > limit) pieces.items.resize(begin + limit);
}

// The pieces of a column: its cells as the file has them, then the transforms that make sequences of texts.
bool Stager::collect(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  Pieces& pieces = pieces_[c];
  if (!collect_base(c, record, rows)) return false;
  if (pieces.missing) return true;
  int level = column.base_levels;
  if (level == 0 && column.levels() > 0 && is_missing(pieces.items[0])) {
    for (const Transform& transform : column.spec->transforms) {
      if (transform.kind == Transform::Kind::fill_text) pieces.items[0] = transform.text;
      if (splits_text(transform.kind) || !is_missing(pieces.items[0])) break;
    }
    pieces.missing = is_missing(pieces.items[0]);
    if (pieces.missing) return true;
  }
  for (const Transform& transform : column.spec->transforms) {
    if (transform.kind == Transform::Kind::fill_text) {
      for (std::string_view& item : pieces.items) item = is_missing(item) ? std::string_view(transform.text) : item;
    }
    if (!splits_text(transform.kind)) continue;
    scratch_.swap(pieces.items);
    pieces.items.clear();
    for (const std::string_view text : scratch_) {
      const size_t before = pieces.items.size();
      if (is_missing(text) && column.makes_set(level)) {
        pieces.lengths[static_cast<size_t>(level)].push_back(kMissingRow);
        continue;
      }
      switch (transform.kind) {
        case Transform::Kind::split:
          split_at(text, transform.text, pieces.items);
          break;
        case Transform::Kind::words:
          split_words(text, pieces.items);
          break;
        default:
          split_characters(text, pieces.items);
          break;
      }
      keep_front(c, static_cast<size_t>(level), before);
    }
    ++level;
    const auto& missing = plan_.spec->missing;
    if (missing.empty() || column.spec->kind == ValueKind::token) continue;
    for (std::string_view& item : pieces.items) item = listed(missing, item) ? kNoText : item;
  }
  return true;
}

bool Stager::collect_base(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  const std::vector<std::string>& missing = plan_.spec->missing;
  Pieces& pieces = pieces_[c];
  if (options_.words_of_lines) {  // a raw line is the text of the one text column, and labels are absent
    if (column.is_target_only()) {
      pieces.items.push_back(kNoText);
      pieces.missing = column.levels() > 0;
      return true;
    }
    pieces.items.push_back(record.text);
    if (column.base_levels == 1) {  // the file has a sequence here, a line has words
      pieces.items.clear();
      split_words(record.text, pieces.items);
      keep_front(c, 0, 0);
    }
    return true;
  }
  if (plan_.spec->format == Format::jsonl) return collect_json(c, record, rows);
  if (column.is_comment) {
    const Comment* comment = comment_of(c, record);
    const std::string_view value = comment ? comment->value : kNoText;
    if (comment) key_found_[c] = true;
    if (!key_found_[c]) {
      for (const Comment& other : record.comments) note_key(other.key);
    }
    pieces.items.push_back(!is_missing(value) && listed(missing, value) ? kNoText : value);
    return true;
  }
  const Placement& placement = placements_[c];
  if (placement.absent) {
    pieces.missing = column.levels() > 0;
    for (int64_t i = 0; i < column.width; ++i) pieces.items.push_back(kNoText);
    return true;
  }
  const size_t tokens = column.per_token ? record.lines.size() : 1;
  // In a token column of a sentence the missing mark is a word like others.
  const bool marks = !missing.empty() && !(column.per_token && column.spec->kind == ValueKind::token);
  const int64_t limit = column.per_token ? limit_of(column, 0) : 0;
  for (size_t t = 0; t < tokens && (limit == 0 || static_cast<int64_t>(t) < limit); ++t) {
    for (const int cell : placement.cells) {
      const std::string_view text = record.cells[t * record.width + static_cast<size_t>(cell)];
      pieces.items.push_back(marks && listed(missing, text) ? kNoText : text);
    }
  }
  if (column.per_token) pieces.lengths[0].push_back(static_cast<int32_t>(tokens));
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
    rows.bad(diag::EmptySequence, place.line, place.text, "`column(..., allow_empty = true)` lets empty sequences in",
             plan_.columns[c].spec->name, dim.path);
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
    rows.bad(diag::LengthMismatch, place.line, place.text, "", plan_.dims[d].path,
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
  rows.bad(diag::MissingSequence, place.line, place.text, help_for_missing(plan_.columns[c]),
           plan_.columns[c].spec->name, dim.path);
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
