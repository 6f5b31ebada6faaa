// Warns of rows that no example of train reaches.
#include "runtime/training/unknown.h"

#include <fmt/format.h>

#include <set>

#include "runtime/data/unknown.h"
#include "support/diag/kinds/data.h"

namespace mtl::training {

namespace {

SourceRange declared(const data::Spec& spec, const std::string& key) {
  for (const data::VocabSpec& vocab : spec.vocabs)
    if (key == "vocab " + vocab.name) return vocab.range;
  for (const data::SourceSpec& source : spec.sources)
    for (const data::ColumnSpec& column : source.columns)
      if (key == "column " + source.name + "." + column.name) return column.range;
  return {};
}

// From this share of a column's ids on. Below it, what they count as hardly moves a metric.
constexpr double kMatters = 0.01;

// Whether its declaration makes rare ids unknown; train has none that are rare enough then.
bool drops_rare(const data::Spec& spec, const std::string& key) {
  for (const data::VocabSpec& vocab : spec.vocabs)
    if ("vocab " + vocab.name == key) return vocab.min_count > 1;
  for (const data::SourceSpec& source : spec.sources)
    for (const data::ColumnSpec& column : source.columns)
      if (key.substr(key.find(' ') + 1) == source.name + "." + column.name) return column.min_count > 1;
  return false;
}

void warn_of_set(const std::string& key, const data::Spec& spec, const data::Dataset& dataset, diag::Emitter& emitter) {
  const data::UnknownShare share = data::unknown_share(spec, dataset, key);
  if (share.share() < kMatters || data::trains_unknown(spec, dataset, key)) return;
  const bool vocab = key.rfind("vocab ", 0) == 0;
  const std::string name = key.substr(key.find(' ') + 1);
  if (vocab && has_vector_of_unknown(dataset.fitted, name)) return;
  diag::Report report =
      emitter.report(diag::UnknownNeverTrained, name,
                     fmt::format("{} of {} ids ({:.1f}%)", share.unknown, share.of, 100 * share.share()), share.column);
  if (const SourceRange range = declared(spec, key); range.valid()) std::move(report).at(range);
  const std::string where = vocab ? "`unknown = 1%` in `vocab " + name + "`" : "`category(unknown = 1%)`";
  std::move(report).help("draw some of its ids as unknown while training: " + where +
                         (drops_rare(spec, key) ? "" : "; or let rare ones be unknown: `min_count = 2`"));
}

}  // namespace

bool has_vector_of_unknown(const data::Fitted& fitted, const std::string& vocab) {
  const auto vectors = fitted.vectors.find(vocab);
  return vectors != fitted.vectors.end() && vectors->second.find(0) != nullptr;
}

void warn_of_unknown(const std::vector<elaborate::ParamInfo>& params, const data::Spec& spec,
                     const data::Dataset& dataset, diag::Emitter& emitter) {
  std::set<std::string> seen;
  for (const elaborate::ParamInfo& param : params) {
    for (const elaborate::IdAxis& ids : param.ids) {
      if (!param.trained || !seen.insert(ids.set).second) continue;
      warn_of_set(ids.set, spec, dataset, emitter);
    }
  }
}

}  // namespace mtl::training
