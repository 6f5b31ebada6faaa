#include "training/unknown.h"

#include <set>

#include "compiler/diag/kinds/data.h"
#include "data/unknown.h"

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

}  // namespace

bool has_vector_of_unknown(const data::Fitted& fitted, const std::string& vocab) {
  const auto vectors = fitted.vectors.find(vocab);
  return vectors != fitted.vectors.end() && vectors->second.find(0) != nullptr;
}

void warn_of_unknown(const std::vector<elaborate::ParamInfo>& params, const data::Spec& spec,
                     const data::Dataset& dataset, diag::Emitter& emitter) {
  std::set<std::string> seen;
  for (const elaborate::ParamInfo& param : params) {
    if (param.ids.empty() || !param.trained || !seen.insert(param.ids).second) continue;
    if (data::trains_unknown(spec, dataset, param.ids)) continue;
    const bool vocab = param.ids.rfind("vocab ", 0) == 0;
    const std::string name = param.ids.substr(param.ids.find(' ') + 1);
    if (vocab && has_vector_of_unknown(dataset.fitted, name)) continue;
    diag::Report report = emitter.report(diag::UnknownNeverTrained, name);
    if (const SourceRange range = declared(spec, param.ids); range.valid()) std::move(report).at(range);
    const std::string where = vocab ? "`unknown = 1%` in `vocab " + name + "`" : "`category(unknown = 1%)`";
    std::move(report).help("draw some of its ids as unknown while training: " + where +
                           "; or let rare ones be unknown: `min_count = 2`");
  }
}

}  // namespace mtl::training
