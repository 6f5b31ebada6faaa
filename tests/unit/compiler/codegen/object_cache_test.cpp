// Tests of compiler/codegen/object_cache.h.
#include "compiler/codegen/object_cache.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace mtl::codegen {
namespace {

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "mtlc_object_cache_test").string();
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("an object comes back as it was put") {
  Folder folder;
  const ObjectCache cache(folder.path);
  CHECK(!cache.find("key"));
  cache.put("key", std::string("abc\0def", 7));
  REQUIRE(cache.find("key"));
  CHECK(*cache.find("key") == std::string("abc\0def", 7));
  CHECK(!cache.find("other key"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);  // nothing left aside
}

TEST_CASE("a damaged object counts as absent") {
  Folder folder;
  const ObjectCache cache(folder.path);
  cache.put("key", "some object code");
  const std::string file = cache.path("key");
  SECTION("truncated") {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  }
  SECTION("empty") {
    std::filesystem::resize_file(file, 0);
  }
  SECTION("a byte changed") {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(-2, std::ios::end);
    bytes.put('#');
  }
  SECTION("of another key") {
    cache.put("other", "some object code");
    std::filesystem::rename(cache.path("other"), file);
  }
  CHECK(!cache.find("key"));
  cache.put("key", "new code");
  CHECK(*cache.find("key") == "new code");
}

TEST_CASE("no folder, or one that cannot be made, is no failure") {
  const ObjectCache none("");
  none.put("key", "code");
  CHECK(!none.find("key"));
  const ObjectCache impossible("/proc/no/such/place");
  impossible.put("key", "code");
  CHECK(!impossible.find("key"));
}

}  // namespace mtl::codegen
