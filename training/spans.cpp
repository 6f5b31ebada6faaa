#include "training/spans.h"

namespace mtl::training {

namespace {

struct Tag {
  char mark = 'O';  // B I E S or O
  std::string kind;
};

Tag read_tag(const std::string& text) {
  if (text.size() < 3 || text[1] != '-') return {};
  char mark = text[0];
  if (mark == 'L') mark = 'E';  // BILOU
  if (mark == 'U') mark = 'S';
  if (mark != 'B' && mark != 'I' && mark != 'E' && mark != 'S') return {};
  return {mark, text.substr(2)};
}

}  // namespace

std::vector<Span> spans_of(const std::vector<std::string>& tags) {
  std::vector<Span> spans;
  bool open = false;  // the last span goes on
  for (int64_t i = 0; i < std::ssize(tags); ++i) {
    const Tag tag = read_tag(tags[static_cast<size_t>(i)]);
    if (tag.mark == 'O') {
      open = false;
      continue;
    }
    const bool begins = !open || tag.mark == 'B' || tag.mark == 'S' || spans.back().label != tag.kind;
    if (begins) spans.push_back({i, i, tag.kind});
    spans.back().end = i + 1;
    open = tag.mark != 'E' && tag.mark != 'S';
  }
  return spans;
}

bool has_span_tags(const std::vector<std::string>& names) {
  bool begins = false;
  for (const std::string& name : names) {
    const Tag tag = read_tag(name);
    if (tag.mark == 'O' && name != "O") return false;
    begins = begins || tag.mark == 'B' || tag.mark == 'S';
  }
  return begins;
}

}  // namespace mtl::training
