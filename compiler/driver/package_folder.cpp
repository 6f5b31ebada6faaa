// Writes a package into a folder that is empty or its own, and keeps the list of its files.
#include "compiler/driver/package_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "runtime/core/deploy/weights_file.h"
#include "runtime/model/safetensors.h"
#include "runtime/model/write_file.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

namespace fs = std::filesystem;

constexpr const char* kList = ".mtlc-package";
constexpr const char* kHead = "mtlc package 1";

// Checksums by path. While a package is written over another, a path has those of both.
using Listed = std::map<std::string, std::set<std::string>>;

// A pipe would keep whoever opens it waiting.
bool is_plain(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::optional<std::string> bytes_of(const fs::path& path) {
  if (!is_plain(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string checksum_of(const std::string& bytes) {
  return fmt::format("{:016x}", runtime::deploy::weights_checksum(bytes.data(), bytes.size()));
}

// A list may be damaged, or made on purpose: it names nothing outside of the folder.
bool stays_inside(const fs::path& path) {
  return path.is_relative() && !path.empty() && std::find(path.begin(), path.end(), "..") == path.end();
}

// nullopt: the folder has no list.
std::optional<Listed> read_list(const fs::path& folder) {
  if (!is_plain(folder / kList)) return std::nullopt;
  std::ifstream in(folder / kList);
  std::string line;
  if (!std::getline(in, line) || line != kHead) return std::nullopt;
  Listed listed;
  while (std::getline(in, line)) {
    if (line.size() > 17 && line[16] == ' ' && stays_inside(line.substr(17)))
      listed[line.substr(17)].insert(line.substr(0, 16));
  }
  return listed;
}

bool write_list(const fs::path& folder, const Listed& listed, diag::Emitter& emitter) {
  std::string text = std::string(kHead) + "\n", why;
  for (const auto& [path, checksums] : listed)
    for (const std::string& checksum : checksums) text += checksum + " " + path + "\n";
  if (model::write_file((folder / kList).string(), text, why)) return true;
  emitter.report(diag::CannotWriteFile, why);
  return false;
}

// The names of what a folder holds; empty for an empty folder.
std::string strangers(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    names.push_back("`" + entry.path().filename().string() + "`");
  std::sort(names.begin(), names.end());
  constexpr size_t kNamed = 3;
  if (names.size() > kNamed) {
    const size_t more = names.size() - kNamed;
    names.resize(kNamed);
    names.push_back(fmt::format("{} more", more));
  }
  return join(names, ", ", " and ");
}

// Whether nothing of anybody else's is in the way.
bool is_ours(const fs::path& folder, const Listed* listed, const std::vector<aot::PackageFile>& files,
             diag::Emitter& emitter) {
  constexpr const char* kElsewhere = "name a new or an empty folder: `--out DIR`";
  if (listed == nullptr) {
    const std::string others = strangers(folder);
    if (others.empty()) return true;
    emitter.report(diag::FolderNotOurs, folder.string(), others).help(kElsewhere);
    return false;
  }
  for (const aot::PackageFile& file : files) {
    const auto old = bytes_of(folder / file.path);
    if (!old || *old == file.bytes) continue;
    const auto known = listed->find(file.path);
    if (known == listed->end()) {
      emitter.report(diag::FolderNotOurs, folder.string(), "`" + file.path + "`").help(kElsewhere);
      return false;
    }
    if (known->second.count(checksum_of(*old))) continue;
    emitter.report(diag::FileNotOurs, (folder / file.path).string())
        .help("keep your changes in a file of another name and delete this one, or name another folder: `--out DIR`");
    return false;
  }
  return true;
}

bool write(const fs::path& folder, const aot::PackageFile& file, diag::Emitter& emitter) {
  const fs::path path = folder / file.path;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) {
    emitter.report(diag::CannotMakeFolder, path.parent_path().string(), error.message());
    return false;
  }
  // A file that would not change keeps its time, so that it is not compiled again.
  if (const auto old = bytes_of(path); old && *old == file.bytes) return true;
  std::string why;
  if (model::write_file(path.string(), file.bytes, why)) return true;
  emitter.report(diag::CannotWriteFile, why);
  return false;
}

// Files of an earlier package that this one does not have, and folders that are empty without them.
void remove_stale(const fs::path& folder, const Listed& earlier, const Listed& now) {
  std::error_code ignored;
  for (const auto& [name, checksums] : earlier) {
    const auto old = now.count(name) ? std::nullopt : bytes_of(folder / name);
    if (!old || checksums.count(checksum_of(*old)) == 0) continue;
    fs::path path = folder / name;
    fs::remove(path, ignored);
    for (path = path.parent_path(); path != folder && fs::is_empty(path, ignored); path = path.parent_path())
      if (!fs::remove(path, ignored)) break;
  }
}

}  // namespace

bool write_package(const std::string& name, const std::vector<aot::PackageFile>& files, diag::Emitter& emitter) {
  const fs::path folder = name;
  const auto earlier = read_list(folder);
  if (!is_ours(folder, earlier ? &*earlier : nullptr, files, emitter)) return false;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    emitter.report(diag::CannotMakeFolder, name, error.message());
    return false;
  }
  Listed now;
  for (const aot::PackageFile& file : files) now[file.path].insert(checksum_of(file.bytes));
  Listed both = earlier.value_or(Listed());  // should this be cut short, what is there by then is known
  for (const auto& [path, checksums] : now) both[path].insert(checksums.begin(), checksums.end());
  if (!write_list(folder, both, emitter)) return false;
  for (const aot::PackageFile& file : files)
    if (!write(folder, file, emitter)) return false;
  remove_stale(folder, earlier.value_or(Listed()), now);
  return write_list(folder, now, emitter);
}

}  // namespace mtl::driver
