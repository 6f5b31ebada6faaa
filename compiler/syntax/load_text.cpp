#include "compiler/syntax/load_text.h"

#include <fmt/format.h>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

constexpr size_t kMaxBytes = size_t{4} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_utf16(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
}

// A safetensors file begins with the size of its header, in 8 bytes, and the header, an object of JSON.
bool is_safetensors(std::string_view text) {
  return text.size() > 8 && text.substr(4, 5) == std::string_view("\0\0\0\0{", 5);
}

// Decodes one code point of valid UTF-8 and moves `i` behind it.
char32_t next_point(std::string_view text, size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  char32_t point = lead & (0x3Fu >> more);
  for (int k = 0; k < more; ++k) point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
  return point;
}

LoadedText decode(std::string_view text) {
  LoadedText out;
  out.points.reserve(text.size());
  out.offsets.reserve(text.size() + 1);
  size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (i < text.size()) {
    const auto offset = static_cast<uint32_t>(i);
    char32_t point = next_point(text, i);
    if (point == '\r') {
      if (i < text.size() && text[i] == '\n') ++i;
      point = '\n';
    }
    out.points.push_back(point);
    out.offsets.push_back(offset);
  }
  out.offsets.push_back(static_cast<uint32_t>(text.size()));
  return out;
}

}  // namespace

std::optional<LoadedText> load_text(FileId file, diag::Emitter& emitter) {
  const std::string& text = emitter.sources()->file(file).text();
  const auto byte_at = [&](size_t i) {
    return SourceRange{file, static_cast<uint32_t>(i), static_cast<uint32_t>(i + 1)};
  };
  if (is_safetensors(text)) {
    emitter.report(diag::SourceIsModel, emitter.sources()->file(file).path())
        .help("`mtlc predict`, `eval` and `emit cpp|object` take a model file; the other commands take a .mtl file");
    return std::nullopt;
  }
  if (text.size() > kMaxBytes) {
    emitter.report(diag::SourceTooLarge, text.size()).at({file, 0, 0});
    return std::nullopt;
  }
  if (is_utf16(text)) {
    emitter.report(diag::SourceUtf16).at({file, 0, 0});
    return std::nullopt;
  }
  const size_t bad = find_invalid_utf8(text);
  const size_t nul = text.find('\0');
  if (nul < bad) {
    emitter.report(diag::SourceNul).at(byte_at(nul));
    return std::nullopt;
  }
  if (bad != std::string::npos) {
    emitter.report(diag::SourceInvalidUtf8, fmt::format("0x{:02X}", static_cast<unsigned char>(text[bad])))
        .at(byte_at(bad));
    return std::nullopt;
  }
  return decode(text);
}

}  // namespace mtl::syntax
