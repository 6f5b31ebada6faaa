// A source's columns, ready to be read: which ragged dimensions there are, and how a column's cells become its
// values. The plan depends on the declaration alone; where the cells stand is found for each file (place_columns).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/record.h"
#include "data/spec.h"

namespace mtl::data {

struct DimPlan {
  std::string path;   // "T", "T.C"
  int parent = -1;    // index of the enclosing dimension; -1: the examples
  int64_t limit = 0;  // 0: none; the smallest of the columns' limits
  bool allow_empty = false;
  std::vector<std::pair<size_t, int>> columns;  // who has it: column and level
};

struct ColumnPlan {
  const ColumnSpec* spec = nullptr;
  std::vector<int> dims;  // indices into SourcePlan::dims, outermost first
  int base_levels = 0;    // levels of sequence that the file itself has: the tokens of a sentence, JSON arrays
  // The innermost level of pieces is no ragged dimension: classes of `labels`, or the elements of a f32[8] that
  // stand in one cell.
  bool inner_level = false;
  int64_t width = 1;       // elements of a row
  bool per_token = false;  // a column of a CoNLL file
  bool is_comment = false;
  bool is_bins = false;  // numbers that become classes
  bool active = true;    // false: not read (prediction reads what the tasks need)

  int levels() const { return static_cast<int>(dims.size()) + (inner_level ? 1 : 0); }
  bool is_set() const {
    return spec->kind == ValueKind::label || spec->kind == ValueKind::labels || spec->kind == ValueKind::category;
  }
  // Whether the pieces of this level are one row: the classes of `labels`, or the elements of a f32[8].
  bool makes_row(int level) const { return inner_level && level + 1 == levels(); }
  bool makes_set(int level) const { return spec->kind == ValueKind::labels && makes_row(level); }
  bool is_target_only() const { return spec->kind == ValueKind::label || spec->kind == ValueKind::labels; }
  bool holds_numbers() const { return is_bins || spec->kind == ValueKind::number || spec->kind == ValueKind::boolean; }
};

struct SourcePlan {
  const SourceSpec* spec = nullptr;
  std::vector<DimPlan> dims;  // parents first
  std::vector<ColumnPlan> columns;
};

// Checks that bindings, transforms and types fit together; nullopt after reporting at the columns.
std::optional<SourcePlan> plan_source(const SourceSpec& source, diag::Emitter& emitter);

// Where a column's elements are in one file's rows: cell numbers (empty: the column is absent, or has no cells).
struct Placement {
  std::vector<int> cells;
  bool absent = false;
};
// nullopt after reporting. With `absent_allowed`, label columns that the file lacks are marked absent instead.
std::optional<std::vector<Placement>> place_columns(const SourcePlan& plan, const Layout& layout, bool absent_allowed,
                                                    Rows& rows);

// Whether the column may be an empty sequence: its `allow_empty`, or that of another one of the same dimension.
bool may_be_empty(const SourcePlan& plan, const ColumnPlan& column);
std::string_view transform_name(Transform::Kind kind);
bool splits_text(Transform::Kind kind);  // split, words, characters
std::string kind_name(ValueKind kind);

}  // namespace mtl::data
