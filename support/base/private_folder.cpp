// Opens folders of caches, and refuses those that others can write to.
#include "support/base/private_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <new>
#include <random>
#include <utility>

#include "support/base/out_of_memory.h"
#include "support/base/write_all.h"

namespace mtl {
namespace {

bool is_ours_alone(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string why_unsafe(const struct stat& status) {
  return status.st_uid != ::geteuid() ? "it belongs to another user" : "other users can write there";
}

bool read_all(int file, size_t expected, std::string& out) {
  const MayRunOut large;
  try {
    out.resize(expected);
  } catch (const std::bad_alloc&) {
    return false;
  }
  size_t at = 0;
  while (at < expected) {
    const ssize_t got = ::read(file, out.data() + at, expected - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

std::optional<PrivateFolder> PrivateFolder::open(const std::string& path, std::string& unsafe) {
  unsafe.clear();
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) {
    std::error_code ignored;  // whoever can write beside it could lead it elsewhere
    if (std::filesystem::is_symlink(path, ignored)) unsafe = "it is a link";
    return std::nullopt;
  }
  PrivateFolder out(folder);
  struct stat status {};
  if (::fstat(folder, &status) != 0) return std::nullopt;
  if (!is_ours_alone(status)) {
    unsafe = why_unsafe(status);
    return std::nullopt;
  }
  return out;
}

// Parents get the modes that the umask leaves; the folder itself is private from its first moment.
std::optional<PrivateFolder> PrivateFolder::make(const std::string& path, std::string& unsafe) {
  std::error_code ignored;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
  ::mkdir(path.c_str(), 0700);
  return open(path, unsafe);
}

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept : folder_(std::exchange(other.folder_, -1)) {}

PrivateFolder::~PrivateFolder() {
  if (folder_ >= 0) ::close(folder_);
}

std::optional<std::string> PrivateFolder::read(const std::string& name) const {
  const int file = ::openat(folder_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct stat status {};
  std::string bytes;
  const bool good = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && is_ours_alone(status) &&
                    read_all(file, static_cast<size_t>(status.st_size), bytes);
  ::close(file);
  return good ? std::optional<std::string>(std::move(bytes)) : std::nullopt;
}

bool PrivateFolder::write(const std::string& name, std::string_view head, std::string_view rest) const {
  constexpr int kTries = 8;  // at names that are not taken; even one collision is not to be expected
  std::string aside;
  int file = -1;
  std::random_device random;
  for (int i = 0; i < kTries && file < 0; ++i) {
    char suffix[20];
    std::snprintf(suffix, sizeof suffix, ".%08x%08x", random(), random());
    aside = name + suffix;
    file = ::openat(folder_, aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0 && errno != EEXIST) return false;
  }
  if (file < 0) return false;
  bool good = write_all(file, head) && write_all(file, rest);
  good = ::close(file) == 0 && good;
  good = good && ::renameat(folder_, aside.c_str(), folder_, name.c_str()) == 0;
  if (!good) ::unlinkat(folder_, aside.c_str(), 0);
  return good;
}

}  // namespace mtl
