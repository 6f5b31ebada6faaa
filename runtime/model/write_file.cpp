// Writes a file aside, flushes it to the disk, and renames it.
#include "runtime/model/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "support/base/write_all.h"

namespace mtl::model {

namespace {

constexpr std::string_view kAside = ".mtlc-";

std::string reason(const std::string& doing, const std::string& path, int error) {
  return "cannot " + doing + " `" + path + "`: " + std::strerror(error);
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string link_of(int file) {
  return "/proc/self/fd/" + std::to_string(file);
}

// A file that has no name yet, so that nothing is left of a process that is killed; -1 where the file system has none,
// or where nothing could give it a name.
int open_nameless(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0 || ::access(link_of(file).c_str(), F_OK) == 0) return file;
  ::close(file);
  return -1;
}

// Gives it a name that mkstemp could have drawn, for the moment until it is renamed: no link replaces a file.
std::string name_aside(int file, const std::string& path) {
  constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    std::string aside = path + std::string(kAside);
    for (int i = 0; i < 6; ++i) aside += kDigits[random() % kDigits.size()];
    if (::linkat(AT_FDCWD, link_of(file).c_str(), AT_FDCWD, aside.c_str(), AT_SYMLINK_FOLLOW) == 0) return aside;
    if (errno != EEXIST) break;
  }
  return "";
}

// So that the new name survives a power cut too.
void flush_folder(const std::string& path) {
  const int directory = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

}  // namespace

std::optional<FileWriter> FileWriter::open(const std::string& path, std::string& why) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    why = "cannot write `" + path + "`: it is a folder";
    return std::nullopt;
  }
  FileWriter out;
  out.path_ = path;
  if (exists && !S_ISREG(info.st_mode)) {  // /dev/stdout, /dev/full
    // Without O_NONBLOCK a pipe would keep us waiting for a reader; writing may wait for it.
    out.file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (out.file_ >= 0 && ::fcntl(out.file_, F_SETFL, O_WRONLY) == 0) return out;
    why = errno == ENXIO ? "cannot write `" + path + "`: nobody reads from the pipe" : reason("open", path, errno);
    return std::nullopt;
  }
  out.replaces_ = true;
  out.file_ = open_nameless(folder_of(path));
  if (out.file_ < 0) {
    std::string aside = path + std::string(kAside) + "XXXXXX";
    out.file_ = ::mkstemp(aside.data());
    if (out.file_ < 0) {
      why = reason("create a file beside", path, errno);
      return std::nullopt;
    }
    out.aside_ = aside;
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(out.file_, exists ? info.st_mode & 07777 : 0666 & ~mask) == 0) return out;
  out.fail(errno, why);
  return std::nullopt;
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      aside_(std::exchange(other.aside_, {})),
      replaces_(other.replaces_),
      file_(std::exchange(other.file_, -1)) {}

FileWriter::~FileWriter() {
  std::string why;
  if (file_ >= 0) fail(0, why);
}

bool FileWriter::fail(int error, std::string& why) {
  why = reason("write", path_, error);
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  if (!aside_.empty()) ::unlink(std::exchange(aside_, {}).c_str());
  return false;
}

bool FileWriter::write(std::string_view bytes, std::string& why) {
  return write_all(file_, bytes) || fail(errno, why);
}

bool FileWriter::commit(std::string& why) {
  if (replaces_ && ::fsync(file_) != 0) return fail(errno, why);
  if (replaces_ && aside_.empty() && (aside_ = name_aside(file_, path_)).empty()) return fail(errno, why);
  if (::close(std::exchange(file_, -1)) != 0) return fail(errno, why);
  if (!replaces_) return true;
  if (::rename(aside_.c_str(), path_.c_str()) != 0) return fail(errno, why);
  aside_.clear();
  flush_folder(path_);
  return true;
}

bool is_left_of(std::string_view name, std::string_view file) {
  constexpr size_t kDrawn = 6;  // by mkstemp
  if (!name.starts_with(file) || !name.substr(file.size()).starts_with(kAside)) return false;
  name.remove_prefix(file.size() + kAside.size());
  return name.size() == kDrawn &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
}

bool write_file(const std::string& path, std::string_view bytes, std::string& why) {
  auto file = FileWriter::open(path, why);
  return file && file->write(bytes, why) && file->commit(why);
}

}  // namespace mtl::model
