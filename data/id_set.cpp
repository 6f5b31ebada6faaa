#include "data/dataset.h"
#include "data/text.h"

namespace mtl::data {

int32_t IdSet::add(const std::string& name) {
  const auto [place, is_new] = ids.emplace(name, static_cast<int32_t>(names.size()));
  if (is_new) names.push_back(name);
  return place->second;
}

int32_t IdSet::find(std::string_view name) const {
  if (buckets > 0) return bucket_of(lowercase ? lower_text(name) : std::string(name), buckets);
  const auto found = ids.find(lowercase ? lower_text(name) : std::string(name));
  if (found != ids.end()) return found->second;
  return has_unknown ? 0 : kUnseen;
}

std::vector<int32_t> IdSet::unknown_ids() const {
  if (!has_unknown || names.empty()) return {};
  if (names[0] == kUnknownName) return {0};
  std::vector<int32_t> out;
  for (size_t e = 0;; ++e) {
    const auto found = ids.find(std::to_string(e) + "=" + kUnknownName);
    if (found == ids.end()) return out;
    out.push_back(found->second);
  }
}

std::optional<int64_t> Fitted::size_of(const Spec& spec, const std::string& path) const {
  const size_t dot = path.find('.');
  if (dot == std::string::npos) {
    const auto vocab = vocabs.find(path);
    return vocab == vocabs.end() ? std::nullopt : std::optional<int64_t>(vocab->second.size());
  }
  for (const SourceSpec& source : spec.sources) {
    if (source.name != path.substr(0, dot)) continue;
    for (const ColumnSpec& column : source.columns) {
      if (column.name != path.substr(dot + 1)) continue;
      if (column.kind == ValueKind::token) return size_of(spec, column.vocab);
      if (const auto set = sets.find(path); set != sets.end()) return set->second.size();
      int64_t size = 1;
      for (const int64_t dim : column.fixed) size *= dim;
      return size;
    }
  }
  return std::nullopt;
}

}  // namespace mtl::data
