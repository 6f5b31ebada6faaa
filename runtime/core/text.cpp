// Lower case by Unicode, splitting, and strict numbers.
#include "runtime/core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>

#include "runtime/core/random.h"

namespace mtl::runtime {
namespace {

// How a range of capital letters maps: every one by `offset`, or (pairs) each even or odd one by 1.
enum class Step : uint8_t { every, even, odd };
struct CaseRange {
  uint32_t first, last;
  int32_t offset;
  Step step;
};

constexpr std::array kCaseRanges = {
    CaseRange{0x00C0, 0x00D6, 32, Step::every},    CaseRange{0x00D8, 0x00DE, 32, Step::every},
    CaseRange{0x0100, 0x012F, 1, Step::even},      CaseRange{0x0130, 0x0130, -199, Step::every},
    CaseRange{0x0132, 0x0137, 1, Step::even},      CaseRange{0x0139, 0x0148, 1, Step::odd},
    CaseRange{0x014A, 0x0177, 1, Step::even},      CaseRange{0x0178, 0x0178, -121, Step::every},
    CaseRange{0x0179, 0x017E, 1, Step::odd},       CaseRange{0x0181, 0x0181, 210, Step::every},
    CaseRange{0x0182, 0x0185, 1, Step::even},      CaseRange{0x0186, 0x0186, 206, Step::every},
    CaseRange{0x0187, 0x0187, 1, Step::every},     CaseRange{0x0189, 0x018A, 205, Step::every},
    CaseRange{0x018E, 0x018E, 79, Step::every},    CaseRange{0x018F, 0x018F, 202, Step::every},
    CaseRange{0x0190, 0x0190, 203, Step::every},   CaseRange{0x0191, 0x0191, 1, Step::every},
    CaseRange{0x0198, 0x0198, 1, Step::every},     CaseRange{0x01A0, 0x01A5, 1, Step::even},
    CaseRange{0x01AF, 0x01AF, 1, Step::every},     CaseRange{0x01B3, 0x01B6, 1, Step::odd},
    CaseRange{0x01CD, 0x01DC, 1, Step::odd},       CaseRange{0x01DE, 0x01EF, 1, Step::even},
    CaseRange{0x01F8, 0x021F, 1, Step::even},      CaseRange{0x0222, 0x0233, 1, Step::even},
    CaseRange{0x0246, 0x024F, 1, Step::even},      CaseRange{0x0386, 0x0386, 38, Step::every},
    CaseRange{0x0388, 0x038A, 37, Step::every},    CaseRange{0x038C, 0x038C, 64, Step::every},
    CaseRange{0x038E, 0x038F, 63, Step::every},    CaseRange{0x0391, 0x03A1, 32, Step::every},
    CaseRange{0x03A3, 0x03AB, 32, Step::every},    CaseRange{0x0400, 0x040F, 80, Step::every},
    CaseRange{0x0410, 0x042F, 32, Step::every},    CaseRange{0x0460, 0x0481, 1, Step::even},
    CaseRange{0x048A, 0x04BF, 1, Step::even},      CaseRange{0x04C0, 0x04C0, 15, Step::every},
    CaseRange{0x04C1, 0x04CE, 1, Step::odd},       CaseRange{0x04D0, 0x052F, 1, Step::even},
    CaseRange{0x0531, 0x0556, 48, Step::every},    CaseRange{0x1E00, 0x1E95, 1, Step::even},
    CaseRange{0x1E9E, 0x1E9E, -7615, Step::every}, CaseRange{0x1EA0, 0x1EFF, 1, Step::even},
    CaseRange{0x1F08, 0x1F0F, -8, Step::every},    CaseRange{0x1F18, 0x1F1D, -8, Step::every},
    CaseRange{0x1F28, 0x1F2F, -8, Step::every},    CaseRange{0x1F38, 0x1F3F, -8, Step::every},
    CaseRange{0x1F48, 0x1F4D, -8, Step::every},    CaseRange{0x1F68, 0x1F6F, -8, Step::every},
    CaseRange{0xFF21, 0xFF3A, 32, Step::every},
};

void append_code_point(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_space(uint32_t c) {
  return (c < 0x80 && is_blank(static_cast<char>(c))) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// Beyond ASCII everything counts as a letter but the blocks of punctuation and symbols.
bool is_word_character(uint32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA || c == 0xB2 || c == 0xB3 || c == 0xB9;
  if (c == 0xD7 || c == 0xF7) return false;
  if (c >= 0x2000 && c <= 0x2BFF) return (c >= 0x2070 && c <= 0x209F) || (c >= 0x2100 && c <= 0x218F);
  if (c >= 0x3000 && c <= 0x303F) return c == 0x3005 || c == 0x3007;
  if ((c >= 0xFE10 && c <= 0xFE6F) || (c >= 0xFF01 && c <= 0xFF0F)) return false;
  if ((c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFF3B && c <= 0xFF40) || (c >= 0xFF5B && c <= 0xFF65)) return false;
  if (c == 0x060C || c == 0x061B || c == 0x061F || c == 0x066A || c == 0x06D4 || c == 0x0964 || c == 0x0965)
    return false;
  if (c == 0x37E || c == 0x387 || c == 0x589 || c == 0x5BE) return false;
  return c < 0x1F000 || c >= 0x20000;  // pictographs stand alone
}

}  // namespace

uint32_t next_code_point(std::string_view text, size_t& i) {
  const auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<unsigned char>(text[k])); };
  const uint32_t lead = byte(i);
  const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || i + length > text.size()) {
    ++i;
    return lead;
  }
  uint32_t c = lead & (0xFFu >> (length + 1));
  for (size_t k = 1; k < length; ++k) c = (c << 6) | (byte(i + k) & 0x3F);
  i += length;
  return c;
}

