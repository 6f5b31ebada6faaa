// What a cache file depends on: every word of the declarations, and name, inode, size and times of every file
// they name.
#include <sys/stat.h>

#include <filesystem>

#include "runtime/core/random.h"
#include "runtime/data/cache.h"
#include "runtime/data/record.h"

namespace mtl::data {
namespace {

// Fields one after the other, each with its length, so that no two specs have one text.
class KeyText {
 public:
  void add(std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(T number) { add(std::string_view(std::to_string(number))); }
  void add(double number) {
    char text[40];
    std::snprintf(text, sizeof text, "%a", number);
    add(std::string_view(text));
  }
  template <class T>
  void add(const std::vector<T>& items) {
    add(items.size());
    for (const T& item : items) add(item);
  }
  std::string out;
};

void add_column(KeyText& key, const ColumnSpec& column) {
  key.add(column.name);
  key.add(static_cast<int>(column.kind));
  key.add(column.vocab);
  key.add(column.min_count);
  key.add(column.max_size.value_or(-1));
  key.add(static_cast<int>(column.lowercase));
  key.add(column.fixed_labels);
  key.add(column.labels_of);
  key.add(column.ragged);
  key.add(column.fixed);
  key.add(static_cast<int>(column.binding.kind));
  key.add(column.binding.indices);
  key.add(column.binding.names);
  key.add(static_cast<int>(column.binding.cross));
  key.add(static_cast<int>(column.binding.allow_empty || column.allow_empty));
  key.add(column.transforms.size());
  for (const Transform& transform : column.transforms) {
    key.add(static_cast<int>(transform.kind));
    key.add(transform.text);
    key.add(transform.texts);
    key.add(transform.numbers);
    key.add(transform.number);
    key.add(transform.count);
    key.add(static_cast<int>(transform.keep_last));
  }
}

void add_source(KeyText& key, const SourceSpec& source) {
  key.add(source.name);
  key.add(static_cast<int>(source.format));
  key.add(source.train);
  key.add(source.dev);
  key.add(source.test);
  key.add(source.holdout_fraction);
  key.add(source.holdout_count);
  key.add(static_cast<int>(source.holdout_last));
  key.add(source.holdout_by);
  key.add(source.folds);
  key.add(static_cast<int>(source.header.value_or(true)));
  key.add(source.separator);
  key.add(source.missing);
  key.add(static_cast<int>(source.trim));
  key.add(source.decimal);
  key.add(source.thousands);
  key.add(source.columns.size());
  for (const ColumnSpec& column : source.columns) add_column(key, column);
}

void add_spec(KeyText& key, const Spec& spec) {
  key.add(spec.vocabs.size());
  for (const VocabSpec& vocab : spec.vocabs) {
    key.add(vocab.name);
    key.add(static_cast<int>(vocab.lowercase));
    key.add(vocab.min_count);
    key.add(vocab.max_size.value_or(-1));
    key.add(vocab.buckets);
    key.add(vocab.embeddings);
    key.add(vocab.keep);
  }
  key.add(spec.sources.size());
  for (const SourceSpec& source : spec.sources) add_source(key, source);
}

// False if it is not a plain file: pipes are not cached.
bool add_file(KeyText& key, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  key.add(path);
  key.add(static_cast<uint64_t>(status.st_dev));
  key.add(static_cast<uint64_t>(status.st_ino));
  key.add(static_cast<int64_t>(status.st_size));
  for (const timespec& time : {status.st_mtim, status.st_ctim}) {  // who restores the one does not restore the other
    key.add(static_cast<int64_t>(time.tv_sec));
    key.add(static_cast<int64_t>(time.tv_nsec));
  }
  return true;
}

}  // namespace

std::string join_path(const std::string& folder, const std::string& path) {
  if (folder.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::path(folder) / path).string();
}

std::string cache_key(const Spec& spec, const LoadOptions& options) {
  KeyText key;
  add_spec(key, spec);
  key.add(options.skip_bad_rows);
  key.add(static_cast<int>(options.need_test));
  bool good = true;
  for (const VocabSpec& vocab : spec.vocabs) {
    if (!vocab.embeddings.empty()) good = add_file(key, join_path(options.data_dir, vocab.embeddings)) && good;
  }
  for (const SourceSpec& source : spec.sources) {
    for (const auto* files : {&source.train, &source.dev, &source.test}) {
      if (files == &source.test && !options.need_test) continue;
      for (const std::string& file : data_files(source, *files))
        good = add_file(key, join_path(options.data_dir, file)) && good;
    }
  }
  return good ? key.out : std::string();
}

std::string cache_path(const Spec& spec, const LoadOptions& options) {
  KeyText key;
  add_spec(key, spec);
  key.add(options.data_dir);
  key.add(static_cast<int>(options.need_test));
  char name[32];
  std::snprintf(name, sizeof name, "%016llx",
                static_cast<unsigned long long>(runtime::hash_text(key.out.data(), key.out.size())));
  return join_path(options.cache_dir, "data-" + std::string(name) + ".cache");
}

}  // namespace mtl::data
