// Reads a file or standard input piece by piece.
#include "compiler/driver/input_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mtl::driver {

namespace {

constexpr size_t kPart = size_t{256} << 10;

// The pipe of `<(command)`, or what standard input is under another name.
bool is_given(const std::string& path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

// Of a file that is opened by its name, `mode` is what it is; empty: it can be read.
std::string fault_of(const std::string& path, mode_t mode) {
  if (S_ISREG(mode) || (is_given(path) && !S_ISDIR(mode))) return "";
  if (S_ISDIR(mode)) return "it is a folder";
  return "it is not a plain file, but a pipe or a device, which is read as standard input alone: `< " + path + "`";
}

}  // namespace

std::unique_ptr<InputStream> InputStream::open(const std::string& path, std::string& why) {
  const bool standard = path.empty() || path == "-";
  // Without O_NONBLOCK a pipe that nobody writes to would keep us waiting.
  const int file = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (file < 0 || (!standard && (::fstat(file, &status) != 0 || ::fcntl(file, F_SETFL, O_RDONLY) != 0))) {
    why = std::strerror(errno);
  } else if (!standard) {
    why = fault_of(path, status.st_mode);
  }
  if (!why.empty()) {
    if (!standard && file >= 0) ::close(file);
    return nullptr;
  }
  return std::unique_ptr<InputStream>(new InputStream(file));
}

std::unique_ptr<InputStream> InputStream::empty() {
  return std::unique_ptr<InputStream>(new InputStream(-1));
}

InputStream::InputStream(int file) : file_(file), ended_(file < 0) {
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) size_ = status.st_size;
}

InputStream::~InputStream() {
  if (file_ > STDIN_FILENO) ::close(file_);
}

bool InputStream::is_terminal() const {
  return ::isatty(file_) != 0;
}

double InputStream::fraction() const {
  const double taken = static_cast<double>(read_) - static_cast<double>(text().size());
  return size_ <= 0 ? -1 : std::min(1.0, taken / static_cast<double>(size_));
}

bool InputStream::more_is_there() const {
  pollfd waiting{file_, POLLIN, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

bool InputStream::read_some() {
  const size_t size = buffer_.size();
  buffer_.resize(size + kPart / 4);
  ssize_t got = 0;
  do {
    got = ::read(file_, buffer_.data() + size, kPart / 4);
  } while (got < 0 && errno == EINTR);
  if (got < 0) error_ = std::strerror(errno);
  ended_ = got <= 0;
  buffer_.resize(size + (got > 0 ? static_cast<size_t>(got) : 0));
  read_ += std::max<ssize_t>(got, 0);
  return got > 0;
}

bool InputStream::more() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  // An example that is longer than a part is looked at again only when twice as much of it is there.
  const size_t wanted = std::max(kPart, 2 * buffer_.size());
  if (ended_ || !read_some()) return false;
  while (!ended_ && buffer_.size() < wanted && more_is_there()) read_some();
  // Files of old Macs end lines with CR alone; the first part says so.
  const size_t first = buffer_.find('\r');
  if (!by_return_) by_return_ = buffer_.find('\n') == std::string::npos && first < buffer_.size() - 1;
  if (*by_return_) std::replace(buffer_.begin(), buffer_.end(), '\r', '\n');
  return error_.empty();
}

}  // namespace mtl::driver
