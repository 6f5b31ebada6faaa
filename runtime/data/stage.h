// Records to staged columns: texts as numbers of an interner, numbers as doubles, lengths of sequences. Nothing is
// fitted here. A record is taken whole or not at all.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/interner.h"
#include "runtime/data/plan.h"
#include "runtime/data/record.h"

namespace mtl::data {

// One interner for each vocabulary ("vocab en") and each label or category column ("snips.intent").
using Interners = std::map<std::string, Interner>;
std::string interner_key(const SourceSpec& source, const ColumnSpec& column);

// What to do about an empty cell of the column.
std::string help_for_empty(const ColumnPlan& column);

// An item without a value has no characters at all, not even none: its view is null.
inline bool is_missing(std::string_view item) {
  return item.data() == nullptr;
}
inline constexpr uint32_t kMissingText = 0xFFFFFFFFu;
inline constexpr int32_t kMissingRow = -1;  // a row of `labels` without a value, where others have a count

struct StagedColumn {
  std::vector<uint32_t> texts;         // token, category, label, labels; rows * width, or sum of counts
  std::vector<int32_t> counts;         // labels: classes of each row, or kMissingRow
  std::vector<double> numbers;         // number, bool, bins; rows * width
  std::vector<std::string> cells;      // bool with `is`: the first few different ones
  std::vector<std::string> read_from;  // see Column::cells
  // label[T] along a dimension with a limit: the labels that it cuts, which evaluation counts; how many each example
  // has.
  std::vector<uint32_t> cut_texts;
  std::vector<int32_t> cut_counts;
};

struct Staged {
  int64_t examples = 0;
  std::vector<std::vector<int32_t>> lengths;  // by dimension of the plan: one for each row of its parent
  std::vector<std::vector<int32_t>> cuts;     // by dimension with a limit: positions it took from each example
  std::vector<StagedColumn> columns;          // by column of the plan
  struct Place {
    uint32_t file = 0;
    uint32_t line = 0;
  };
  std::vector<Place> places;  // of the examples
  std::vector<std::string> files;
};

// The pieces of one column of one record.
struct Pieces {
  // By level: one for each piece of the level above; as in the file, while pieces behind a `limit` are left out.
  std::vector<std::vector<int32_t>> lengths;
  std::vector<std::string_view> items;  // innermost; a null view is missing
  bool missing = false;                 // the whole column: its lengths are those of the other columns
  // With Options::keeps_words: the outermost sequence as the file has it, what `limit` cuts included.
  std::vector<std::string_view> words;
  bool dropped = false;  // empty pieces of `split` were left out
  std::string_view raw;  // the text that the pieces were cut from; empty: the file has them apart
  void clear();
};

class Stager {
 public:
  Stager(const SourcePlan& plan, Interners& interners, Staged& out);

  struct Options {
    FileUse use = FileUse::training;
    bool words_of_lines = false;       // records are raw lines; tokens of a CoNLL source are their `words`,
    bool characters_of_lines = false;  // or their characters
    // `finish` will tell sequences that their record lacks from those that no record has.
    bool finishes = false;
    bool keeps_words = false;  // see Pieces::words
  };
  void set_options(const Options& options) { options_ = options; }
  void begin_file(const std::string& path);
  bool begin_rows(const Layout& layout, Rows& rows);
  // False if the record is bad (reported to rows).
  bool add(const Record& record, Rows& rows);
  // Behind the last file. Reports sequences that some records lack, and the comments or JSON keys that no record has:
  // of `all` columns, or of those that cannot do without.
  void finish(bool all, SkipBudget& budget, diag::Emitter& emitter) const;
  // Pieces of a column in the last record.
  const Pieces& pieces(size_t column) const { return pieces_[column]; }

 private:
  bool collect(size_t c, const Record& record, Rows& rows);
  bool collect_base(size_t c, const Record& record, Rows& rows);
  void split_items(size_t c, size_t level, const Transform& split);
  bool pick_pieces(size_t c, int level, const Transform& split, const Transform& part, const Record& record,
                   Rows& rows);
  void cross_cells(std::vector<std::string_view>& items, size_t begin);
  void mark_missing(const ColumnPlan& column, std::vector<std::string_view>& items) const;
  bool collect_json(size_t c, const Record& record, Rows& rows);
  bool check_lengths(const Record& record, Rows& rows);
  bool check_same_lengths(size_t d, const std::pair<size_t, int>& first, const std::pair<size_t, int>& other,
                          const Record& record, Rows& rows);
  bool reject_missing(size_t dim, const Record& record, Rows& rows);
  bool is_mark(const ColumnPlan& column, std::string_view text) const;
  std::string_view value_of(const ColumnPlan& column, std::string_view text) const;
  bool split_text(const Transform& transform, std::string_view text, bool keep_empty,
                  std::vector<std::string_view>& out) const;
  void check_key(size_t c, Rows& rows) const;
  int64_t limit_of(const ColumnPlan& column, size_t level) const;
  size_t skipped_of(const ColumnPlan& column, size_t level, size_t length) const;
  bool keeps_cut(const ColumnPlan& column) const;
  void end_sequence(size_t c, size_t level, size_t begin);
  void count_cut(size_t dim);
  void note_key(std::string_view key);
  bool commit(size_t c, const Record& record, Rows& rows);
  bool commit_item(size_t c, size_t item, std::string_view text, const Record& record, Rows& rows);
  bool commit_number(size_t c, size_t item, std::string_view text, const Record& record, Rows& rows);
  void commit_missing(size_t c);
  // Positions of the column's innermost dimension in this record.
  size_t rows_of(const ColumnPlan& column) const;
  const Comment* comment_of(size_t c, const Record& record) const;
  TextPlace place_of(size_t c, int depth, size_t piece, const Record& record) const;
  TextPlace place_of_item(size_t c, size_t item, const Record& record) const;
  std::string name_of_item(size_t c, size_t item) const;
  bool check_widths(size_t c, const Record& record, Rows& rows) const;
  void roll_back();
  void remember();

  const SourcePlan& plan_;
  Staged& out_;
  Options options_;
  NumberFormat number_format_;
  std::vector<double> missing_numbers_;
  std::vector<Interner*> interners_;  // by column
  std::vector<Placement> placements_;
  std::vector<Pieces> pieces_;
  std::vector<std::vector<int32_t>> lengths_;  // by dimension, of this record
  std::vector<std::vector<int32_t>> full_;     // the same before `limit`
  std::vector<std::string_view> scratch_;
  std::deque<std::string> made_;  // texts that the record does not hold as such
  struct Sizes {
    size_t texts, counts, numbers, cut_texts, cut_counts;
  };
  std::vector<Sizes> sizes_;
  // Records without a sequence whose comment or JSON key was not met before them.
  struct Lack {
    size_t column, dim;
    std::string path, text;
    uint64_t line;
  };
  std::vector<Lack> lacks_;
  std::vector<std::string> keys_seen_;  // comments or JSON keys of records that lack a column's own
  std::vector<bool> key_found_;         // by column
  uint32_t file_ = 0;
};

// "a.b.0": keys and array indices; a key that holds dots as a whole goes first. nullptr: absent.
const nlohmann::json* find_field(const nlohmann::json& object, std::string_view path);

// The chosen examples of `staged`, in this order.
Staged take_examples(const SourcePlan& plan, const Staged& staged, const std::vector<uint32_t>& examples);

}  // namespace mtl::data
