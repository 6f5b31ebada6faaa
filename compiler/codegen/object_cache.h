// Compiled objects on disk, by the hash of what they were made from. A cache must never be the reason for a failure:
// what cannot be read, or reads wrong, counts as absent; what cannot be written is not kept. Objects are code: only
// files of this user that nobody else can write are read (support/base/private_folder.h).
#pragma once
#include <optional>
#include <string>

namespace mtl::codegen {

class ObjectCache {
 public:
  explicit ObjectCache(std::string directory) : directory_(std::move(directory)) {}
  // The object's bytes, if an intact file of this key is there. `key` is the full text that the name is a hash of.
  std::optional<std::string> find(const std::string& key) const;
  void put(const std::string& key, const std::string& object) const;
  std::string path(const std::string& key) const;

 private:
  std::string directory_;  // empty: no cache
};

}  // namespace mtl::codegen