uint32_t lower_code_point(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  for (const CaseRange& range : kCaseRanges) {
    if (c < range.first) return c;  // ranges are sorted
    if (c > range.last) continue;
    const bool maps = range.step == Step::every || (c % 2 == 1) == (range.step == Step::odd);
    return maps ? static_cast<uint32_t>(static_cast<int32_t>(c) + range.offset) : c;
  }
  return c;
}

void lower_text(std::string_view text, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (const char c = text[i]; static_cast<unsigned char>(c) < 0x80) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      ++i;
    } else {
      append_code_point(out, lower_code_point(next_code_point(text, i)));
    }
  }
}

std::string lower_text(std::string_view text) {
  std::string out;
  lower_text(text, out);
  return out;
}

void split_at(std::string_view text, std::string_view separator, std::vector<std::string_view>& out) {
  if (text.empty()) return;
  if (separator.find_first_not_of(' ') == std::string_view::npos) {
    for (size_t i = 0; i < text.size();) {
      while (i < text.size() && is_blank(text[i])) ++i;
      const size_t begin = i;
      while (i < text.size() && !is_blank(text[i])) ++i;
      if (i > begin) out.push_back(text.substr(begin, i - begin));
    }
    return;
  }
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string_view::npos; begin = end + separator.size()) {
    out.push_back(text.substr(begin, end - begin));
  }
  out.push_back(text.substr(begin));
}

void split_words(std::string_view text, std::vector<std::string_view>& out) {
  size_t run = std::string_view::npos;  // where the current run of word characters began
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const uint32_t c = next_code_point(text, i);
    if (is_word_character(c) && !is_space(c)) {
      if (run == std::string_view::npos) run = begin;
      continue;
    }
    if (run != std::string_view::npos) out.push_back(text.substr(run, begin - run));
    run = std::string_view::npos;
    if (!is_space(c)) out.push_back(text.substr(begin, i - begin));
  }
  if (run != std::string_view::npos) out.push_back(text.substr(run));
}

void split_characters(std::string_view text, std::vector<std::string_view>& out) {
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    next_code_point(text, i);
    out.push_back(text.substr(begin, i - begin));
  }
}

bool find_pieces(std::string_view text, const std::vector<std::string_view>& pieces, std::vector<TextRange>& out) {
  const size_t before = out.size();
  const std::less_equal<const char*> in_order;
  const char* at = text.data();
  int64_t count = 0;  // characters in front of `at`
  const auto go_to = [&](const char* end) {
    for (; at < end; ++at) count += (static_cast<unsigned char>(*at) & 0xC0) != 0x80;
    return count;
  };
  for (const std::string_view piece : pieces) {
    const char* const end = piece.data() + piece.size();
    const bool inside = !text.empty() && piece.data() != nullptr && in_order(at, piece.data()) &&
                        in_order(end, text.data() + text.size());
    if (!inside) {
      out.resize(before);
      return false;
    }
    const int64_t begin = go_to(piece.data());
    out.push_back({begin, go_to(end)});
  }
  return true;
}

