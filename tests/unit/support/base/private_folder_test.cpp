// Tests of support/base/private_folder.h.
#include "support/base/private_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace mtl;
namespace fs = std::filesystem;

namespace {

struct Place {
  fs::path path = fs::temp_directory_path() / ("mtlc_private_folder_test." + std::to_string(::getpid()));
  Place() {
    fs::remove_all(path);
    fs::create_directory(path);
  }
  ~Place() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a private folder is made for its user alone, whatever the umask") {
  const Place place;
  const mode_t old = ::umask(0);
  std::string unsafe;
  CHECK_FALSE(PrivateFolder::open(place / "a", unsafe));
  CHECK(unsafe.empty());
  const auto folder = PrivateFolder::make(place / "above/a", unsafe);
  REQUIRE(folder);
  CHECK(folder->write("x", "head ", "rest"));
  ::umask(old);
  CHECK(mode_of(place / "above/a") == 0700);
  CHECK(mode_of(place / "above/a/x") == 0600);
  CHECK(folder->read("x") == "head rest");
  CHECK_FALSE(folder->read("y"));
  CHECK(folder->write("x", "", "new"));
  CHECK(folder->read("x") == "new");
  CHECK(std::distance(fs::directory_iterator(place / "above/a"), {}) == 1);  // nothing is left aside
}

TEST_CASE("a folder where others can write is not used, and says so") {
  const Place place;
  std::string unsafe;
  for (const unsigned mode : {0777u, 0770u, 0722u, 01777u}) {
    fs::remove_all(place / "a");
    fs::create_directory(place / "a");
    REQUIRE(::chmod((place / "a").c_str(), mode) == 0);
    CHECK_FALSE(PrivateFolder::open(place / "a", unsafe));
    CHECK(unsafe == "other users can write there");
    CHECK_FALSE(PrivateFolder::make(place / "a", unsafe));
  }
  REQUIRE(::chmod((place / "a").c_str(), 0755) == 0);
  CHECK(PrivateFolder::open(place / "a", unsafe));
  CHECK(unsafe.empty());
  if (::geteuid() == 0) {
    REQUIRE(::chown((place / "a").c_str(), 12345, static_cast<gid_t>(-1)) == 0);
    CHECK_FALSE(PrivateFolder::open(place / "a", unsafe));
    CHECK(unsafe == "it belongs to another user");
  }
}

TEST_CASE("files that others could have written are not there") {
  const Place place;
  std::string unsafe;
  const auto folder = PrivateFolder::make(place / "a", unsafe);
  REQUIRE(folder);
  REQUIRE(folder->write("x", "", "text"));
  for (const unsigned mode : {0666u, 0620u, 0602u}) {
    REQUIRE(::chmod((place / "a/x").c_str(), mode) == 0);
    CHECK_FALSE(folder->read("x"));
  }
  REQUIRE(::chmod((place / "a/x").c_str(), 0644) == 0);
  CHECK(folder->read("x") == "text");
  fs::create_symlink(place / "a/x", place / "a/link");
  CHECK_FALSE(folder->read("link"));
  fs::create_directory(place / "a/folder");
  CHECK_FALSE(folder->read("folder"));
  REQUIRE(::mkfifo((place / "a/pipe").c_str(), 0600) == 0);
  CHECK_FALSE(folder->read("pipe"));  // and does not wait for a writer
  if (::geteuid() == 0) {
    REQUIRE(::chown((place / "a/x").c_str(), 12345, static_cast<gid_t>(-1)) == 0);
    CHECK_FALSE(folder->read("x"));
  }
}

TEST_CASE("a private folder writes through no link") {
  const Place place;
  std::string unsafe;
  const auto folder = PrivateFolder::make(place / "a", unsafe);
  REQUIRE(folder);
  std::ofstream(place / "precious") << "kept";
  fs::create_symlink(place / "precious", place / "a/x");
  CHECK(folder->write("x", "", "cached"));
  CHECK(text_of(place / "precious") == "kept");
  CHECK(folder->read("x") == "cached");  // the link was replaced
}
