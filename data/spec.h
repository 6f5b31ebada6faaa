// What a `vocab` or `data` declaration says, as plain data. Made by sema; read by everything in this folder.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/base/source.h"

namespace mtl::data {

struct VocabSpec {
  std::string name;
  bool lowercase = false;
  int64_t min_count = 1;
  std::optional<int64_t> max_size;
  std::string embeddings;  // path of a word2vec/GloVe text file; empty: none
  SourceRange range;
};

enum class Format : uint8_t { conll, conllu, tsv, csv, jsonl };

enum class ValueKind : uint8_t { token, category, label, labels, boolean, number };

struct Binding {
  enum class Kind : uint8_t {
    index,    // column(3)
    name,     // column("text"): a header name, a CoNLL-U field, a JSON key
    indices,  // columns(0, 5, 16)
    names,    // columns("a", "b"), columns("x1".."x8")
    comment,  // comment("intent")
    field     // field("a.b.0"), JSON
  } kind = Kind::index;
  std::vector<int64_t> indices;
  std::vector<std::string> names;
  bool allow_empty = false;
};

struct Transform {
  enum class Kind : uint8_t {
    split,  // text
    words,  // runs of letters and digits, and single other characters
    characters,
    limit,  // count
    is,     // texts
    bins,   // count, quantiles of train
    standardize,
    minmax,
    log1p,
    fill_number,  // number
    fill_mean,
    fill_text  // text
  } kind;
  std::string text;
  std::vector<std::string> texts;
  double number = 0;
  int64_t count = 0;
  SourceRange range;
};

struct ColumnSpec {
  std::string name;
  ValueKind kind = ValueKind::number;
  std::string vocab;                      // token
  std::vector<std::string> fixed_labels;  // label("neg", "pos")
  std::string labels_of;                  // label(src.col): "src.col"
  std::vector<std::string> ragged;        // ragged dimensions, outermost first: {"T"}, {"T", "C"}
  std::vector<int64_t> fixed;             // static dimensions behind them: category[12], f32[7]
  Binding binding;
  std::vector<Transform> transforms;
  bool allow_empty = false;
  SourceRange range;
};

struct SourceSpec {
  std::string name;
  Format format = Format::conll;
  std::vector<std::string> train, dev, test;  // files
  double holdout_fraction = 0;                // of train, when there is no dev
  int64_t holdout_count = 0;
  int64_t folds = 0;
  std::optional<bool> header;  // tsv, csv: default true
  std::string separator;       // empty: the format's own
  std::vector<std::string> missing;
  std::vector<ColumnSpec> columns;
  SourceRange range;
  SourceRange train_range, dev_range, test_range;  // where the files are named
};

struct Spec {
  std::vector<VocabSpec> vocabs;
  std::vector<SourceSpec> sources;
};

}  // namespace mtl::data
