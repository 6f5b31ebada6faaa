// Applies the transforms of a column, one after the other, and looks its values up.
#include "runtime/core/deploy/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/core/deploy/numbers.h"

namespace mtl::runtime::deploy {
namespace {

using Kind = Transform::Kind;

constexpr char kUnknownName[] = "<unk>";

bool is_missing(std::string_view item) {
  return item.data() == nullptr;
}

bool splits_text(Kind kind) {
  return kind == Kind::split || kind == Kind::words || kind == Kind::characters;
}

// For messages: at most 40 bytes, whole characters.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 40;
  size_t size = std::min(text.size(), kMost);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::string out = "`" + std::string(text.substr(0, size)) + (size < text.size() ? "...`" : "`");
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

double apply_one(Kind kind, const NumberStats& stats, size_t element, double x) {
  switch (kind) {
    case Kind::standardize:
      return standardized(x, stats.mean[element], stats.deviation[element]);
    case Kind::minmax:
      return scaled(x, stats.minimum[element], stats.maximum[element]);
    case Kind::log1p:
      return log_of_one_more(x);
    case Kind::fill_number:
    case Kind::fill_mean:
      return std::isnan(x) ? stats.fill[element] : x;
    case Kind::bins:
      return bin_of(x, stats.bin_edges, stats.bin_edge_count);
    default:
      return x;
  }
}

}  // namespace

Column::Column(const ColumnSpec& spec, Vocabulary names) : spec_(&spec), names_(names) {
  int splits = 0;
  for (size_t i = 0; i < spec.transform_count; ++i) {
    splits += makes_level(i) ? 1 : 0;
    is_bins_ = is_bins_ || (spec.kind == ColumnSpec::Kind::category && spec.transforms[i].kind == Kind::bins);
  }
  cell_levels_ = std::min(spec.base_levels, spec.levels);
  inner_ = cell_levels_ + splits > spec.levels;
  if (spec.levels < 0 || spec.levels > kMostLevels) fail("has too many levels");
  for (int64_t e = 0; spec.apart && e < spec.width; ++e)
    unknown_.push_back(std::max(0, names_.find(std::to_string(e) + "=" + kUnknownName)));
}

void Column::clear() {
  examples_ = 0;
  ids_.clear();
  numbers_.clear();
  skipped_.clear();
  ranges_.clear();
  range_ends_.clear();
  for (std::vector<int32_t>& lengths : lengths_) lengths.clear();
}

void Column::fail(const std::string& what) const {
  throw InputError("column `" + std::string(spec_->name) + "`: " + what);
}

void Column::begin() {
  pieces_.items.clear();
  pieces_.numbers.clear();
  pieces_.ids.clear();
  pieces_.skipped = 0;
  pieces_.raw = std::string_view();
  pieces_.ranges.clear();
  for (std::vector<int32_t>& lengths : pieces_.lengths) lengths.clear();
}

Column::Part Column::take_length(int level, size_t rows) {
  if (rows > static_cast<size_t>(std::numeric_limits<int32_t>::max())) fail("the sequence is too long");
  const auto limit = level < spec_->levels ? static_cast<size_t>(spec_->limits[level]) : 0;
  const size_t kept = limit > 0 ? std::min(rows, limit) : rows;
  const size_t begin = limit > 0 && spec_->keep_last[level] ? rows - kept : 0;
  if (level == 0) pieces_.skipped = static_cast<int32_t>(begin);
  pieces_.lengths[level].push_back(static_cast<int32_t>(kept));
  return {begin, begin + kept};
}

// Which of `count` values, given without levels or as one sequence, are taken.
Column::Part Column::take_flat(size_t count, size_t row_elements) {
  if (count % row_elements != 0 || (cell_levels_ == 0 && count != row_elements))
    fail("takes " + std::to_string(row_elements) + (cell_levels_ == 0 ? " values, not " : " values a position, not ") +
         std::to_string(count));
  if (cell_levels_ > 1) fail_depth();
  if (cell_levels_ == 0) return {0, count};
  const Part taken = take_length(0, count / row_elements);
  return {taken.begin * row_elements, taken.end * row_elements};
}

// Ends a sequence of `level` whose items are those from `begin` on.
void Column::keep_part(int level, size_t begin) {
  std::vector<std::string_view>& items = pieces_.items;
  const Part taken = take_length(level, items.size() - begin);
  items.resize(begin + taken.end);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(begin),
              items.begin() + static_cast<std::ptrdiff_t>(begin + taken.begin));
}

