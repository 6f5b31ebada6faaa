// Layout: "mtlcdata", format version, checksum of the rest, then the rest: key, diagnostics, fitted, sources.
// Numbers are little-endian as in memory; the version word is the byte-order check.
#include "runtime/data/cache.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <type_traits>

#include "runtime/core/random.h"
#include "support/base/private_folder.h"
#include "support/diag/emitter.h"

namespace mtl::data {
namespace {

constexpr char kMagic[8] = {'m', 't', 'l', 'c', 'd', 'a', 't', 'a'};
constexpr uint64_t kCacheVersion = 9;
constexpr size_t kHeader = 24;

uint64_t checksum(std::string_view bytes) {
  uint64_t hash = runtime::mix64(bytes.size());
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 29;
  }
  for (; i < bytes.size(); ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001B3ull;
  return runtime::mix64(hash);
}

// One visitor for both ways, so that they cannot disagree: Writer appends, Reader fills.
class Writer {
 public:
  static constexpr bool kReads = false;
  template <class T>
  bool plain(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return true;
  }
  bool size(uint64_t& n, size_t) { return plain(n); }
  template <class T>
  bool array(const std::vector<T>& values) {
    uint64_t n = values.size();
    size(n, sizeof(T));
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return true;
  }
  bool text(const std::string& value) {
    uint64_t n = value.size();
    size(n, 1);
    bytes += value;
    return true;
  }
  std::string bytes;
};

class Reader {
 public:
  static constexpr bool kReads = true;
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  template <class T>
  bool plain(T& value) {
    if (left_.size() < sizeof value) return false;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return true;
  }
  // A count of things that take at least `each` bytes.
  bool size(uint64_t& n, size_t each) { return plain(n) && n <= left_.size() / each; }
  template <class T>
  bool array(std::vector<T>& values) {
    uint64_t n = 0;
    if (!size(n, sizeof(T))) return false;
    values.resize(n);
    if (n > 0) std::memcpy(values.data(), left_.data(), n * sizeof(T));
    left_.remove_prefix(n * sizeof(T));
    return true;
  }
  bool text(std::string& value) {
    uint64_t n = 0;
    if (!size(n, 1)) return false;
    value.assign(left_.substr(0, n));
    left_.remove_prefix(n);
    return true;
  }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

template <class Way, class Items, class Visit>
bool each(Way& way, Items& items, Visit&& visit) {
  uint64_t n = items.size();
  if (!way.size(n, 1)) return false;
  if constexpr (Way::kReads) items.resize(n);
  for (auto& item : items) {
    if (!visit(item)) return false;
  }
  return true;
}

template <class Way, class Value, class Visit>
bool each_entry(Way& way, std::map<std::string, Value>& entries, Visit&& visit) {
  uint64_t n = entries.size();
  if (!way.size(n, 1)) return false;
  if constexpr (Way::kReads) {
    for (uint64_t i = 0; i < n; ++i) {
      std::string key;
      if (!way.text(key) || !visit(entries[key])) return false;
    }
  } else {
    for (auto& [key, value] : entries) {
      if (!way.text(key) || !visit(value)) return false;
    }
  }
  return true;
}

template <class Way>
bool flag(Way& way, bool& value) {
  uint8_t byte = value;
  if (!way.plain(byte)) return false;
  value = byte != 0;
  return true;
}

template <class Way>
bool visit_set(Way& way, IdSet& set) {
  if (!flag(way, set.has_unknown) || !flag(way, set.lowercase) || !way.plain(set.buckets)) return false;
  if (!each(way, set.names, [&](std::string& name) { return way.text(name); })) return false;
  if constexpr (Way::kReads) return set.index_names();
  return true;
}

template <class Way>
bool visit_stats(Way& way, NumberStats& stats) {
  for (auto* values : {&stats.mean, &stats.deviation, &stats.minimum, &stats.maximum, &stats.fill}) {
    if (!way.array(*values)) return false;
  }
  return each(way, stats.bin_edges, [&](std::vector<double>& edges) { return way.array(edges); });
}

template <class Way>
bool visit_vectors(Way& way, Fitted::Vectors& vectors) {
  if (!way.plain(vectors.width) || !way.array(vectors.values) || !way.array(vectors.row_of) ||
      !way.plain(vectors.coverage))
    return false;
  const auto width = static_cast<uint64_t>(vectors.width), numbers = uint64_t{vectors.values.size()};
  if (vectors.width <= 0 || numbers % width != 0) return false;
  return std::all_of(vectors.row_of.begin(), vectors.row_of.end(), [&](int32_t row) {
    return row >= -1 && (row < 0 || static_cast<uint64_t>(row) < numbers / width);
  });
}

template <class Way>
bool visit_fitted(Way& way, Fitted& fitted) {
  const auto set = [&](IdSet& s) { return visit_set(way, s); };
  return each_entry(way, fitted.vocabs, set) && each_entry(way, fitted.sets, set) &&
         each_entry(way, fitted.numbers, [&](NumberStats& s) { return visit_stats(way, s); }) &&
         each_entry(way, fitted.vectors, [&](Fitted::Vectors& v) { return visit_vectors(way, v); });
}

// Offsets rise from 0 to the number of rows, and every column has its rows.
bool is_consistent(const Split& split) {
  if (split.examples < 0 || split.file_ends.size() != split.files.size()) return false;
  if (!split.lines.empty() && static_cast<int64_t>(split.lines.size()) != split.examples) return false;
  std::map<std::string, int64_t> rows{{"", split.examples}};
  for (const auto& [name, ragged] : split.ragged) {  // "T" sorts before "T.C"
    const auto parent = rows.find(ragged.parent);
    if (parent == rows.end() || static_cast<int64_t>(ragged.offsets.size()) != parent->second + 1) return false;
    if (ragged.offsets[0] != 0) return false;
    for (size_t i = 1; i < ragged.offsets.size(); ++i) {
      if (ragged.offsets[i] < ragged.offsets[i - 1]) return false;
    }
    rows[name] = ragged.offsets.back();
  }
  for (const auto& [name, column] : split.columns) {
    const auto found = rows.find(column.dim);
    if (found == rows.end() || column.width < 0 || (found->second > 0 && column.width > INT64_MAX / found->second))
      return false;
    const auto elements = static_cast<uint64_t>(found->second * column.width);
    const bool has_cut = !column.cut_starts.empty();
    if (has_cut && (static_cast<int64_t>(column.cut_starts.size()) != split.examples + 1 || column.cut_starts[0] != 0))
      return false;
    if (!std::is_sorted(column.cut_starts.begin(), column.cut_starts.end())) return false;
    if ((has_cut ? column.cut_starts.back() : 0) != static_cast<int64_t>(column.cut_ids.size())) return false;
    if (!column.unseen.empty() && static_cast<int64_t>(column.unseen.size()) != found->second) return false;
    if ((column.is_ids ? column.ids.size() : column.numbers.size()) != elements) return false;
    const int64_t lowest = int64_t{kUnseen} + 1 - static_cast<int64_t>(column.unseen_names.size());
    for (const std::vector<int32_t>* ids : {&column.ids, &column.cut_ids}) {
      if (std::any_of(ids->begin(), ids->end(), [&](int32_t id) { return id < lowest; })) return false;
    }
  }
  return true;
}

template <class Way>
bool visit_split(Way& way, Split& split) {
  const bool good =
      way.plain(split.examples) &&
      each_entry(way, split.ragged,
                 [&](Ragged& r) {
                   return way.text(r.parent) && way.array(r.offsets) && way.plain(r.cut) && flag(way, r.keep_last);
                 }) &&
      each_entry(way, split.columns,
                 [&](Column& c) {
                   return flag(way, c.is_ids) && way.plain(c.width) && way.text(c.dim) && way.array(c.ids) &&
                          way.array(c.numbers) && way.array(c.cut_ids) && way.array(c.cut_starts) &&
                          way.array(c.unseen) &&
                          each(way, c.unseen_names, [&](std::string& name) { return way.text(name); }) &&
                          each(way, c.cells, [&](std::string& cell) { return way.text(cell); }) &&
                          way.plain(c.missing) && way.text(c.first_missing);
                 }) &&
      way.array(split.lines) && each(way, split.files, [&](std::string& file) { return way.text(file); }) &&
      way.array(split.file_ends);
  return good && (!Way::kReads || is_consistent(split));
}

template <class Way>
bool visit_diagnostic(Way& way, diag::Diagnostic& diagnostic) {
  std::string code = diagnostic.kind ? diagnostic.kind->code : "";
  if (!way.text(code) || !way.text(diagnostic.message)) return false;
  if constexpr (Way::kReads) {
    for (const diag::Kind* kind : diag::all_kinds()) {
      if (kind->code == code) diagnostic.kind = kind;
    }
    if (!diagnostic.kind) return false;
  }
  const auto text = [&](std::string& t) { return way.text(t); };
  return each(way, diagnostic.files,
              [&](diag::FilePlace& place) {
                return way.text(place.path) && way.plain(place.line) && way.text(place.line_text);
              }) &&
         each(way, diagnostic.notes, text) && each(way, diagnostic.helps, text);
}

template <class Way>
bool visit_all(Way& way, std::string& key, std::vector<diag::Diagnostic>& warnings, Dataset& dataset,
               const std::string* expected_key) {
  if (!way.text(key) || (expected_key && key != *expected_key)) return false;
  return each(way, warnings, [&](diag::Diagnostic& d) { return visit_diagnostic(way, d); }) &&
         visit_fitted(way, dataset.fitted) && each(way, dataset.sources, [&](Source& source) {
           return way.text(source.name) && flag(way, source.has_dev) && flag(way, source.has_test) &&
                  visit_split(way, source.train) && visit_split(way, source.dev) && visit_split(way, source.test);
         });
}

// Ids index rows of tables and of heads. True if the columns are those of the spec and every id is of its column's set.
bool ids_are_of_sets(const Spec& spec, const Dataset& dataset) {
  if (dataset.sources.size() != spec.sources.size()) return false;
  for (size_t i = 0; i < spec.sources.size(); ++i) {
    const SourceSpec& source = spec.sources[i];
    if (dataset.sources[i].name != source.name) return false;
    for (const Split* split : {&dataset.sources[i].train, &dataset.sources[i].dev, &dataset.sources[i].test}) {
      for (const auto& [name, column] : split->columns) {
        if (!column.is_ids) continue;
        const int64_t size = dataset.fitted.size_of(spec, source.name + "." + name).value_or(0);
        for (const std::vector<int32_t>* ids : {&column.ids, &column.cut_ids}) {
          if (std::any_of(ids->begin(), ids->end(), [&](int32_t id) { return id >= size; })) return false;
        }
      }
    }
  }
  return true;
}

}  // namespace

std::string cache_header(std::string_view rest) {
  const uint64_t version = kCacheVersion, sum = checksum(rest);
  std::string header(kMagic, 8);
  return header.append(reinterpret_cast<const char*>(&version), 8).append(reinterpret_cast<const char*>(&sum), 8);
}

std::optional<Cached> read_cache(const std::string& path, const std::string& key, const Spec& spec) {
  if (key.empty()) return std::nullopt;
  const std::filesystem::path place = path;
  std::string unsafe;
  const auto folder = PrivateFolder::open(place.parent_path().string(), unsafe);
  const auto file = folder ? folder->read(place.filename().string()) : std::nullopt;
  if (!file || file->size() < kHeader) return std::nullopt;
  const std::string_view bytes = *file;
  uint64_t version = 0, sum = 0;
  std::memcpy(&version, bytes.data() + 8, 8);
  std::memcpy(&sum, bytes.data() + 16, 8);
  if (std::memcmp(bytes.data(), kMagic, 8) != 0 || version != kCacheVersion) return std::nullopt;
  if (checksum(bytes.substr(kHeader)) != sum) return std::nullopt;
  Reader reader(bytes.substr(kHeader));
  Cached out;
  std::string found_key;
  if (!visit_all(reader, found_key, out.warnings, out.dataset, &key) || !reader.at_end()) return std::nullopt;
  if (!ids_are_of_sets(spec, out.dataset)) return std::nullopt;
  return out;
}

void write_cache(const std::string& path, const std::string& key, const Dataset& dataset,
                 const std::vector<diag::Diagnostic>& warnings) {
  if (key.empty()) return;
  Writer writer;
  std::string own_key = key;
  auto own_warnings = warnings;
  // The visitor takes both ways by reference; the Writer changes nothing.
  visit_all(writer, own_key, own_warnings, const_cast<Dataset&>(dataset), nullptr);
  const std::string header = cache_header(writer.bytes);
  const std::filesystem::path place = path;
  std::string unsafe;
  if (const auto folder = PrivateFolder::make(place.parent_path().string(), unsafe))
    folder->write(place.filename().string(), header, writer.bytes);
}

}  // namespace mtl::data
