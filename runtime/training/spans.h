// Stretches that tags mark (runtime/core/deploy/spans.h), and the schemes that tags keep to.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/core/deploy/spans.h"
#include "support/settings/train_config.h"

namespace mtl::training {

using runtime::deploy::SpanForm;

struct Span {  // positions [begin, end)
  int64_t begin = 0, end = 0;
  std::string label;
  bool operator==(const Span&) const = default;
};

std::vector<Span> spans_of(const std::vector<std::string>& tags, const SpanForm& form);

// How these labels write tags; nullopt: they mark no stretches, for one of them is neither a tag nor O. A single I-
// proves nothing, unless there is an O.
std::optional<SpanForm> find_span_form(const std::vector<std::string>& names);
// The labels without which the others would mark stretches; empty: there is no such minority.
std::vector<std::string> labels_beside_tags(const std::vector<std::string>& names);

// `from` null: `to` is the first of a sequence; `to` null: `from` is the last.
bool may_follow(TagScheme scheme, const runtime::deploy::SpanTag* from, const runtime::deploy::SpanTag* to);

}  // namespace mtl::training
