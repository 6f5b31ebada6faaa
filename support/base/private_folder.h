// Folders of caches. What lies in one is believed, and compiled objects are even run, so nobody else may write there.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace mtl {

class PrivateFolder {
 public:
  // nullopt if it cannot be used: `unsafe` then says why if another user could write there, and is empty if there is no
  // such folder.
  static std::optional<PrivateFolder> open(const std::string& path, std::string& unsafe);
  // Makes it where there is none, for this user alone.
  static std::optional<PrivateFolder> make(const std::string& path, std::string& unsafe);
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();

  // The bytes of a plain file that is this user's and that nobody else can write; links are not followed.
  std::optional<std::string> read(const std::string& name) const;
  // Written aside under a new name, and renamed: a reader sees all of it or nothing. False if it could not be.
  bool write(const std::string& name, std::string_view head, std::string_view rest) const;

 private:
  explicit PrivateFolder(int folder) : folder_(folder) {}
  int folder_;
};

}  // namespace mtl
