// Stretches that BIO, IOBES or BILOU tags mark, read as conlleval reads them: a tag begins a stretch if it is B- or S-,
// or if it continues none of its kind; a change of kind, O, B- or the tag behind an E- or S- ends one.
#pragma once
#include <cstddef>
#include <string_view>

namespace mtl::runtime::deploy {

struct SpanTag {
  char mark = 'O';  // B I E S or O
  std::string_view kind;
};

inline SpanTag read_span_tag(std::string_view text) {
  if (text.size() < 3 || text[1] != '-') return {};
  char mark = text[0];
  if (mark == 'L') mark = 'E';  // BILOU
  if (mark == 'U') mark = 'S';
  if (mark != 'B' && mark != 'I' && mark != 'E' && mark != 'S') return {};
  return {mark, text.substr(2)};
}

// Calls found(begin, end, kind) for every stretch [begin, end) of `count` tags; tag(i) is the text of one.
template <class TagAt, class Found>
void for_each_span(size_t count, TagAt tag_at, Found found) {
  size_t begin = 0;
  std::string_view kind;
  bool inside = false;  // a stretch from `begin` on may go on
  const auto end_at = [&](size_t end) {
    if (inside) found(begin, end, kind);
    inside = false;
  };
  for (size_t i = 0; i < count; ++i) {
    const SpanTag tag = read_span_tag(tag_at(i));
    if (tag.mark == 'O') {
      end_at(i);
      continue;
    }
    if (!inside || tag.mark == 'B' || tag.mark == 'S' || kind != tag.kind) {
      end_at(i);
      begin = i;
      kind = tag.kind;
      inside = true;
    }
    if (tag.mark == 'E' || tag.mark == 'S') end_at(i + 1);
  }
  end_at(count);
}

}  // namespace mtl::runtime::deploy
