// Bytes of a file or of standard input as they come: what is read and not yet used stays in memory, no more.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mtl::driver {

class InputStream {
 public:
  // Empty or "-": standard input. nullptr and a reason in `why`.
  static std::unique_ptr<InputStream> open(const std::string& path, std::string& why);
  static std::unique_ptr<InputStream> empty();
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // Waits for more, and takes as much as is there and a part has room for. False: there is no more, or `error()`.
  bool more();
  const std::string& error() const { return error_; }
  std::string_view text() const { return std::string_view(buffer_).substr(begin_); }
  void take(size_t bytes) { begin_ += bytes; }
  bool is_terminal() const;
  // Of a file, how much of it was taken, from 0 to 1; below 0 if that is not known.
  double fraction() const;

 private:
  explicit InputStream(int file);
  bool read_some();
  bool more_is_there() const;

  int file_;
  int64_t size_ = -1;  // of a plain file
  int64_t read_ = 0;
  std::string buffer_;
  size_t begin_ = 0;
  bool ended_ = false;
  std::optional<bool> by_return_;  // whether CR alone ends lines
  std::string error_;
};

}  // namespace mtl::driver
