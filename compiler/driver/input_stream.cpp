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
}

std::unique_ptr<InputStream> InputStream::open(const std::string& path, std::string& why) {
  const bool standard = path.empty() || path == "-";
  const int file = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    why = std::strerror(errno);
    return nullptr;
  }
  return std::unique_ptr<InputStream>(new InputStream(file));
}

InputStream::InputStream(int file) : file_(file) {
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) size_ = status.st_size;
}

InputStream::~InputStream() {
  if (file_ != STDIN_FILENO) ::close(file_);
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