std::optional<std::string_view> piece_at(const std::vector<std::string_view>& pieces, int64_t index) {
  const auto count = static_cast<int64_t>(pieces.size());
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return pieces[static_cast<size_t>(index)];
}

int32_t bucket_of(std::string_view text, int64_t count) {
  return static_cast<int32_t>(mix64(hash_text(text.data(), text.size())) % static_cast<uint64_t>(count));
}

void split_line_characters(std::string_view line, std::vector<std::string_view>& out) {
  for (size_t i = 0; i < line.size();) {
    const size_t begin = i;
    if (!is_space(next_code_point(line, i))) out.push_back(line.substr(begin, i - begin));
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view trim_blanks(std::string_view text) {
  for (size_t i = 0; !text.empty() && is_space(next_code_point(text, i)); i = 0) text.remove_prefix(i);
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    size_t i = begin;
    if (!is_space(next_code_point(text, i))) break;
    text = text.substr(0, begin);
  }
  return text;
}

bool split_values(std::string_view text, std::string_view separator, bool trims, bool keep_empty,
                  std::vector<std::string_view>& out) {
  const bool runs = separator.find_first_not_of(' ') == std::string_view::npos;
  const size_t before = out.size();
  split_at(text, separator, out);
  size_t kept = before;
  for (size_t i = before; i < out.size(); ++i) {
    const std::string_view value = trims ? trim_blanks(out[i]) : out[i];
    if (!value.empty() || keep_empty || runs) out[kept++] = value.empty() && runs ? out[i] : value;
  }
  const bool dropped = kept < out.size();
  out.resize(kept);
  return dropped;
}

bool plain_number(std::string_view text, const NumberFormat& format, std::string& out) {
  text = trim_blanks(text);
  out.clear();
  size_t i = 0, group = 0, groups = 0;
  const auto digit = [&] { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  const auto take = [&](std::string_view what) {
    const bool there = !what.empty() && text.compare(i, what.size(), what) == 0;
    i += there ? what.size() : 0;
    return there;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) out += text[i++];
  for (;;) {
    for (group = 0; digit(); ++group) out += text[i++];
    if (groups > 0 && group != 3) return false;
    if (group == 0 || (groups == 0 && group > 3) || !take(format.thousands)) break;
    ++groups;
  }
  if (take(format.decimal)) out += '.';
  while (digit()) out += text[i++];
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    out += text[i++];
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) out += text[i++];
    while (digit()) out += text[i++];
  }
  return i == text.size() && !out.empty();
}

// Of a number that no double holds: whether it is too small, not too large.
static bool is_tiny(const char* at, const char* end) {
  int64_t magnitude = 0;  // power of ten of its first digit that is not 0
  bool counts = false, behind_point = false;
  for (; at != end && *at != 'e' && *at != 'E'; ++at) {
    behind_point = behind_point || *at == '.';
    if (*at < '0' || *at > '9') continue;
    if (behind_point && !counts) --magnitude;
    counts = counts || *at != '0';
    if (!behind_point && counts) ++magnitude;
  }
  if (at == end) return magnitude <= 0;
  const bool negative = at + 1 != end && at[1] == '-';
  int64_t exponent = 0;
  for (at += 1; at != end; ++at)
    if (*at >= '0' && *at <= '9' && exponent < (int64_t{1} << 40)) exponent = 10 * exponent + (*at - '0');
  return magnitude + (negative ? -exponent : exponent) <= 0;
}

std::optional<double> parse_number(std::string_view text, const NumberFormat& format) {
  std::string plain;
  if (format.decimal != "." || !format.thousands.empty()) {
    if (!plain_number(text, format, plain)) return std::nullopt;
    text = plain;
  }
  text = trim_blanks(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && is_tiny(text.data(), end)) error = std::errc();  // 1e-400 is 0
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> parse_truth(std::string_view text) {
  text = trim_blanks(text);
  const auto is = [text](std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
      return lower_code_point(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
    });
  };
  if (is("true") || is("yes") || is("1")) return true;
  if (is("false") || is("no") || is("0")) return false;
  return std::nullopt;
}

bool is_plain_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i + k])); };
    const uint32_t lead = byte(0);
    if (lead < 0x80) {
      if (lead == 0) return false;
      ++i;
      continue;
    }
    const size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xC0) != 0x80) return false;
    }
    // Neither longer than need be, nor a surrogate, nor behind the last code point.
    const uint32_t second = byte(1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return false;
    if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return false;
    i += length;
  }
  return true;
}

}  // namespace mtl::runtime
