// A source's columns, ready to be read: which ragged dimensions there are, and how a column's cells become its
// values. The plan depends on the declaration alone; where the cells stand is found for each file (place_columns).
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/settings/data_spec.h"

namespace mtl::data {

struct DimPlan {
  std::string path;        // "T", "T.C"
  int parent = -1;         // index of the enclosing dimension; -1: the examples
  int64_t limit = 0;       // 0: none; the smallest of the columns' limits
  bool keep_last = false;  // `limit` cuts the beginning
  const ColumnSpec* limited_by = nullptr;
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

  // Cells of the file that make a row.
  int64_t cells() const {
    const size_t bound = std::max(spec->binding.names.size(), spec->binding.indices.size());
    return spec->binding.cross ? static_cast<int64_t>(bound) : inner_level ? 1 : width;
  }
  int levels() const { return static_cast<int>(dims.size()) + (inner_level ? 1 : 0); }
  bool is_set() const {
    return spec->kind == ValueKind::label || spec->kind == ValueKind::labels || spec->kind == ValueKind::category;
  }
  // Whether the pieces of this level are one row: the classes of `labels`, or the elements of a f32[8].
  bool makes_row(int level) const { return inner_level && level + 1 == levels(); }
  bool makes_set(int level) const { return spec->kind == ValueKind::labels && makes_row(level); }
  // Whether an empty piece of `split` at this level is a value that its place lacks: in a row, whose elements are
  // counted, and among the numbers and labels of a sequence where `missing` lists it. Else it is nothing.
  bool keeps_empty(int level, const std::vector<std::string>& missing) const;
  bool is_target_only() const { return spec->kind == ValueKind::label || spec->kind == ValueKind::labels; }
  // Tokens that the file itself parts hold their place: one of blanks alone stays as it is.
  bool holds_tokens() const { return spec->kind == ValueKind::token && base_levels > 0; }
  bool reads_numbers() const { return is_bins || spec->kind == ValueKind::number; }
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
  std::vector<std::string> features;  // by cell, of CoNLL-U: "Case" in FEATS; empty: the whole cell
  bool absent = false;
};
// What a file is read for. For prediction, label columns that it lacks are marked absent.
enum class FileUse : uint8_t { training, evaluation, prediction };
// nullopt after reporting.
std::optional<std::vector<Placement>> place_columns(const SourcePlan& plan, const Layout& layout, FileUse use,
                                                    Rows& rows);

NumberFormat number_format(const SourceSpec& source);
// The marks of `missing` that are numbers: a column of numbers lacks them however they are written, -200 and -200.0.
std::vector<double> missing_numbers(const SourceSpec& source);
// Whether the column may be an empty sequence: its `allow_empty`, or that of another one of the same dimension.
bool may_be_empty(const SourcePlan& plan, const ColumnPlan& column);
std::string_view transform_name(const Transform& transform);
bool splits_text(Transform::Kind kind);  // split, words, characters
// Whether a transform makes a sequence of each text: it splits, and no `part` behind it takes one piece.
bool makes_level(const std::vector<Transform>& transforms, size_t i);
bool has_bins(const ColumnSpec& column);
int64_t hash_count(const ColumnSpec& column);  // of its `hash`; 0: none
std::string kind_name(ValueKind kind);

}  // namespace mtl::data
