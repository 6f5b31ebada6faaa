// Edit distance with suggestions, excerpts, and UTF-8.
#include "support/base/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace mtl {
namespace {

constexpr size_t kLongestWord = 32;
constexpr size_t kFarAway = 99;

size_t length_gap(std::string_view a, std::string_view b) {
  return a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
}

// Length of the well-formed UTF-8 sequence at `i` (Unicode 15, table 3-7), or 0.
size_t sequence_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
  const auto continues = [&](size_t k) { return byte(k) >= 0x80 && byte(k) <= 0xBF; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

uint32_t code_point(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  uint32_t point = lead & (0x7Fu >> sequence.size());
  for (const char c : sequence.substr(1)) point = point << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
  return point;
}

std::string in_hex(uint32_t value, int digits) {
  std::string out;
  for (int i = digits - 1; i >= 0; --i) out += "0123456789abcdef"[value >> (4 * i) & 15];
  return out;
}

// The character at `i` as printable() shows it; `length`: of its bytes.
std::string shown(std::string_view text, size_t i, size_t& length) {
  length = sequence_length(text, i);
  if (length == 0) {
    length = 1;
    return "\\x" + in_hex(static_cast<unsigned char>(text[i]), 2);
  }
  const std::string_view sequence = text.substr(i, length);
  const uint32_t point = code_point(sequence);
  if (!is_command(point)) return std::string(sequence);
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  return point < 0x80 ? "\\x" + in_hex(point, 2) : "\\u" + in_hex(point, 4);
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kLongestWord || b.size() > kLongestWord) return kFarAway;
  std::array<std::array<size_t, kLongestWord + 1>, kLongestWord + 1> d;
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + differs});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (const std::string& candidate : candidates) {
    const bool same = std::equal(word.begin(), word.end(), candidate.begin(), candidate.end(),
                                 [&](char a, char b) { return lower(a) == lower(b); });
    if (same && candidate != word) return candidate;
  }
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  const std::string* best = nullptr;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    if (candidate == word || length_gap(word, candidate) > limit) continue;
    const size_t distance = edit_distance(word, candidate);
    const bool wins_tie =
        best && distance == best_distance && best->size() != word.size() && candidate.size() == word.size();
    if (distance < best_distance || wins_tie) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (!best || best_distance >= word.size()) return std::nullopt;  // nothing in common
  return *best;
}

std::string join(std::span<const std::string> words, std::string_view separator, std::string_view last_separator) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last_separator : separator;
    out += words[i];
  }
  return out;
}

std::string count_of(size_t n, std::string_view singular) {
  std::string out = std::to_string(n) + " " + std::string(singular);
  if (n == 1) return out;
  const bool y_to_ies = singular.size() > 1 && singular.ends_with('y') &&
                        std::string_view("aeiou").find(singular[singular.size() - 2]) == std::string_view::npos;
  if (y_to_ies) {
    out.back() = 'i';
    return out + "es";
  }
  const bool hisses =
      singular.ends_with('s') || singular.ends_with('x') || (singular.ends_with("ch") && !singular.ends_with("epoch"));
  return out + (hisses ? "es" : "s");
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  if (separator.empty()) return {std::string(text)};
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string_view::npos; begin = end + separator.size()) {
    parts.emplace_back(text.substr(begin, end - begin));
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

size_t find_invalid_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const size_t length = sequence_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

bool is_command(uint32_t point) {
  struct Range {
    uint32_t first, last;
  };
  constexpr Range kCommands[] = {{0, 0x1F},        {0x7F, 0x9F},     {0x061C, 0x061C},
                                 {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};
  for (const Range& range : kCommands)
    if (point >= range.first && point <= range.last) return true;
  return false;
}

size_t find_command(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text, i);
    if (length == 0 || is_command(code_point(text.substr(i, length)))) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text, std::string_view kept) {
  std::string out;
  for (size_t i = 0, length = 1; i < text.size(); i += length) {
    length = 1;
    if (kept.find(text[i]) != std::string_view::npos) {
      out += text[i];
    } else {
      out += shown(text, i, length);
    }
  }
  return out;
}

std::string excerpt(std::string_view text, size_t limit) {
  std::string out;
  size_t count = 0;
  for (size_t i = 0, length = 1; i < text.size(); i += length) {
    if (count++ >= limit) return out + "...";
    out += shown(text, i, length);
  }
  return out;
}

}  // namespace mtl
