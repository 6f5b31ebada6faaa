// Stretches that tags mark, read as conlleval reads them: a tag begins a stretch if it is B or S, or if it continues
// none of its kind; a change of kind, O, B or the tag behind an E or S ends one. So BIO, IOB1, IOBES, BILOU, BMES and
// BMEWO are one reading: M is I; L is E; U and W are S.
#pragma once
#include <cstddef>
#include <string_view>

namespace mtl::runtime::deploy {

// How a set of labels writes tags: B-PER, PER-B or B alone; b-per.
struct SpanForm {
  enum class Mark { before, behind, alone };
  Mark mark = Mark::before;
  char separator = '-';
  bool lower = false;
};

struct SpanTag {
  char mark = 'O';  // B I E S or O
  std::string_view kind;
};

// B I E S; 0: `letter` marks nothing.
inline char span_mark(char letter, bool lower) {
  constexpr std::string_view kLetters = "BIMELSUW", kLower = "bimelsuw", kMarks = "BIIEESSS";
  const size_t at = (lower ? kLower : kLetters).find(letter);
  return at == std::string_view::npos ? '\0' : kMarks[at];
}

// A mark alone is a tag of no kind in every form.
inline SpanTag read_span_tag(std::string_view text, const SpanForm& form) {
  const size_t size = text.size();
  const bool before = form.mark == SpanForm::Mark::before, alone = size == 1;
  if (!alone) {
    if (size < 3 || form.mark == SpanForm::Mark::alone || text[before ? 1 : size - 2] != form.separator) return {};
  }
  const char mark = span_mark(text[before || alone ? 0 : size - 1], form.lower);
  if (mark == '\0') return {};
  return {mark, alone ? std::string_view() : text.substr(before ? 2 : 0, size - 2)};
}

// Calls found(begin, end, kind) for every stretch [begin, end) of `count` tags; tag(i) is the text of one.
template <class TagAt, class Found>
void for_each_span(size_t count, const SpanForm& form, TagAt tag_at, Found found) {
  size_t begin = 0;
  std::string_view kind;
  bool inside = false;  // a stretch from `begin` on may go on
  const auto end_at = [&](size_t end) {
    if (inside) found(begin, end, kind);
    inside = false;
  };
  for (size_t i = 0; i < count; ++i) {
    const SpanTag tag = read_span_tag(tag_at(i), form);
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
