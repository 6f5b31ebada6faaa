// Files of the cache: named by a hash, headed by a checksum, refused where either is wrong.
#include "compiler/codegen/object_cache.h"

#include "compiler/codegen/kernel_key.h"
#include "support/base/private_folder.h"

namespace mtl::codegen {
namespace {

// File: magic, hash of the key's other half, size and hash of the object, the object.
constexpr char kMagic[] = "mtlobj1\n";

std::string header(const std::string& key, const std::string& object) {
  return kMagic + content_hash("key " + key) + content_hash(object) + '\n';
}

std::string name_of(const std::string& key) {
  return content_hash(key) + ".o";
}

}  // namespace

std::string ObjectCache::path(const std::string& key) const {
  return directory_ + "/" + name_of(key);
}

std::optional<std::string> ObjectCache::find(const std::string& key) const {
  if (directory_.empty()) return std::nullopt;
  std::string unsafe;
  const auto folder = PrivateFolder::open(directory_, unsafe);
  const auto bytes = folder ? folder->read(name_of(key)) : std::nullopt;
  const size_t head = header("", "").size();
  if (!bytes || bytes->size() <= head) return std::nullopt;
  std::string object = bytes->substr(head);
  if (bytes->compare(0, head, header(key, object)) != 0) return std::nullopt;
  return object;
}

void ObjectCache::put(const std::string& key, const std::string& object) const {
  if (directory_.empty()) return;
  std::string unsafe;
  if (const auto folder = PrivateFolder::make(directory_, unsafe))
    folder->write(name_of(key), header(key, object), object);
}

}  // namespace mtl::codegen
