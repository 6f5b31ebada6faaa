// A source line as a terminal shows it: code points with their widths, tabs expanded, and everything that would
// move the cursor or reorder the text (control characters, bidi marks, broken UTF-8) replaced.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::diag {

class TextCells {
 public:
  explicit TextCells(std::string_view line);
  // Display column (0-based) at which the byte `offset` of the line begins.
  uint32_t column(uint32_t offset) const;
  uint32_t width() const { return cells_.empty() ? 0 : cells_.back().column + cells_.back().width; }
  // The text shown in columns [begin, end).
  std::string slice(uint32_t begin, uint32_t end) const;

 private:
  struct Cell {
    uint32_t offset;
    uint32_t column;
    uint32_t width;
    std::string shown;
  };
  std::vector<Cell> cells_;
  uint32_t bytes_;
};

// Display width of a whole text.
uint32_t display_width(std::string_view text);

}  // namespace mtl::diag
