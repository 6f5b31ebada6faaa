// Source text and places in it.
//
// A SourceMap owns every file that takes part in a compilation (the user's, the embedded library's); a
// SourceRange is a small value that points into one of them and travels with every AST node and graph node.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mtl {

using FileId = uint32_t;  // 0 is "no file"

// Half-open range of byte offsets in one file.
struct SourceRange {
  FileId file = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  bool valid() const { return file != 0; }
  // The smallest range that covers both; `other` in another file is ignored.
  SourceRange cover(SourceRange other) const;
  bool operator==(const SourceRange&) const = default;
};

// 1-based line and column; the column counts code points.
struct LineColumn {
  uint32_t line = 0;
  uint32_t column = 0;
};

class SourceFile {
 public:
  SourceFile(std::string path, std::string text);
  const std::string& path() const { return path_; }
  const std::string& text() const { return text_; }
  LineColumn locate(uint32_t offset) const;
  uint32_t line_count() const { return static_cast<uint32_t>(line_starts_.size()); }
  // Text of a line (1-based) without its line end.
  std::string_view line(uint32_t number) const;
  uint32_t line_start(uint32_t number) const;

 private:
  std::string path_;
  std::string text_;
  std::vector<uint32_t> line_starts_;
};

class SourceMap {
 public:
  FileId add(std::string path, std::string text);
  const SourceFile& file(FileId id) const;

 private:
  std::vector<std::unique_ptr<SourceFile>> files_;
};

}  // namespace mtl
