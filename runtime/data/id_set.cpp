// The hash table behind a set of names.
#include <algorithm>
#include <bit>

#include "runtime/core/random.h"
#include "runtime/data/dataset.h"
#include "runtime/data/text.h"

namespace mtl::data {

int32_t IdSet::add(const std::string& name) {
  if (3 * (names.size() + 1) > 2 * slots_.size()) grow();
  uint32_t& slot = slots_[slot_of(name)];
  if (slot == 0) {
    names.push_back(name);
    slot = static_cast<uint32_t>(names.size());
  }
  return static_cast<int32_t>(slot - 1);
}

size_t IdSet::slot_of(std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  size_t at = runtime::mix64(runtime::hash_text(name.data(), name.size())) & mask;
  while (slots_[at] != 0 && names[slots_[at] - 1] != name) at = (at + 1) & mask;
  return at;
}

void IdSet::grow() {
  slots_.assign(std::max<size_t>(2 * slots_.size(), 16), 0);
  for (size_t id = 0; id < names.size(); ++id) slots_[slot_of(names[id])] = static_cast<uint32_t>(id + 1);
}

bool IdSet::index_names() {
  slots_.assign(std::bit_ceil(std::max<size_t>(16, names.size() + names.size() / 2 + 1)), 0);
  for (size_t id = 0; id < names.size(); ++id) {
    uint32_t& slot = slots_[slot_of(names[id])];
    if (slot != 0) return false;
    slot = static_cast<uint32_t>(id + 1);
  }
  return true;
}

int32_t IdSet::id_of(std::string_view name) const {
  return slots_.empty() ? -1 : static_cast<int32_t>(slots_[slot_of(name)]) - 1;
}

int32_t IdSet::find(std::string_view name) const {
  if (buckets > 0) return bucket_of(lowercase ? lower_text(name) : std::string(name), buckets);
  const int32_t id = lowercase ? id_of(lower_text(name)) : id_of(name);
  if (id >= 0) return id;
  return has_unknown ? 0 : kUnseen;
}

std::vector<int32_t> IdSet::unknown_ids() const {
  if (!has_unknown || names.empty()) return {};
  if (names[0] == kUnknownName) return {0};
  std::vector<int32_t> out;
  for (size_t e = 0;; ++e) {
    const int32_t id = id_of(std::to_string(e) + "=" + kUnknownName);
    if (id < 0) return out;
    out.push_back(id);
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
