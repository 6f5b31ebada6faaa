#include "compiler/syntax/phrases.h"

namespace mtl::syntax {

const std::vector<Phrase>& phrases() {
  static const std::vector<Phrase> table{
#define MTL_PHRASE(place, seen, advice, mistake, repair) {PhrasePlace::place, seen, advice, mistake, repair},
#include "compiler/syntax/phrases.def"
#undef MTL_PHRASE
  };
  return table;
}

// `embedding`, `layer_norm` and `crossentropyloss` are written for `Embedding`, `LayerNorm` and `CrossEntropyLoss`.
static std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c != '_') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return out;
}

std::string advice(PhrasePlace place, std::string_view seen) {
  const auto row_of = [&](PhrasePlace wanted) -> const Phrase* {
    const Phrase* alike = nullptr;
    for (const Phrase& phrase : phrases()) {
      if (phrase.place != wanted) continue;
      if (phrase.seen == seen) return &phrase;
      if (alike == nullptr && seen.size() > 2 && folded(phrase.seen) == folded(seen)) alike = &phrase;
    }
    return alike;
  };
  const Phrase* row = row_of(place);
  if (row != nullptr) return std::string(row->advice);
  const bool outside = place == PhrasePlace::task || place == PhrasePlace::model || place == PhrasePlace::declaration;
  if (outside) row = row_of(PhrasePlace::train);
  if (row == nullptr) return {};
  const bool stays = !row->repair.empty() && row->repair.front() != '@';  // it is a setting of training here, too
  return std::string(row->advice) + (stays ? "; it belongs into the model's `train { ... }`" : "");
}

}  // namespace mtl::syntax
