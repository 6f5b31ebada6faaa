// Helpers of the data tests: a folder of small files, columns in few words, and what was reported as text.
#pragma once
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/input.h"
#include "runtime/data/load.h"
#include "support/diag/emitter.h"

namespace mtl::data::test {

using Kind = Transform::Kind;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mtl-data-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Transform transform(Kind kind, std::string text = {}) {
  Transform out{};
  out.kind = kind;
  out.text = std::move(text);
  return out;
}
inline Transform limit(int64_t count) {
  Transform out = transform(Kind::limit);
  out.count = count;
  return out;
}
inline Transform limit_last(int64_t count) {
  Transform out = limit(count);
  out.keep_last = true;
  return out;
}
inline Transform part(int64_t index) {
  Transform out = transform(Kind::part);
  out.count = index;
  return out;
}
inline Transform hashed(int64_t count) {
  Transform out = transform(Kind::hash);
  out.count = count;
  return out;
}
inline Transform bounds(std::vector<double> numbers) {
  Transform out = transform(Kind::bins);
  out.numbers = std::move(numbers);
  return out;
}
inline Transform bins(int64_t count) {
  Transform out = transform(Kind::bins);
  out.count = count;
  return out;
}
inline Transform is(std::vector<std::string> texts) {
  Transform out = transform(Kind::is);
  out.texts = std::move(texts);
  return out;
}
inline Transform fill(double number) {
  Transform out = transform(Kind::fill_number);
  out.number = number;
  return out;
}

inline Binding at(std::vector<int64_t> columns) {
  Binding out;
  out.kind = columns.size() == 1 ? Binding::Kind::index : Binding::Kind::indices;
  out.indices = std::move(columns);
  return out;
}
inline Binding named(std::vector<std::string> names) {
  Binding out;
  out.kind = names.size() == 1 ? Binding::Kind::name : Binding::Kind::names;
  out.names = std::move(names);
  return out;
}
inline Binding cross(std::vector<std::string> names) {
  Binding out = named(std::move(names));
  out.cross = true;
  return out;
}
inline Binding comment(std::string key) {
  Binding out;
  out.kind = Binding::Kind::comment;
  out.names = {std::move(key)};
  return out;
}
inline Binding field(std::string path) {
  Binding out;
  out.kind = Binding::Kind::field;
  out.names = {std::move(path)};
  return out;
}

inline ColumnSpec column(std::string name, ValueKind kind, Binding binding, std::vector<Transform> transforms = {}) {
  ColumnSpec out;
  out.name = std::move(name);
  out.kind = kind;
  out.binding = std::move(binding);
  out.transforms = std::move(transforms);
  if (kind == ValueKind::token) out.vocab = "en";
  return out;
}
inline ColumnSpec along(std::vector<std::string> dims, ColumnSpec column) {
  column.ragged = std::move(dims);
  return column;
}
inline ColumnSpec shaped(std::vector<int64_t> dims, ColumnSpec column) {
  column.fixed = std::move(dims);
  return column;
}

inline Spec one_source(Format format, std::vector<ColumnSpec> columns, std::vector<VocabSpec> vocabs = {{"en"}}) {
  Spec spec;
  spec.vocabs = std::move(vocabs);
  SourceSpec source;
  source.name = "s";
  source.format = format;
  source.train = {"train"};
  source.columns = std::move(columns);
  spec.sources.push_back(std::move(source));
  return spec;
}

// Loads what stands in the folder and keeps what was reported.
struct Loading {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::optional<Dataset> data;
  LoadOptions options;

  Loading(const Spec& spec, const Folder& folder, int64_t skip = 0, const std::string& cache = {}) {
    options.data_dir = folder.path();
    options.cache_dir = cache;
    options.skip_bad_rows = skip;
    data = load(spec, options, emitter);
  }
  const Split& train() const { return data->sources[0].train; }
  // "E0507 train:3 this row has ..." of every report, file names without their folder, helps behind " // ".
  std::vector<std::string> reports() const {
    std::vector<std::string> out;
    for (const diag::Diagnostic& diagnostic : emitter.sorted()) {
      std::string text = diagnostic.kind->code;
      for (const diag::FilePlace& place : diagnostic.files) {
        text += " " + std::filesystem::path(place.path).filename().string();
        if (place.line > 0) text += ":" + std::to_string(place.line);
      }
      text += " " + diagnostic.message;
      for (const std::string& help : diagnostic.helps) text += " // " + help;
      out.push_back(text);
    }
    return out;
  }
  // The one report there is.
  std::string report() const {
    const auto all = reports();
    return all.size() == 1 ? all[0] : "not one report, but " + std::to_string(all.size());
  }
};

}  // namespace mtl::data::test