void Column::take_cell(std::string_view cell, bool marks) {
  if (!is_plain_utf8(cell)) fail("the text is not valid UTF-8");
  if (pieces_.items.empty()) pieces_.raw = cell;
  std::string_view value = spec_->trim ? trim_blanks(cell) : cell;
  if (marks && !is_missing(cell) && is_mark(value)) value = std::string_view();
  // A token of blanks alone is one.
  const bool token = spec_->kind == ColumnSpec::Kind::token && cell_levels_ > 0;
  pieces_.items.push_back(token && !is_missing(value) && value.empty() ? cell : value);
}

// In the precision that it is given in: -999.9f is -999.9.
template <class Number>
bool Column::is_missing_number(Number number) const {
  return std::any_of(spec_->missing_numbers, spec_->missing_numbers + spec_->missing_number_count,
                     [&](double mark) { return number == static_cast<Number>(mark); });
}

bool Column::is_mark(std::string_view text) const {
  if (std::any_of(spec_->missing, spec_->missing + spec_->missing_count,
                  [&](const char* mark) { return text == mark; }))
    return true;
  const auto number = spec_->missing_number_count > 0 ? parse_number(text, number_format()) : std::nullopt;
  return number && is_missing_number(*number);
}

template <class Text>
void Column::add_cells(const Text* cells, size_t count) {
  begin();
  const Part taken = take_flat(count, static_cast<size_t>(spec_->cells));
  for (size_t i = taken.begin; i < taken.end; ++i) take_cell(cells[i], !spec_->sentence);
  finish_cells();
}

void Column::add_texts(const std::string_view* cells, size_t count) {
  add_cells(cells, count);
}
void Column::add_texts(const std::string* cells, size_t count) {
  add_cells(cells, count);
}

void Column::add_texts(const std::vector<std::string>& cells, const std::vector<TextRange>& ranges) {
  if (!ranges.empty() && ranges.size() != cells.size())
    fail("has " + std::to_string(cells.size()) + " texts and the places of " + std::to_string(ranges.size()));
  add_texts(cells);
  if (!spec_->keeps_ranges || ranges.empty()) return;
  const auto first = ranges.begin() + skipped_.back();
  ranges_.insert(ranges_.end(), first, first + lengths_[0].back());
  range_ends_.back() = ranges_.size();
}

void Column::ranges(size_t example, std::vector<TextRange>& out) const {
  const auto at = [&](size_t end) { return ranges_.begin() + static_cast<std::ptrdiff_t>(end); };
  out.assign(at(example == 0 ? 0 : range_ends_[example - 1]), at(range_ends_[example]));
}

void Column::take_cells(const std::vector<std::string>& cells, int level) {
  const auto row_elements = static_cast<size_t>(spec_->cells);
  if (level + 1 != cell_levels_) fail_depth();
  if (cells.size() % row_elements != 0)
    fail("takes " + std::to_string(row_elements) + " values a position, not " + std::to_string(cells.size()));
  const Part taken = take_length(level, cells.size() / row_elements);
  for (size_t k = taken.begin * row_elements; k < taken.end * row_elements; ++k) take_cell(cells[k], true);
}

void Column::fail_depth() const {
  fail("takes " + std::to_string(cell_levels_) + (cell_levels_ == 1 ? " level" : " levels") +
       " of lists in each other");
}

void Column::add_line(std::string_view line) {
  begin();
  if (!is_plain_utf8(line)) fail("the text is not valid UTF-8");
  if (spec_->sentence) {
    split_words(line, pieces_.items);
    keep_part(0, 0);
    if (spec_->keeps_ranges) find_pieces(line, pieces_.items, pieces_.ranges);
  } else if (cell_levels_ > 0 || spec_->cells > 1) {
    fail("takes several values, not a line");
  } else {
    pieces_.items.push_back(spec_->trim ? trim_blanks(line) : line);
    pieces_.raw = line;
  }
  finish_cells();
}

// Whether a transform makes a sequence of each text: it splits, and no `part` behind it takes one piece.
bool Column::makes_level(size_t i) const {
  const bool taken = i + 1 < spec_->transform_count && spec_->transforms[i + 1].kind == Kind::part;
  return splits_text(spec_->transforms[i].kind) && !taken;
}

