// Draws ids as `<unk>` while training, and finds out whether anything trains its row.
#include "runtime/data/unknown.h"

#include <algorithm>
#include <set>

#include "runtime/core/random.h"

namespace mtl::data {
namespace {

double share_of(const Spec& spec, const ColumnSpec& column) {
  if (column.kind != ValueKind::token) return column.unknown;
  for (const VocabSpec& vocab : spec.vocabs)
    if (vocab.name == column.vocab) return vocab.unknown;
  return 0;
}

}  // namespace

const IdSet* find_set(const Fitted& fitted, const std::string& key) {
  const size_t space = key.find(' ');
  if (space == std::string::npos) return nullptr;
  const auto& sets = key.compare(0, space, "vocab") == 0 ? fitted.vocabs : fitted.sets;
  const auto found = sets.find(key.substr(space + 1));
  return found == sets.end() ? nullptr : &found->second;
}

const IdSet* set_with_unknown(const SourceSpec& source, const ColumnSpec& column, const Fitted& fitted) {
  const bool token = column.kind == ValueKind::token;
  if (!token && column.kind != ValueKind::category) return nullptr;
  return find_set(fitted, token ? "vocab " + column.vocab : "column " + source.name + "." + column.name);
}

std::vector<UnknownDraw> unknown_draws(const Spec& spec, const Fitted& fitted, const std::string& source) {
  std::vector<UnknownDraw> draws;
  for (const SourceSpec& one : spec.sources) {
    if (one.name != source) continue;
    for (const ColumnSpec& column : one.columns) {
      const IdSet* set = set_with_unknown(one, column, fitted);
      const double share = share_of(spec, column);
      if (set == nullptr || share <= 0 || !set->has_unknown) continue;  // ids of `hash` and of `bins` have none
      const std::string name = source + "." + column.name, key = "unknown " + name;
      draws.push_back(
          {name, runtime::hash_text(key.data(), key.size()), static_cast<float>(share), set->unknown_ids()});
    }
  }
  return draws;
}

UnknownShare unknown_share(const Spec& spec, const Dataset& dataset, const std::string& key) {
  const IdSet* set = find_set(dataset.fitted, key);
  UnknownShare most;
  if (set == nullptr) return most;
  const std::vector<int32_t> ids = set->unknown_ids();
  const std::set<int32_t> unknown(ids.begin(), ids.end());
  for (const Source& data : dataset.sources) {
    const auto source = std::find_if(spec.sources.begin(), spec.sources.end(),
                                     [&](const SourceSpec& one) { return one.name == data.name; });
    for (const ColumnSpec& column : source->columns) {
      if (set_with_unknown(*source, column, dataset.fitted) != set) continue;
      std::vector<UnknownShare> by_element;
      for (const Split* split : {&data.dev, &data.test}) {
        const auto found = split->columns.find(column.name);
        if (found == split->columns.end()) continue;
        const auto width = static_cast<size_t>(std::max<int64_t>(found->second.width, 1));
        by_element.resize(width, {data.name + "." + column.name});
        for (size_t i = 0; i < found->second.ids.size(); ++i) {
          UnknownShare& mine = by_element[i % width];
          mine.of += found->second.ids[i] >= 0;
          mine.unknown += unknown.count(found->second.ids[i]) > 0;
        }
      }
      for (const UnknownShare& mine : by_element)
        if (mine.share() > most.share()) most = mine;
    }
  }
  return most;
}

bool trains_unknown(const Spec& spec, const Dataset& dataset, const std::string& key) {
  const IdSet* set = find_set(dataset.fitted, key);
  if (set == nullptr) return true;
  const std::vector<int32_t> unknown = set->unknown_ids();
  std::set<int32_t> left(unknown.begin(), unknown.end());
  for (const SourceSpec& source : spec.sources) {
    const auto data = std::find_if(dataset.sources.begin(), dataset.sources.end(),
                                   [&](const Source& one) { return one.name == source.name; });
    for (const ColumnSpec& column : source.columns) {
      if (set_with_unknown(source, column, dataset.fitted) != set) continue;
      if (share_of(spec, column) > 0) return true;
      if (data == dataset.sources.end()) continue;
      const auto encoded = data->train.columns.find(column.name);
      if (encoded == data->train.columns.end()) continue;
      for (const int32_t id : encoded->second.ids)
        if (!left.empty() && left.erase(id) > 0 && left.empty()) return true;
    }
  }
  return left.empty();
}

}  // namespace mtl::data
