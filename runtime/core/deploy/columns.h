// Raw values of one input column to ids and numbers, packed over the examples of a batch: what `mtlc predict` does
// to the cells of a file. Generated code holds the specs as constant tables.
//
// A row of a column has `width` elements. A row is an example (no levels), a position of a sequence (one level: T), or
// a position of a sequence within such a position (two levels: T, C; the characters of words, say), and so on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/deploy/errors.h"
#include "runtime/core/deploy/weights_file.h"
#include "runtime/core/text.h"

namespace mtl::runtime::deploy {

inline constexpr int kMostLevels = 8;

// One step of a column, in the order of the declaration. `limit` stands in ColumnSpec::limits; here it does nothing.
struct Transform {
  enum class Kind : uint8_t {
    split,       // text: the separator; spaces stand for any run of white space
    words,       // runs of letters and digits, and single other characters
    characters,  // code points
    part,        // count: which piece of the one in front of it; below 0 from the end
    limit,
    hash,  // ColumnSpec::buckets
    is,    // texts: those that mean true
    bins,  // stats.bin_edges
    standardize,
    minmax,
    log1p,
    fill_number,  // stats.fill
    fill_mean,    // stats.fill
    fill_text     // text
  };
  Kind kind = Kind::split;
  const char* text = nullptr;
  const char* const* texts = nullptr;
  size_t text_count = 0;
  int64_t count = 0;
};

// What was fitted on the training data: `width` numbers each, or null where no transform needs it.
struct NumberStats {
  const double* mean = nullptr;
  const double* deviation = nullptr;  // 0: a constant, which becomes 0
  const double* minimum = nullptr;
  const double* maximum = nullptr;
  const double* fill = nullptr;
  const double* bin_edges = nullptr;  // rising; the class is how many are <= x
  size_t bin_edge_count = 0;
};

struct ColumnSpec {
  enum class Kind : uint8_t { token, category, boolean, number };  // a category with `bins` takes numbers
  const char* name = "";                                           // for messages
  Kind kind = Kind::number;
  bool lowercase = false;  // the names are in lower case
  bool apart = false;      // category[12]: the names of element 3 are "3=NAME", its unknown value is "3=<unk>"
  bool sentence = false;   // a token column of a CoNLL file: a line is cut into words, `missing` marks are words
  int64_t width = 1;       // elements of a row: category[12], f32[7]
  int64_t cells = 1;       // cells of a row: its elements; 1 if those are pieces of one; those that `cross` joins
  bool cross = false;
  int64_t buckets = 0;  // ids by `hash`, in place of names; 0: names
  int levels = 0;       // ragged dimensions, at most kMostLevels
  int base_levels = 0;  // levels that the cells have before any transform: 1 for tokens, or a JSON array
  // By level: the smallest `limit` of all columns that share the dimension (0: none), whether one of them lets
  // empty sequences in.
  int64_t limits[kMostLevels] = {};
  bool keep_last[kMostLevels] = {};  // such a limit cuts the beginning
  bool allow_empty[kMostLevels] = {};
  const Transform* transforms = nullptr;
  size_t transform_count = 0;
  NumberStats stats;
  const char* const* missing = nullptr;  // texts that mean: no value
  size_t missing_count = 0;
  const double* missing_numbers = nullptr;  // number: numbers that mean: no value
  size_t missing_number_count = 0;
  bool trim = true;           // blanks around cells and pieces of `split` do not count
  const char* decimal = ".";  // how numbers are written
  const char* thousands = "";
  bool keeps_ranges = false;  // where the texts of level 0 stand in the text that they are cut from
};

// The column of a batch. Examples are added one after the other by one of the add functions, which throw InputError
// and leave the column as it was if the example cannot be used: no value and no `fill`, an empty text or sequence,
// invalid UTF-8, an id out of range, a number that is no number, too few or too many values.
// Nothing is allocated once the column has seen as large a batch. For one thread at a time.
class Column {
 public:
  // `names`: of a token or category column. The spec and what it points to must outlive the column.
  explicit Column(const ColumnSpec& spec, Vocabulary names = Vocabulary());
  void clear();  // no examples; memory is kept

  // A raw line, as `mtlc predict` takes it: split by the column's own transforms; a column of a sentence by `words`.
  void add_line(std::string_view line);
  // One cell of a table (or a JSON value): a text that transforms may split, a category, a truth value, a number.
  // A null view is a missing value.
  void add_text(std::string_view cell) { add_texts(&cell, 1); }
  // Cells, row after row of ColumnSpec::cells: the tokens of a sentence, the categories of a category[12], or, of a
  // column that splits its cells, one cell a row.
  void add_texts(const std::string_view* cells, size_t count);
  void add_texts(const std::string* cells, size_t count);
  void add_texts(const std::vector<std::string>& cells) { add_texts(cells.data(), cells.size()); }
  // The same of a text that was cut before: `ranges` says where each cell stands in it; empty: nobody knows.
  void add_texts(const std::vector<std::string>& cells, const std::vector<TextRange>& ranges);
  // Several levels of cells: as many lists in each other as the column has base_levels.
  template <class Inner>
  void add_texts(const std::vector<std::vector<Inner>>& cells) {
    begin();
    take_cells(cells, 0);
    finish_cells();
  }
  void add_truth(bool value) { add_truths(&value, 1); }
  void add_truths(const bool* values, size_t count);  // a row of `width`
  // Rows of `width` numbers, before their transforms; NaN is a missing value. As many rows as the sequence has
  // positions; one row if the column has no levels. Numbers of two levels: add_texts.
  void add_number(double value) { add_numbers(&value, 1); }
  void add_numbers(const double* values, size_t count);
  void add_numbers(const float* values, size_t count);
  // Ids instead of texts, 0 to size of the vocabulary - 1: rows of `width`. `limit` cuts them. With two levels,
  // `lengths` says how many belong to each position of the outer one.
  void add_ids(const int32_t* ids, size_t count);
  void add_ids(const int32_t* ids, size_t count, const int32_t* lengths, size_t length_count);

