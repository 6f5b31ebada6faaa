#include "model/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "compiler/base/write_all.h"

namespace mtl::model {

namespace {

constexpr std::string_view kAside = ".mtlc-";

std::string reason(const std::string& doing, const std::string& path, int error) {
  return "cannot " + doing + " `" + path + "`: " + std::strerror(error);
}

// So that the new name survives a power cut too.
void flush_folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    out.file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (out.file_ >= 0) return out;
    why = reason("open", path, errno);
    return std::nullopt;
  }
  std::string aside = path + std::string(kAside) + "XXXXXX";
  out.file_ = ::mkstemp(aside.data());
  if (out.file_ < 0) {
    why = reason("create a file beside", path, errno);
    return std::nullopt;
  }
  out.aside_ = aside;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(out.file_, exists ? info.st_mode & 07777 : 0666 & ~mask) == 0) return out;
  out.fail(errno, why);
  return std::nullopt;
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)), aside_(std::exchange(other.aside_, {})), file_(std::exchange(other.file_, -1)) {}

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
  if (!aside_.empty() && ::fsync(file_) != 0) return fail(errno, why);
  if (::close(std::exchange(file_, -1)) != 0) return fail(errno, why);
  if (aside_.empty()) return true;
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