void Column::split_text(const Transform& split, std::string_view text, bool keep_empty,
                        std::vector<std::string_view>& out) const {
  if (split.kind == Kind::split) return (void)split_values(text, split.text, spec_->trim, keep_empty, out);
  if (split.kind == Kind::words) return split_words(text, out);
  split_characters(text, out);
}

// Pieces that mean: no value. In a token column only whole cells can be missing.
void Column::mark_missing() {
  if (spec_->missing_count == 0 || spec_->kind == ColumnSpec::Kind::token) return;
  for (std::string_view& item : pieces_.items) item = !is_missing(item) && is_mark(item) ? std::string_view() : item;
}

// Every item becomes a sequence of `level`.
void Column::split_items(const Transform& split, int level) {
  spare_.swap(pieces_.items);
  std::vector<std::string_view>& items = pieces_.items;
  items.clear();
  // An empty piece is a value that its place lacks in a row, or among numbers where `missing` lists it.
  const bool innermost = level + 1 == spec_->levels + (inner_ ? 1 : 0);
  const bool keep_empty = innermost && (inner_ || (!is_ids() && is_mark("")));
  for (const std::string_view text : spare_) {
    const size_t begin = items.size();
    split_text(split, text, keep_empty, items);
    keep_part(level, begin);
  }
  if (level == 0 && spec_->keeps_ranges) find_pieces(pieces_.raw, items, pieces_.ranges);
  mark_missing();
}

// Every item becomes one of its pieces. An empty text stays what it is.
void Column::pick_pieces(const Transform& split, const Transform& part) {
  for (std::string_view& item : pieces_.items) {
    if (item.empty()) continue;
    spare_.clear();
    split_text(split, item, false, spare_);
    const auto piece = piece_at(spare_, part.count);
    if (!piece)
      fail(shown(item) + " has " + std::to_string(spare_.size()) + " pieces, and there is no number " +
           std::to_string(part.count));
    item = *piece;
  }
  mark_missing();
}

// The cells of each row become one text. It lacks a value if one of them does, and is empty if one of them is.
void Column::cross_cells() {
  std::vector<std::string_view>& items = pieces_.items;
  const auto count = static_cast<size_t>(spec_->cells);
  if (crossed_.size() < items.size() / count) crossed_.resize(items.size() / count);
  for (size_t row = 0; row * count < items.size(); ++row) {
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(row * count);
    const auto last = first + static_cast<std::ptrdiff_t>(count);
    std::string& text = crossed_[row];
    text.assign(*first);
    for (auto item = first + 1; item != last; ++item) (text += kCrossed) += *item;
    const bool empty = std::any_of(first, last, [](std::string_view item) { return item.empty(); });
    const bool missing = std::any_of(first, last, is_missing);
    items[row] = missing ? std::string_view() : empty ? std::string_view("") : std::string_view(text);
  }
  items.resize(items.size() / count);
}

// A sequence without a value is one without positions, where that may be.
void Column::finish_missing() {
  if (spec_->levels == 0 || !spec_->allow_empty[0]) fail("has no value");
  pieces_.items.clear();
  take_length(0, 0);
  finish_texts();
}

// The transforms that work on texts, from cells to items.
void Column::finish_cells() {
  int level = cell_levels_;
  if (spec_->cross) cross_cells();
  for (size_t i = 0; i < spec_->transform_count; ++i) {
    const Transform& transform = spec_->transforms[i];
    if (transform.kind == Kind::fill_text) {
      for (std::string_view& item : pieces_.items) item = is_missing(item) ? std::string_view(transform.text) : item;
    } else if (makes_level(i)) {
      if (level == 0 && is_missing(pieces_.items[0])) return finish_missing();
      split_items(transform, level++);
    } else if (splits_text(transform.kind)) {
      pick_pieces(transform, spec_->transforms[i + 1]);
    }
  }
  if (inner_) {
    for (const int32_t found : pieces_.lengths[spec_->levels]) {
      if (found != spec_->width)
        fail("takes " + std::to_string(spec_->width) + " values in a text, not " + std::to_string(found));
    }
  }
  finish_texts();
}

void Column::finish_texts() {
  const std::vector<std::string_view>& items = pieces_.items;
  if (!is_ids()) {
    const bool truth = spec_->kind == ColumnSpec::Kind::boolean;
    for (const std::string_view item : items) pieces_.numbers.push_back(truth ? truth_of(item) : number_of(item));
    return finish_numbers();
  }
  const auto width = static_cast<size_t>(spec_->width);
  for (size_t i = 0; i < items.size(); ++i) {
    if (is_missing(items[i])) fail("has no value");
    if (items[i].empty()) fail("an empty text is no value");
    pieces_.ids.push_back(id_of(items[i], i % width));
  }
  finish_ids();
}

