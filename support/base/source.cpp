// Lines, columns and ranges of source text. Texts are kept byte for byte as they were loaded (a byte order mark,
// CRLF and all), so that offsets are those of the file; whoever shows text skips these bytes.
#include "support/base/source.h"

#include <algorithm>

#include "support/base/check.h"

namespace mtl {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// "\n", "\r\n" and a lone "\r" end a line.
std::vector<uint32_t> find_line_starts(std::string_view text) {
  std::vector<uint32_t> starts{0};
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ends_line = text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'));
    if (ends_line) starts.push_back(static_cast<uint32_t>(i + 1));
  }
  return starts;
}

}  // namespace

SourceRange SourceRange::cover(SourceRange other) const {
  if (!valid()) return other;
  if (!other.valid() || other.file != file) return *this;
  return {file, std::min(begin, other.begin), std::max(end, other.end)};
}

SourceFile::SourceFile(std::string path, std::string text)
    : path_(std::move(path)), text_(std::move(text)), line_starts_(find_line_starts(text_)) {}

LineColumn SourceFile::locate(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto number = static_cast<uint32_t>(after - line_starts_.begin());
  uint32_t start = line_starts_[number - 1];
  if (number == 1 && text_.starts_with(kByteOrderMark)) start = kByteOrderMark.size();
  uint32_t column = 1;
  for (uint32_t i = start; i < offset; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;
  }
  return {number, column};
}

std::string_view SourceFile::line(uint32_t number) const {
  MTL_CHECK(number >= 1 && number <= line_count(), "a line of the file");
  const uint32_t begin = line_starts_[number - 1];
  uint32_t end = number < line_count() ? line_starts_[number] : static_cast<uint32_t>(text_.size());
  while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) --end;
  return std::string_view(text_).substr(begin, end - begin);
}

uint32_t SourceFile::line_start(uint32_t number) const {
  MTL_CHECK(number >= 1 && number <= line_count(), "a line of the file");
  return line_starts_[number - 1];
}

FileId SourceMap::add(std::string path, std::string text) {
  files_.push_back(std::make_unique<SourceFile>(std::move(path), std::move(text)));
  return static_cast<FileId>(files_.size());
}

const SourceFile& SourceMap::file(FileId id) const {
  MTL_CHECK(id >= 1 && id <= files_.size(), "a file of the source map");
  return *files_[id - 1];
}

}  // namespace mtl
