// Counts tags by scheme, and finds the scheme that fits.
#include "runtime/training/spans.h"

#include <algorithm>
#include <string_view>

namespace mtl::training {

using runtime::deploy::read_span_tag;
using runtime::deploy::SpanTag;

std::vector<Span> spans_of(const std::vector<std::string>& tags, const SpanForm& form) {
  std::vector<Span> spans;
  runtime::deploy::for_each_span(
      tags.size(), form, [&](size_t i) { return std::string_view(tags[i]); },
      [&](size_t begin, size_t end, std::string_view kind) {
        spans.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(end), std::string(kind)});
      });
  return spans;
}

namespace {

struct Count {
  int tags = 0, with_kind = 0, others = 0;
  bool begins = false, goes_on = false, outside = false;
};

Count count_tags(const std::vector<std::string>& names, const SpanForm& form) {
  Count count;
  for (const std::string& name : names) {
    const SpanTag tag = read_span_tag(name, form);
    const char mark = tag.mark;
    const bool outside = name == "O" || (form.lower && name == "o");
    count.tags += mark != 'O';
    count.with_kind += !tag.kind.empty();
    count.others += mark == 'O' && !outside;
    count.outside = count.outside || outside;
    count.begins = count.begins || mark == 'B';
    count.goes_on = count.goes_on || mark == 'I' || mark == 'E';
  }
  return count;
}

bool marks_spans(const Count& count, const SpanForm& form) {
  if (count.tags == 0 || count.others > 0) return false;
  if (form.mark == SpanForm::Mark::alone)  // letters may be names of anything
    return (count.begins || count.goes_on) && (count.outside || (count.begins && count.goes_on));
  return count.with_kind > 0 && (count.begins || count.outside);
}

template <class F>
void for_each_form(F body) {
  for (const bool lower : {false, true}) {
    for (const SpanForm::Mark mark : {SpanForm::Mark::before, SpanForm::Mark::behind, SpanForm::Mark::alone}) {
      for (const char separator : {'-', '_'}) body(SpanForm{mark, separator, lower});
    }
  }
}

}  // namespace

std::optional<SpanForm> find_span_form(const std::vector<std::string>& names) {
  std::optional<SpanForm> best;
  int most = 0;
  for_each_form([&](const SpanForm& form) {
    const Count count = count_tags(names, form);
    if (count.tags <= most || !marks_spans(count, form)) return;
    best = form;
    most = count.tags;
  });
  return best;
}

std::vector<std::string> labels_beside_tags(const std::vector<std::string>& names) {
  std::vector<std::string> fewest;
  for_each_form([&](const SpanForm& form) {
    std::vector<std::string> others;
    for (const std::string& name : names)
      if (count_tags({name}, form).others > 0) others.push_back(name);
    std::vector<std::string> rest;
    for (const std::string& name : names)
      if (std::find(others.begin(), others.end(), name) == others.end()) rest.push_back(name);
    const bool better = fewest.empty() || others.size() < fewest.size();
    if (!others.empty() && others.size() < rest.size() && better && marks_spans(count_tags(rest, form), form))
      fewest = std::move(others);
  });
  return fewest;
}

bool may_follow(TagScheme scheme, const SpanTag* from, const SpanTag* to) {
  const bool open = from != nullptr && (from->mark == 'B' || from->mark == 'I');
  if (to == nullptr) return scheme != TagScheme::iobes || !open;
  const bool continues = open && from->kind == to->kind;
  if (scheme == TagScheme::iob1) return to->mark != 'B' || continues;
  if (to->mark == 'I' || to->mark == 'E') return continues;
  return scheme == TagScheme::bio || !open;
}

}  // namespace mtl::training
