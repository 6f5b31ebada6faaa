// Measures code points as a terminal shows them.
#include "support/diag/text_cells.h"

#include <algorithm>

#include "support/base/text.h"

namespace mtl::diag {
namespace {

constexpr uint32_t kTabWidth = 4;
constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

struct Span {
  uint32_t first, last;
};

// Code points that take no column: combining marks, joiners, variation selectors.
constexpr Span kZeroWidth[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
                               {0x093C, 0x093C}, {0x0E34, 0x0E3A}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200C, 0x200D},
                               {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};

// East Asian wide and emoji: two columns (Unicode annex 11, coarsened to blocks).
constexpr Span kWide[] = {{0x1100, 0x115F}, {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},  {0x4E00, 0x9FFF},
                          {0xA000, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},  {0xFF00, 0xFF60},
                          {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <size_t N>
bool within(uint32_t point, const Span (&spans)[N]) {
  return std::any_of(std::begin(spans), std::end(spans),
                     [&](Span span) { return point >= span.first && point <= span.last; });
}

struct Decoded {
  uint32_t point;
  uint32_t bytes;
  bool good;
};

Decoded decode(std::string_view text, size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  if (lead < 0x80) return {lead, 1, true};
  const uint32_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || i + bytes > text.size()) return {0, 1, false};
  uint32_t point = lead & (0x7Fu >> bytes);
  for (uint32_t k = 1; k < bytes; ++k) {
    const auto byte = static_cast<unsigned char>(text[i + k]);
    if ((byte & 0xC0) != 0x80) return {0, 1, false};
    point = point << 6 | (byte & 0x3Fu);
  }
  return {point, bytes, true};
}

}  // namespace

TextCells::TextCells(std::string_view line) : bytes_(static_cast<uint32_t>(line.size())) {
  uint32_t column = 0;
  for (size_t i = 0; i < line.size();) {
    const Decoded d = decode(line, i);
    Cell cell{static_cast<uint32_t>(i), column, 1, std::string(line.substr(i, d.bytes))};
    if (d.point == '\t' && d.good) {
      cell.width = kTabWidth - column % kTabWidth;
      cell.shown = std::string(cell.width, ' ');
    } else if (!d.good || is_command(d.point)) {
      cell.shown = kReplacement;
    } else if (within(d.point, kZeroWidth)) {
      cell.width = 0;
    } else if (within(d.point, kWide)) {
      cell.width = 2;
    }
    if (d.point == 0xFEFF) cell.shown.clear();
    column += cell.width;
    i += d.bytes;
    cells_.push_back(std::move(cell));
  }
}

uint32_t TextCells::column(uint32_t offset) const {
  if (offset >= bytes_) return width();
  const auto after = std::upper_bound(cells_.begin(), cells_.end(), offset,
                                      [](uint32_t wanted, const Cell& cell) { return wanted < cell.offset; });
  return after == cells_.begin() ? 0 : std::prev(after)->column;
}

std::string TextCells::slice(uint32_t begin, uint32_t end) const {
  std::string out;
  for (const Cell& cell : cells_) {
    if (cell.column >= begin && cell.column < end) out += cell.shown;
  }
  return out;
}

uint32_t display_width(std::string_view text) {
  return TextCells(text).width();
}

}  // namespace mtl::diag
