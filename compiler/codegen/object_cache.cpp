#include "compiler/codegen/object_cache.h"

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/codegen/kernel_key.h"

namespace mtl::codegen {
namespace {

// File: magic, hash of the key's other half, size and hash of the object, the object.
constexpr char kMagic[] = "mtlobj1\n";

std::string header(const std::string& key, const std::string& object) {
  return kMagic + content_hash("key " + key) + content_hash(object) + '\n';
}

}  // namespace

std::string ObjectCache::path(const std::string& key) const {
  return directory_ + "/" + content_hash(key) + ".o";
}

std::optional<std::string> ObjectCache::find(const std::string& key) const {
  if (directory_.empty()) return std::nullopt;
  std::ifstream file(path(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  const std::string bytes = std::move(text).str();
  const size_t head = header("", "").size();
  if (bytes.size() <= head) return std::nullopt;
  std::string object = bytes.substr(head);
  if (bytes.compare(0, head, header(key, object)) != 0) return std::nullopt;
  return object;
}

void ObjectCache::put(const std::string& key, const std::string& object) const {
  if (directory_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  const std::string aside = path(key) + "." + std::to_string(getpid()) + ".new";
  {
    std::ofstream file(aside, std::ios::binary | std::ios::trunc);
    file << header(key, object) << object;
    file.flush();
    if (!file) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) std::filesystem::rename(aside, path(key), failed);
  if (failed) std::filesystem::remove(aside, failed);
}

}  // namespace mtl::codegen
