// The one way we write files: aside in the same folder, flushed to disk, then renamed over the old one. So a reader
// sees the old file or the whole new one, and a full disk or a crash leaves the old file as it was.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "model/safetensors.h"

namespace mtl::model {

namespace {

std::string reason(const std::string& doing, const std::string& path, int error) {
  return "cannot " + doing + " `" + path + "`: " + std::strerror(error);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// A device or a pipe (/dev/stdout, /dev/full) is written to as it is: it cannot be replaced.
bool write_through(const std::string& path, std::string_view bytes, std::string& why) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    why = reason("open", path, errno);
    return false;
  }
  const bool good = write_all(fd, bytes);
  if (!good) why = reason("write", path, errno);
  ::close(fd);
  return good;
}

}  // namespace

bool write_file(const std::string& path, std::string_view bytes, std::string& why) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    why = "cannot write `" + path + "`: it is a folder";
    return false;
  }
  if (exists && !S_ISREG(info.st_mode)) return write_through(path, bytes, why);

  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  std::string aside = path + ".XXXXXX";
  const int fd = ::mkstemp(aside.data());
  if (fd < 0) {
    why = reason("create a file beside", path, errno);
    return false;
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  bool good = ::fchmod(fd, exists ? info.st_mode & 07777 : 0666 & ~mask) == 0;
  good = good && write_all(fd, bytes) && ::fsync(fd) == 0;
  int error = errno;
  if (::close(fd) != 0 && good) {
    good = false;
    error = errno;
  }
  if (good && ::rename(aside.c_str(), path.c_str()) != 0) {
    good = false;
    error = errno;
  }
  if (!good) {
    ::unlink(aside.c_str());
    why = reason("write", path, error);
    return false;
  }
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {  // so that the new name survives a power cut too
    ::fsync(directory);
    ::close(directory);
  }
  return true;
}

}  // namespace mtl::model