int32_t Column::id_of(std::string_view text, size_t element) {
  if (spec_->apart) {
    char digits[20];
    size_t count = 0;
    for (size_t rest = element; count == 0 || rest > 0; rest /= 10)
      digits[count++] = static_cast<char>('0' + rest % 10);
    folded_.clear();
    while (count > 0) folded_ += digits[--count];
    folded_ += '=';
    if (spec_->lowercase) {
      lower_text(text, lowered_);
      text = lowered_;
    }
    folded_ += text;
    if (spec_->buckets > 0) return bucket_of(folded_, spec_->buckets);
    const int32_t id = names_.find(folded_);
    return id < 0 ? unknown_[element] : id;
  }
  if (spec_->lowercase) {
    lower_text(text, folded_);
    text = folded_;
  }
  if (spec_->buckets > 0) return bucket_of(text, spec_->buckets);
  return std::max(0, names_.find(text));  // 0: unknown
}

double Column::truth_of(std::string_view text) const {
  if (is_missing(text)) return std::numeric_limits<double>::quiet_NaN();
  for (size_t i = 0; i < spec_->transform_count; ++i) {
    const Transform& transform = spec_->transforms[i];
    if (transform.kind != Kind::is) continue;
    const auto means_it = [&](const char* word) { return text == word; };
    return std::any_of(transform.texts, transform.texts + transform.text_count, means_it) ? 1 : 0;
  }
  const auto truth = parse_truth(text);
  if (!truth) fail(shown(text) + " is no truth value: true, false, yes, no, 1 and 0 are");
  return *truth ? 1 : 0;
}

double Column::number_of(std::string_view text) const {
  if (is_missing(text)) return std::numeric_limits<double>::quiet_NaN();
  const auto number = parse_number(text, number_format());
  if (!number) fail(trim_blanks(text).empty() ? "an empty text is no value" : shown(text) + " is no number");
  return *number;
}

void Column::add_truths(const bool* values, size_t count) {
  if (spec_->kind != ColumnSpec::Kind::boolean) fail("takes no truth values");
  begin();
  const Part taken = take_flat(count, static_cast<size_t>(spec_->width));
  for (size_t i = taken.begin; i < taken.end; ++i) pieces_.numbers.push_back(values[i] ? 1 : 0);
  finish_numbers();
}

template <class Number>
void Column::add_rows(const Number* values, size_t count) {
  if (spec_->kind != ColumnSpec::Kind::number && !is_bins_) fail("takes no numbers");
  begin();
  const auto width = static_cast<size_t>(spec_->width);
  // Numbers that stand as pieces in one cell of a file are rows like others here.
  const bool one_row = spec_->levels == 0;
  if (spec_->levels > 1) fail("takes sequences of sequences");
  if (count % width != 0 || (one_row && count != width))
    fail("takes " + std::to_string(width) + (one_row ? " numbers, not " : " numbers a position, not ") +
         std::to_string(count));
  const Part taken = one_row ? Part{0, 1} : take_length(0, count / width);
  for (size_t i = taken.begin * width; i < taken.end * width; ++i) {
    if (std::isinf(values[i])) fail("an infinite number is no value");
    const bool missing = is_missing_number(values[i]);
    pieces_.numbers.push_back(missing ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(values[i]));
  }
  finish_numbers();
}

void Column::add_numbers(const double* values, size_t count) {
  add_rows(values, count);
}
void Column::add_numbers(const float* values, size_t count) {
  add_rows(values, count);
}

void Column::finish_numbers() {
  const auto width = static_cast<size_t>(spec_->width);
  std::vector<double>& values = pieces_.numbers;
  for (size_t i = 0; i < values.size(); ++i) {
    bool in_range = true;
    for (size_t t = 0; t < spec_->transform_count; ++t) {
      values[i] = apply_one(spec_->transforms[t].kind, spec_->stats, i % width, values[i]);
      in_range = in_range && !std::isinf(values[i]);
    }
    in_range = in_range && !(std::abs(values[i]) > static_cast<double>(std::numeric_limits<float>::max()));
    if (!in_range) fail("the number leaves the range of 32-bit numbers");
    if (std::isnan(values[i])) fail("has no value");
  }
  finish();
  for (const double value : values) {
    if (is_bins_)
      ids_.push_back(static_cast<int32_t>(value));
    else
      numbers_.push_back(static_cast<float>(value));
  }
}

