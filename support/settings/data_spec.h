// What a `vocab` or `data` declaration says, as plain data. Made by sema; read by everything in runtime/data.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/base/source.h"

namespace mtl::data {

struct VocabSpec {
  std::string name;
  bool lowercase = false;
  int64_t min_count = 1;
  std::optional<int64_t> max_size;
  int64_t buckets = 0;     // ids by `hash`: no words are kept; 0: words are
  std::string embeddings;  // path of a word2vec/GloVe text file; empty: none
  int64_t keep = kKeep;    // words of that file, from its beginning, that have a row though train does not have them
  double unknown = 0;      // share of the ids that are drawn as unknown while training
  static constexpr int64_t kKeep = 50000;
  SourceRange range;
};

enum class Format : uint8_t { conll, conllu, tsv, csv, jsonl, lines };

enum class ValueKind : uint8_t { token, category, label, labels, boolean, number };

struct Binding {
  enum class Kind : uint8_t {
    index,    // column(3)
    name,     // column("text"): a header name, a CoNLL-U field, a JSON key
    indices,  // columns(0, 5, 16)
    names,    // columns("a", "b"), columns("x1".."x8")
    comment,  // comment("intent")
    field,    // field("a.b.0"), JSON
    file      // file("seq.in"), lines
  } kind = Kind::index;
  std::vector<int64_t> indices;
  std::vector<std::string> names;
  bool cross = false;  // cross("a", "b"): the cells joined to one text
  bool allow_empty = false;
  // Whether both read the same text, whether or not it may be empty.
  bool reads_same(const Binding& other) const {
    return kind == other.kind && cross == other.cross && indices == other.indices && names == other.names;
  }
};

struct Transform {
  enum class Kind : uint8_t {
    split,  // text
    words,  // runs of letters and digits, and single other characters
    characters,
    part,   // count: which of the pieces that the one in front of it makes; below 0 from the end
    limit,  // count, keep_last
    hash,   // count: ids
    is,     // texts
    bins,   // numbers: the bounds; none: count classes, by the quantiles of train
    standardize,
    minmax,
    log1p,
    fill_number,  // number
    fill_mean,
    fill_text  // text
  } kind;
  std::string text;
  std::vector<std::string> texts;
  std::vector<double> numbers;
  double number = 0;
  int64_t count = 0;
  bool keep_last = false;
  SourceRange range;
};

struct ColumnSpec {
  std::string name;
  ValueKind kind = ValueKind::number;
  std::string vocab;                      // token
  int64_t min_count = 1;                  // category: rarer values are unknown
  double unknown = 0;                     // category: share of the ids that are drawn as unknown while training
  std::optional<int64_t> max_size;        // category: of each column's values, `<unk>` included
  bool lowercase = false;                 // category
  std::vector<std::string> fixed_labels;  // label("neg", "pos")
  std::string labels_of;                  // label(src.col): "src.col"
  std::vector<std::string> ragged;        // ragged dimensions, outermost first: {"T"}, {"T", "C"}
  std::vector<int64_t> fixed;             // static dimensions behind them: category[12], f32[7]
  Binding binding;
  std::vector<Transform> transforms;
  bool allow_empty = false;
  bool groups = false;  // nothing but the groups of a metric: what train does not have is a group as any other
  SourceRange range;
};

struct SourceSpec {
  std::string name;
  Format format = Format::conll;
  std::vector<std::string> train, dev, test;  // files; of `lines` folders
  double holdout_fraction = 0;                // of train, when there is no dev
  int64_t holdout_count = 0;
  bool holdout_last = false;  // the last rows, or those with the greatest value of `holdout_by`, not random ones
  std::string holdout_by;     // a column of numbers
  int64_t folds = 0;
  std::optional<bool> header;  // tsv, csv: default true
  std::string separator;       // empty: the format's own
  std::vector<std::string> missing;
  bool trim = true;                      // blanks at both ends of cells, labels, names and pieces do not count
  std::string decimal = ".", thousands;  // how numbers are written
  std::vector<ColumnSpec> columns;
  SourceRange range;
  SourceRange train_range, dev_range, test_range;  // where the files are named
};

struct Spec {
  std::vector<VocabSpec> vocabs;
  std::vector<SourceSpec> sources;
};

}  // namespace mtl::data
