// The binary cache: a whole Dataset in one file, with what was reported while it was made.
//
// A cache file is believed only if nobody else could write it (support/base/private_folder.h) and its key (the
// declarations; inodes, sizes and times of all files) and its checksum fit; every size, offset and id in it is checked
// all the same. Anything odd reads as "there is no cache".
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/data/load.h"
#include "support/diag/diagnostic.h"

namespace mtl::data {

struct Cached {
  Dataset dataset;
  std::vector<diag::Diagnostic> warnings;
};

std::string join_path(const std::string& folder, const std::string& path);
// Everything that the result depends on, as text. Empty if a file cannot be found.
std::string cache_key(const Spec& spec, const LoadOptions& options);
std::string cache_path(const Spec& spec, const LoadOptions& options);
// What stands in front of `rest` in a cache file: a mark, the version, and the checksum of `rest`.
std::string cache_header(std::string_view rest);
std::optional<Cached> read_cache(const std::string& path, const std::string& key, const Spec& spec);
// A cache that cannot be written is no error.
void write_cache(const std::string& path, const std::string& key, const Dataset& dataset,
                 const std::vector<diag::Diagnostic>& warnings);

}  // namespace mtl::data
