// Stretches that BIO, IOBES or BILOU tags mark, read as conlleval reads them: a tag begins a stretch if it is B- or S-,
// or if it continues none of its kind; a change of kind, O, B- or the tag behind an E- or S- ends one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mtl::training {

struct Span {  // positions [begin, end)
  int64_t begin = 0, end = 0;
  std::string label;
  bool operator==(const Span&) const = default;
};

std::vector<Span> spans_of(const std::vector<std::string>& tags);
// Whether all of these names are O or one of B- I- E- S- with a kind, and some begin with B- or S-.
bool has_span_tags(const std::vector<std::string>& names);

}  // namespace mtl::training
