// Tests of runtime/model/write_file.h.
#include "runtime/model/write_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/runtime/model/temporary_folder.h"

using mtl::model::write_file;
namespace fs = std::filesystem;

TEST_CASE("a file is replaced as a whole and nothing is left beside it") {
  TemporaryFolder folder;
  std::string why;
  const std::string path = folder.path("a.txt");
  REQUIRE(write_file(path, "one", why));
  REQUIRE(write_file(path, std::string("two\0three", 9), why));
  CHECK(slurp(path) == std::string("two\0three", 9));
  CHECK(std::distance(fs::directory_iterator(folder.path("")), {}) == 1);
  REQUIRE(write_file(path, "", why));
  CHECK(fs::file_size(path) == 0);
}

TEST_CASE("a full disk is a reason, not a crash") {
  if (!fs::exists("/dev/full")) return;
  std::string why;
  CHECK_FALSE(write_file("/dev/full", "words", why));
  CHECK(why == "cannot write `/dev/full`: No space left on device");
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("missing folders and folders in place of files are reasons") {
  TemporaryFolder folder;
  std::string why;
  CHECK_FALSE(write_file(folder.path("none/a.txt"), "x", why));
  CHECK(why.find("No such file or directory") != std::string::npos);
  CHECK_FALSE(write_file(folder.path(""), "x", why));
  CHECK(why.find("it is a folder") != std::string::npos);
}
