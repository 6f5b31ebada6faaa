// Encoded data: what files hold after transforms, vocabularies and label sets.
//
// The way of a file: read (records of text) -> fit on train (vocabularies, label sets, means) -> encode -> Split.
// `Fitted` is all that was learnt; it is stored in the model file and encodes new text in `mtlc predict`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/settings/data_spec.h"

namespace mtl::data {

inline constexpr int32_t kMissing = -1;  // the example, token or class lacks a value
// A label that train does not have, an error in the metrics; in a column, kUnseen - i has the name unseen_names[i].
inline constexpr int32_t kUnseen = -2;

inline constexpr const char* kUnknownName = "<unk>";

// Words of a vocabulary, values of a category, or classes of a label, with their ids. In a vocabulary or a category,
// id 0 is "<unk>".
struct IdSet {
  std::vector<std::string> names;
  bool has_unknown = false;
  bool lowercase = false;
  int64_t buckets = 0;                         // ids by hash, in place of names (bucket_of); 0: none
  int32_t add(const std::string& name);        // existing id or a new one
  int32_t find(std::string_view name) const;   // kUnseen or, with has_unknown, 0
  int32_t id_of(std::string_view name) const;  // of this very name; -1: it has none
  bool index_names();                          // those that were put into `names`; false: one is there twice
  size_t size() const { return buckets > 0 ? static_cast<size_t>(buckets) : names.size(); }
  // The ids that stand for what train does not have: none without has_unknown; of `category[12]`, one for each column.
  std::vector<int32_t> unknown_ids() const;

 private:
  // By hash, an id + 1 or 0; at least a third of the slots are empty. A map would take ten times as much as the names.
  std::vector<uint32_t> slots_;
  size_t slot_of(std::string_view name) const;  // that of the name, or the empty one where it belongs
  void grow();
};

struct NumberStats {  // per element of a number column, fitted on train; the transforms that were applied, in order
  std::vector<double> mean, deviation, minimum, maximum, fill;
  std::vector<std::vector<double>> bin_edges;
};

// How far a file of vectors goes.
struct VectorCoverage {
  int64_t words = 0;       // of the vocabulary, from train;
  int64_t found = 0;       // of these: that the file has,
  int64_t folded = 0;      // of these: in another case alone
  int64_t would_fold = 0;  // not found, but the file has the word in lower case
  int64_t more = 0;        // words of the file that train does not have and that are kept
  int64_t others = 0;      // other words of the data's files: of dev and test, and rarer ones than `min_count`
  int64_t others_found = 0;
};

struct Fitted {
  std::map<std::string, IdSet> vocabs;         // by vocabulary
  std::map<std::string, IdSet> sets;           // by "source.column": label, labels, category (see README.md)
  std::map<std::string, NumberStats> numbers;  // by "source.column"
  // Pretrained vectors of words that the file has, by vocabulary.
  struct Vectors {
    int64_t width = 0;
    std::vector<float> values;    // [rows, width], in the order in which the words were found
    std::vector<int32_t> row_of;  // by word; -1: the file lacks it
    VectorCoverage coverage;
    // nullptr: the file lacks the word.
    const float* find(size_t word) const {
      return word < row_of.size() && row_of[word] >= 0 ? values.data() + row_of[word] * width : nullptr;
    }
  };
  std::map<std::string, Vectors> vectors;
  // |en|, |atis.slots|: the size of a vocabulary or of a column's set (1 for a number or a bool, its length for
  // f32[K]).
  std::optional<int64_t> size_of(const Spec& spec, const std::string& path) const;
};

// One encoded column of a split, packed over its rows. A row is an example, or a position of the column's innermost
// ragged dimension; it has `width` elements.
struct Column {
  bool is_ids = false;  // ids: int32; otherwise floats (NaN is missing). labels: multi-hot floats
  int64_t width = 1;
  std::string dim;  // innermost ragged dimension, a key of Split::ragged; "" for one row per example
  std::vector<int32_t> ids;
  std::vector<float> numbers;
  // What evaluation has to know besides: label[T] behind a `limit` (example i has cut_starts[i] to cut_starts[i + 1];
  // empty: there is no limit), the names of labels that train does not have, and, of `labels`, how many classes of each
  // row are unseen (empty: none is).
  std::vector<int32_t> cut_ids;
  std::vector<int64_t> cut_starts;
  std::vector<std::string> unseen_names;
  std::vector<int32_t> unseen;
  // The cells that a row was read from, in the first file of a table or a CoNLL file: "3", "5.Case".
  std::vector<std::string> cells;
  int64_t missing = 0;        // elements without a value, after `fill`
  std::string first_missing;  // "file:line" of the first of them
};

// Where the segments of a ragged dimension are: offsets over the rows of what encloses it (examples, or the outer
// dimension's positions).
struct Ragged {
  std::string parent;  // "" for the examples, "T" for C in [T, C]
  std::vector<int32_t> offsets;
  int64_t cut = 0;         // positions that `limit` took away: wrong in evaluation, where they are not seen
  bool keep_last = false;  // it took them from the beginning, not from the end
  // Of a dimension without a parent, in what predict reads: how many it took from the beginning of each example. Empty:
  // none.
  std::vector<int32_t> skipped;
};

struct Split {
  int64_t examples = 0;
  std::map<std::string, Ragged> ragged;   // by dimension: "T", "T.C" (nested dims go by their full path)
  std::map<std::string, Column> columns;  // by column name, without the source
  // Where each example is, for messages: its first line, and where the examples of each file end. Empty: not from
  // files.
  std::vector<uint32_t> lines;
  std::vector<std::string> files;
  std::vector<int64_t> file_ends;
  std::string place_of(int64_t example) const;  // "at data/train.csv:7", or "in example 7"
};

struct Source {
  std::string name;
  Split train, dev, test;
  bool has_dev = false, has_test = false;
};

struct Dataset {
  Fitted fitted;
  std::vector<Source> sources;  // in the order of the spec
};

}  // namespace mtl::data