  size_t examples() const { return examples_; }
  // Packed rows of `width`: of a token or category column, or of a number or boolean (0 or 1) column.
  const std::vector<int32_t>& ids() const { return ids_; }
  const std::vector<float>& numbers() const { return numbers_; }
  // Lengths of the sequences of a level: one an example (level 0), one a position of level 0 (level 1).
  const std::vector<int32_t>& lengths(int level) const { return lengths_[level]; }
  // By example: how many positions of level 0 `limit` cut from the beginning.
  const std::vector<int32_t>& skipped() const { return skipped_; }
  // Of an example: where the texts of level 0 that stay stand; empty if they were given apart, or as ids.
  void ranges(size_t example, std::vector<TextRange>& out) const;
  const ColumnSpec& spec() const { return *spec_; }

 private:
  // The example at hand, before it is taken: its texts, numbers or ids, and the lengths of their sequences. The level
  // behind the last is that of a row whose elements are pieces of one cell.
  struct Pieces {
    std::vector<std::string_view> items;
    std::vector<double> numbers;
    std::vector<int32_t> ids;
    std::vector<int32_t> lengths[kMostLevels + 1];
    int32_t skipped = 0;            // of level 0
    std::string_view raw;           // the text that they are cut from
    std::vector<TextRange> ranges;  // of level 0
  };
  [[noreturn]] void fail(const std::string& what) const;
  void begin();
  struct Part {
    size_t begin, end;
  };
  // Which of the `rows` of a sequence of `level` stay; notes their number.
  Part take_length(int level, size_t rows);
  Part take_flat(size_t count, size_t row_elements);
  void keep_part(int level, size_t begin);
  void take_cell(std::string_view cell, bool marks);
  void take_cells(const std::vector<std::string>& cells, int level);
  template <class Inner>
  void take_cells(const std::vector<std::vector<Inner>>& cells, int level) {
    if (level + 1 >= cell_levels_) fail_depth();
    const Part taken = take_length(level, cells.size());
    for (size_t i = taken.begin; i < taken.end; ++i) take_cells(cells[i], level + 1);
  }
  [[noreturn]] void fail_depth() const;
  void finish_cells();
  void finish_missing();
  void cross_cells();
  bool makes_level(size_t transform) const;
  void split_text(const Transform& split, std::string_view text, bool keep_empty,
                  std::vector<std::string_view>& out) const;
  void split_items(const Transform& split, int level);
  void pick_pieces(const Transform& split, const Transform& part);
  void mark_missing();
  void finish_texts();
  void finish_numbers();
  void finish_ids();
  void finish();
  int32_t id_of(std::string_view text, size_t element);
  double truth_of(std::string_view text) const;
  double number_of(std::string_view text) const;
  bool is_mark(std::string_view text) const;
  template <class Number>
  bool is_missing_number(Number number) const;
  NumberFormat number_format() const { return {spec_->decimal, spec_->thousands}; }
  bool is_ids() const {
    return spec_->kind == ColumnSpec::Kind::token || (spec_->kind == ColumnSpec::Kind::category && !is_bins_);
  }
  template <class Text>
  void add_cells(const Text* cells, size_t count);
  template <class Number>
  void add_rows(const Number* values, size_t count);

  const ColumnSpec* spec_;
  Vocabulary names_;
  bool is_bins_ = false;          // a category whose values are numbers
  int cell_levels_ = 0;           // levels of sequence that cells come in
  bool inner_ = false;            // the elements of a row are pieces of one cell
  std::vector<int32_t> unknown_;  // by element of an `apart` category
  size_t examples_ = 0;
  std::vector<int32_t> ids_;
  std::vector<float> numbers_;
  std::vector<int32_t> lengths_[kMostLevels], skipped_;
  std::vector<TextRange> ranges_;
  std::vector<size_t> range_ends_;  // by example
  Pieces pieces_;
  std::vector<std::string_view> spare_;
  std::vector<std::string> crossed_;  // texts that `cross` made of cells
  std::string folded_;                // a text in lower case, or "3=text",
  std::string lowered_;               // of which this is the text
};

// Throws InputError if two columns of one dimension differ in their lengths: `a` at level `level_a` and `b` at
// `level_b` are one dimension.
void check_same_lengths(const Column& a, int level_a, const Column& b, int level_b);

// A number column's value as the data had it: undoes standardize, minmax and log1p of element `element`.
double restore_number(const ColumnSpec& spec, int64_t element, double value);

}  // namespace mtl::runtime::deploy
