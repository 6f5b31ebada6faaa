#include "training/spans.h"

#include <string_view>

#include "runtime/deploy/spans.h"

namespace mtl::training {

std::vector<Span> spans_of(const std::vector<std::string>& tags) {
  std::vector<Span> spans;
  runtime::deploy::for_each_span(
      tags.size(), [&](size_t i) { return std::string_view(tags[i]); },
      [&](size_t begin, size_t end, std::string_view kind) {
        spans.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(end), std::string(kind)});
      });
  return spans;
}

bool has_span_tags(const std::vector<std::string>& names) {
  bool begins = false;
  for (const std::string& name : names) {
    const runtime::deploy::SpanTag tag = runtime::deploy::read_span_tag(name);
    if (tag.mark == 'O' && name != "O") return false;
    begins = begins || tag.mark == 'B' || tag.mark == 'S';
  }
  return begins;
}

}  // namespace mtl::training
