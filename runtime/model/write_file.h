// The one way we write files: aside in the same folder, without a name where the file system can do that, flushed to
// disk, then renamed over the old one. So a reader sees the old file or the whole new one, a full disk or a crash
// leaves the old file as it was, and a process that is killed leaves nothing.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace mtl::model {

// A file that is written piece by piece. One that is not committed leaves nothing behind.
class FileWriter {
 public:
  // nullopt and a reason in `why`.
  static std::optional<FileWriter> open(const std::string& path, std::string& why);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();
  bool write(std::string_view bytes, std::string& why);
  bool commit(std::string& why);

 private:
  FileWriter() = default;
  bool fail(int error, std::string& why);

  std::string path_, aside_;  // aside_ empty: it has no name yet
  bool replaces_ = false;     // not a device or a pipe, which cannot be replaced
  int file_ = -1;
};

// Whether `name` is what a process that was killed left of writing `file` aside; both are names in one folder.
bool is_left_of(std::string_view name, std::string_view file);

bool write_file(const std::string& path, std::string_view bytes, std::string& why);

}  // namespace mtl::model