void Column::add_ids(const int32_t* ids, size_t count) {
  begin();
  const auto width = static_cast<size_t>(spec_->width);
  const bool one_row = spec_->levels == 0;
  if (spec_->levels > 1) fail("takes sequences of sequences");
  if (count % width != 0 || (one_row && count != width))
    fail("takes " + std::to_string(width) + (one_row ? " ids, not " : " ids a position, not ") + std::to_string(count));
  const Part taken = one_row ? Part{0, 1} : take_length(0, count / width);
  pieces_.ids.assign(ids + taken.begin * width, ids + taken.end * width);
  finish_ids();
}

void Column::add_ids(const int32_t* ids, size_t count, const int32_t* lengths, size_t length_count) {
  begin();
  if (spec_->levels != 2) fail("takes no sequences of sequences");
  const auto width = static_cast<size_t>(spec_->width);
  const Part outer = take_length(0, length_count);
  size_t at = 0;
  for (size_t i = 0; i < length_count; ++i) {
    const size_t length = lengths[i] < 0 ? count + 1 : static_cast<size_t>(lengths[i]) * width;
    if (length > count - at) fail("the lengths do not sum up to the number of ids");
    if (i >= outer.begin && i < outer.end) {
      const Part taken = take_length(1, static_cast<size_t>(lengths[i]));
      pieces_.ids.insert(pieces_.ids.end(), ids + at + taken.begin * width, ids + at + taken.end * width);
    }
    at += length;
  }
  if (at != count) fail("the lengths do not sum up to the number of ids");
  finish_ids();
}

void Column::finish_ids() {
  if (!is_ids()) fail("takes no ids");
  const int64_t size = spec_->buckets > 0 ? spec_->buckets : static_cast<int64_t>(names_.size());
  for (const int32_t id : pieces_.ids) {
    if (id < 0 || id >= size) fail("the id " + std::to_string(id) + " is not in 0 to " + std::to_string(size - 1));
  }
  finish();
  ids_.insert(ids_.end(), pieces_.ids.begin(), pieces_.ids.end());
}

// Takes the example, but for its values.
void Column::finish() {
  for (int level = 0; level < spec_->levels; ++level) {
    const std::vector<int32_t>& lengths = pieces_.lengths[level];
    if (!spec_->allow_empty[level] && std::find(lengths.begin(), lengths.end(), 0) != lengths.end())
      fail("an empty sequence");
  }
  for (int level = 0; level < spec_->levels; ++level)
    lengths_[level].insert(lengths_[level].end(), pieces_.lengths[level].begin(), pieces_.lengths[level].end());
  skipped_.push_back(pieces_.skipped);
  ranges_.insert(ranges_.end(), pieces_.ranges.begin(), pieces_.ranges.end());
  range_ends_.push_back(ranges_.size());
  ++examples_;
}

void check_same_lengths(const Column& a, int level_a, const Column& b, int level_b) {
  const std::vector<int32_t>&of_a = a.lengths(level_a), &of_b = b.lengths(level_b);
  if (of_a == of_b) return;
  const auto [one, two] = std::mismatch(of_a.begin(), of_a.end(), of_b.begin(), of_b.end());
  std::string how = std::to_string(of_a.size()) + " sequences and " + std::to_string(of_b.size());
  if (one != of_a.end() && two != of_b.end()) how = "lengths " + std::to_string(*one) + " and " + std::to_string(*two);
  throw InputError("columns `" + std::string(a.spec().name) + "` and `" + b.spec().name +
                   "` do not fit together: " + how);
}

double restore_number(const ColumnSpec& spec, int64_t element, double value) {
  const NumberStats& stats = spec.stats;
  for (size_t i = spec.transform_count; i-- > 0;) {
    switch (spec.transforms[i].kind) {
      case Kind::standardize:
        if (stats.deviation != nullptr) value = value * stats.deviation[element] + stats.mean[element];
        break;
      case Kind::minmax:
        if (stats.maximum != nullptr)
          value = value * (stats.maximum[element] - stats.minimum[element]) + stats.minimum[element];
        break;
      case Kind::log1p:
        value = std::expm1(value);
        break;
      default:
        break;
    }
  }
  return value;
}

}  // namespace mtl::runtime::deploy
